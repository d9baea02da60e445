//! Where a program's log goes: to its standard error, whoever collects that.

use std::fmt;
use std::io::{self, IsTerminal};
use std::str::FromStr;

use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};

/// Libraries that warn of what their peers do wrong, as `h2` does of each request that is called off
/// too late: anybody could fill the log with that. Whoever wants to know names them: `info,h2=warn`.
const QUIET: &str = "h2=error";

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "program", derive(clap::ValueEnum))]
pub enum LogFormat {
    /// For people, with colours if they watch
    #[default]
    Text,
    /// For programs, an object a line
    Json,
}

/// How much is logged, by parts of the program: `info`, or `warn,ferry_guest=debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

/// A text that is no [`LogFilter`].
#[derive(Debug, Error)]
pub enum LogFilterError {
    /// It says nothing that means anything.
    #[error(
        "give a level (error, warn, info, debug, trace or off), or one for each part, as in \
         warn,ferry_guest=debug"
    )]
    Malformed {
        /// What is wrong with it.
        source: ParseError,
    },
    /// It has a word that says of which part, and not how much.
    #[error(
        "\"{word}\" is no level (error, warn, info, debug, trace or off); for one part of the program \
         alone, give it one, as in warn,{word}=debug"
    )]
    Word {
        /// The word.
        word: String,
    },
}

impl FromStr for LogFilter {
    type Err = LogFilterError;

    fn from_str(text: &str) -> Result<Self, LogFilterError> {
        if let Some(word) = text.split(',').map(str::trim).find(|part| is_no_level(part)) {
            return Err(LogFilterError::Word { word: word.to_owned() });
        }
        match EnvFilter::try_new(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(source) => Err(LogFilterError::Malformed { source }),
        }
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl LogFilter {
    /// What is logged, in the words of tracing, where what is named last counts.
    fn directives(&self) -> String {
        let levels = self.0.split(',').filter_map(|part| part.trim().parse::<LevelFilter>().ok());
        // Less than errors is not to become more.
        if levels.max().is_some_and(|level| level > LevelFilter::ERROR) {
            format!("{QUIET},{}", self.0)
        } else {
            self.0.clone()
        }
    }
}

/// Sends what is logged from now on, as far as `filter` lets it through, to standard error. From the
/// second time on nothing changes.
pub fn init(format: LogFormat, filter: &LogFilter) {
    // A log that cannot be written is nothing to die of: tracing would tell of it on the same standard
    // error, and panic when that fails too.
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter.directives()))
        .with_writer(io::stderr)
        .log_internal_errors(false);
    let _first = match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
}

/// Whether part of a filter is a single word and no level. tracing takes it for a part of the program
/// that is to tell everything, and whoever has misspelt a level hears nothing of the rest.
fn is_no_level(part: &str) -> bool {
    let is_word = !part.is_empty() && !part.contains(['=', '[']);
    is_word && part.parse::<LevelFilter>().is_err()
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn a_filter_is_refused_by_what_is_wrong_with_it() {
        let refused = "ferry=loudly".parse::<LogFilter>().unwrap_err().to_string();
        assert!(refused.starts_with("give a level"), "{refused}");
        for (filter, word) in [("inof", "inof"), ("warn, ferry_runtime", "ferry_runtime")] {
            let refused = filter.parse::<LogFilter>().unwrap_err().to_string();
            assert!(refused.contains(&format!("\"{word}\" is no level")), "{refused}");
        }
        for filter in ["", "INFO", "off", "3", "ferry=debug", "[span]", "[span{a=1}]=info"] {
            assert_eq!(filter.parse::<LogFilter>().unwrap().to_string(), filter);
        }
    }

    #[test]
    fn what_peers_do_wrong_is_logged_for_whoever_asks_for_it() {
        let told = |filter: &str, library: bool| {
            let filter = EnvFilter::new(filter.parse::<LogFilter>().unwrap().directives());
            let subscriber = tracing_subscriber::registry().with(filter);
            tracing::subscriber::with_default(subscriber, || {
                if library {
                    tracing::enabled!(target: "h2::proto::streams::recv", tracing::Level::WARN)
                } else {
                    tracing::enabled!(target: "ferry", tracing::Level::WARN)
                }
            })
        };
        for (filter, of_library, of_others) in [
            ("info", false, true),
            ("debug", false, true),
            ("info,h2=warn", true, true),
            ("h2=debug,info", true, true),
            ("info,h2::proto=debug", true, true),
            ("error", false, false),
            ("off", false, false),
            ("ferry=info", false, true),
            ("h2=info", true, false),
        ] {
            assert_eq!(
                (told(filter, true), told(filter, false)),
                (of_library, of_others),
                "{filter}"
            );
        }
        let quiet = |filter: &str| filter.parse::<LogFilter>().unwrap().directives();
        assert_eq!((quiet("off"), quiet("info")), ("off".to_owned(), "h2=error,info".to_owned()));
    }

    #[test]
    fn a_log_is_set_up_once() {
        let filter = "off,ferry_runtime=warn".parse().unwrap();
        init(LogFormat::Json, &filter);
        assert!(tracing::enabled!(tracing::Level::WARN));
        init(LogFormat::Text, &"off".parse().unwrap());
        assert!(tracing::enabled!(tracing::Level::WARN));
    }
}
