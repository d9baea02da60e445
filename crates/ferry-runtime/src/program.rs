//! How a program begins and ends: its command line is read, its log set up, and why it failed is told.
//!
//! Every program ends with 0 if all went well, with 1 if it failed, and with 2 if its command line is
//! wrong.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser};
use clap_complete::Shell;

use crate::telemetry::{self, LogFilter, LogFormat};

/// How a program logs, as options of its command line. One that wants another filter where none is
/// given says so with `mut_arg("log", …)`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct LogArguments {
    /// How to log, on standard error
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// What to log: error, warn, info, debug, trace or off, also for parts of the program, as in
    /// info,ferry_client=debug
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub log: LogFilter,
}

impl LogArguments {
    /// Sets up the log of this process. From the second time on nothing changes.
    pub fn start(&self) {
        telemetry::init(self.log_format, &self.log);
    }
}

/// Reads the command line of this process and lets `work` do what it says.
///
/// The process ends with what this returns. Help and complaints about the command line are printed
/// here, and so is an error, after the program's name and with what is behind it.
pub fn run<C: Parser, E: Display>(work: impl FnOnce(C) -> Result<(), E>) -> ExitCode {
    let cli = match C::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return tell(&answer),
    };
    match work(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody left to tell if this fails.
            let _told = writeln!(io::stderr(), "{}: {error:#}", C::command().get_name());
            ExitCode::FAILURE
        }
    }
}

/// Says what was asked for, such as the help, or what is wrong with the command line.
fn tell(answer: &clap::Error) -> ExitCode {
    match answer.print().and_then(|()| io::stdout().flush()) {
        Ok(()) => u8::try_from(answer.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from),
        Err(_) => ExitCode::FAILURE,
    }
}

/// Ends the process as one whose command line is wrong, for what only shows when its options are
/// looked at together.
pub fn wrong<C: CommandFactory>(message: impl Display) -> ! {
    C::command().error(ErrorKind::ValueValidation, message).exit()
}

/// Prints a script that completes the program's options in `shell`.
///
/// # Errors
/// If standard output cannot be written to.
pub fn completion<C: CommandFactory>(shell: Shell) -> io::Result<()> {
    let mut script = Vec::new();
    let mut command = C::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut script);
    let mut out = io::stdout().lock();
    out.write_all(&script).and_then(|()| out.flush())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program.
    #[derive(Debug, Parser)]
    #[command(name = "boat")]
    struct Boat {
        #[command(flatten)]
        log: LogArguments,
    }

    fn read(arguments: &[&str]) -> Result<LogArguments, String> {
        let arguments = ["boat"].iter().chain(arguments);
        Boat::try_parse_from(arguments).map(|it| it.log).map_err(|error| error.to_string())
    }

    #[test]
    fn the_options_of_a_log_are_read_or_refused_by_name() {
        let usual = read(&[]).unwrap();
        assert_eq!((usual.log_format, usual.log.to_string().as_str()), (LogFormat::Text, "info"));
        let other = read(&["--log-format", "json", "--log", "warn,boat=debug"]).unwrap();
        assert_eq!(other.log_format, LogFormat::Json);
        assert_eq!(other.log.to_string(), "warn,boat=debug");
        for (arguments, said) in [
            (["--log", "loudly"], "'loudly' for '--log <FILTER>': \"loudly\" is no level (error,"),
            (["--log", "boat=loudly"], "'boat=loudly' for '--log <FILTER>'"),
            (["--log-format", "yaml"], "[possible values: text, json]"),
        ] {
            let refused = read(&arguments).unwrap_err();
            assert!(refused.contains(said), "no {said:?}: {refused}");
        }
    }
}
