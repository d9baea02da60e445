//! The serial console of a guest: what it says of itself, line by line, in a file.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Once;

use ferry_units::Instant;

use super::error::MachineError;

/// Where a guest's console goes. A file that takes nothing more, on a full disk for instance, costs
/// the guest its lines and nothing else.
#[derive(Debug)]
pub struct Serial {
    file: Option<File>,
    complained: Once,
}

impl Serial {
    /// Lines are appended to the file at `path`, which is made if it is not there; without one they
    /// go nowhere.
    ///
    /// # Errors
    /// [`MachineError::File`].
    pub fn open(path: Option<&Path>) -> Result<Self, MachineError> {
        let open = |path: &Path| {
            let file = OpenOptions::new().append(true).create(true).open(path);
            file.map_err(|source| MachineError::File { path: path.to_owned(), source })
        };
        path.map(open).transpose().map(|file| Self { file, complained: Once::new() })
    }

    /// Appends a line, after the time, as a kernel would.
    pub(crate) fn line(&self, now: Instant, text: &str) {
        let Some(mut file) = self.file.as_ref() else { return };
        let (seconds, rest) = (now.nanos() / 1_000_000_000, now.nanos() % 1_000_000_000);
        // One write, so that lines of several threads stay whole.
        let line = format!("[{seconds:5}.{:06}] {text}\n", rest / 1_000);
        if let Err(error) = file.write_all(line.as_bytes()) {
            self.complained.call_once(|| {
                tracing::warn!(%error, "the serial console loses lines from here on");
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_appended_with_their_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("serial.log");
        for text in ["one", "two"] {
            let serial = Serial::open(Some(&path)).unwrap();
            serial.line(Instant::from_nanos(12_000_345_678), text);
        }
        let lines = std::fs::read_to_string(&path).unwrap();
        assert_eq!(lines, "[   12.000345] one\n[   12.000345] two\n");
    }

    #[test]
    fn a_full_disk_costs_lines_only() {
        let serial = Serial::open(Some(Path::new("/dev/full"))).unwrap();
        serial.line(Instant::default(), "lost");
        serial.line(Instant::default(), "lost too");
        Serial::open(None).unwrap().line(Instant::default(), "nowhere");
        assert!(Serial::open(Some(Path::new("/nonexistent/serial.log"))).is_err());
    }
}
