//! How a command ends: what it prints, where, and with which exit code.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Stderr, Stdout, Write};
use std::process::ExitCode;

use serde::Serialize;

use crate::cli::Format;

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// For standard output. Empty when the command failed: nothing is printed half-way.
    pub(crate) result: String,
    /// For standard error, a line each.
    pub(crate) notes: Vec<String>,
    pub(crate) status: Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Success,
    Failure,
    /// Somebody has pressed Ctrl-C before it was done.
    Interrupted,
}

/// The exit code of a program that Ctrl-C has ended, as shells have it: 128 and the signal's number.
pub(crate) const INTERRUPTED: u8 = 130;

impl Outcome {
    pub(crate) const fn success(result: String) -> Self {
        Self { result, notes: Vec::new(), status: Status::Success }
    }

    /// A failure with one line for each thing that is wrong.
    pub(crate) fn failure(errors: impl IntoIterator<Item = String>) -> Self {
        let notes = errors.into_iter().map(|error| format!("error: {error}")).collect();
        Self { result: String::new(), notes, status: Status::Failure }
    }

    /// Prints it all. A reader that has seen enough (`ferry … | head`) is no failure.
    pub(crate) fn deliver(&self, out: &mut impl Write, err: &mut impl Write) -> ExitCode {
        for note in &self.notes {
            // With standard error gone there is nobody left to tell.
            let _ = writeln!(err, "{}", printable(note));
        }
        match write(out, &printable(&self.result)) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            Err(error) => {
                let _ = writeln!(err, "error: cannot write the result: {error}");
                return ExitCode::FAILURE;
            }
        }
        match self.status {
            Status::Success => ExitCode::SUCCESS,
            Status::Failure => ExitCode::FAILURE,
            Status::Interrupted => ExitCode::from(INTERRUPTED),
        }
    }
}

/// A value as a program wants it.
pub(crate) fn in_format(value: &impl Serialize, format: Format) -> anyhow::Result<String> {
    Ok(match format {
        Format::Yaml => serde_saphyr::to_string(value)?,
        Format::Json | Format::Text => serde_json::to_string_pretty(value)? + "\n",
    })
}

/// Prints while a command goes on: results to standard output, everything else to standard error.
#[derive(Debug)]
pub(crate) struct Printer {
    out: Stdout,
    err: Stderr,
}

impl Printer {
    pub(crate) fn new() -> Self {
        Self { out: io::stdout(), err: io::stderr() }
    }

    /// A part of the result, as it is.
    pub(crate) fn result(&mut self, text: &str) -> io::Result<()> {
        write(&mut self.out, &printable(text))
    }

    /// A line of the result.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        self.result(&format!("{text}\n"))
    }

    /// What somebody else has printed, byte for byte.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }

    /// A line for people.
    pub(crate) fn note(&mut self, text: &str) {
        // With standard error gone there is nobody left to tell.
        let _ = writeln!(self.err, "{}", printable(text));
    }
}

/// The text without what would steer a terminal: manifests come from anywhere, and their names and
/// values end up in messages.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let steers = |c: char| c.is_control() && c != '\n';
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| if steers(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(shown).collect())
}

fn write(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    out.flush()
}
