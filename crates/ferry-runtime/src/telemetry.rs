//! Where a program's log goes: to its standard error, whoever collects that.

use std::io::{self, IsTerminal};

use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};

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
    /// A filter with a word that says how much, and of nothing.
    #[error(
        "{given:?} is no filter: \"{word}\" is no level (error, warn, info, debug, trace, off); for \
         one part of the program alone, give it one, as in warn,{word}=debug"
    )]
    Word {
        /// What was given.
        given: String,
        /// The word in it.
        word: String,
    },
    /// It is set up.
    #[error("the log of this process is set up already")]
    Twice,
}

/// Sends what is logged from now on, as far as `filter` lets it through, to standard error.
///
/// # Errors
/// [`TelemetryError::Filter`] or [`TelemetryError::Word`], and [`TelemetryError::Twice`] from the second time on.
pub fn init(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    if let Some(word) = filter.split(',').map(str::trim).find(|part| is_no_level(part)) {
        return Err(TelemetryError::Word { given: filter.to_owned(), word: word.to_owned() });
    }
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

/// Whether part of a filter is a single word and no level. tracing takes it for a part of the program
/// that is to tell everything, and whoever has misspelt a level hears nothing of the rest.
fn is_no_level(part: &str) -> bool {
    let is_word = !part.is_empty() && !part.contains(['=', '[']);
    is_word && part.parse::<LevelFilter>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_refused_by_its_text_and_the_log_starts_once() {
        let refused = init(LogFormat::Text, "ferry=loudly").unwrap_err();
        assert!(refused.to_string().starts_with("\"ferry=loudly\" is no filter"), "{refused}");
        for (filter, word) in [("inof", "inof"), ("warn, ferry_runtime", "ferry_runtime")] {
            let refused = init(LogFormat::Text, filter).unwrap_err().to_string();
            assert!(refused.contains(&format!("\"{word}\" is no level")), "{refused}");
        }
        for part in ["", "INFO", "off", "3", "ferry=debug", "[span]", "[span{a=1}]=info"] {
            assert!(!is_no_level(part), "{part}");
        }
        init(LogFormat::Json, "off,ferry_runtime=warn").unwrap();
        assert!(matches!(init(LogFormat::Text, "info"), Err(TelemetryError::Twice)));
    }
}
