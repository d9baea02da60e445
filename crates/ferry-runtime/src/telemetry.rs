//! Where a program's log goes: to its standard error, whoever collects that.

use std::io::{self, IsTerminal};

use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people; with colours if they watch.
    #[default]
    Text,
    /// An object a line, for programs.
    Json,
}

/// The log cannot be set up.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// A filter that says nothing.
    #[error("\"{given}\" is no filter such as \"info\" or \"warn,ferry_guest=debug\"")]
    Filter {
        /// What was given.
        given: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// It is set up.
    #[error("the log of this process is set up already")]
    Twice,
}

/// Sends what is logged from now on, as far as `filter` lets it through, to standard error.
///
/// # Errors
/// [`TelemetryError::Filter`], and [`TelemetryError::Twice`] from the second time on.
pub fn init(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    let parsed = EnvFilter::try_new(filter);
    let filter =
        parsed.map_err(|source| TelemetryError::Filter { given: filter.to_owned(), source })?;
    // A log that cannot be written is nothing to die of: tracing would tell of it on the same standard
    // error, and panic when that fails too.
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .log_internal_errors(false);
    match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().try_init(),
    }
    .map_err(|_| TelemetryError::Twice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_refused_by_its_text_and_the_log_starts_once() {
        let refused = init(LogFormat::Text, "ferry=loudly").unwrap_err();
        assert!(refused.to_string().starts_with("\"ferry=loudly\" is no filter"), "{refused}");
        init(LogFormat::Json, "off,ferry_runtime=warn").unwrap();
        assert!(matches!(init(LogFormat::Text, "info"), Err(TelemetryError::Twice)));
    }
}
