//! What a guest's program prints before it ends, and what of it says why.

use std::fs;
use std::path::Path;

use super::{LOG, Machine};

/// The end of a log that is looked at for why a program has ended.
const LAST_WORDS: usize = 2 << 10;

/// How what QEMU itself says begins, and how many lines of it are enough.
const QEMU_SAYS: &str = "qemu-system-";
const LAST_LINES: usize = 3;

/// The last that a guest's program has printed: as a rule, why it has ended. QEMU needs several lines
/// for that, and says in the last how to get help.
pub(in crate::guests) fn last_words(dir: &Path) -> Option<String> {
    let bytes = fs::read(dir.join(LOG)).ok()?;
    let end = &bytes[bytes.len().saturating_sub(LAST_WORDS)..];
    let text = String::from_utf8_lossy(end);
    // Usage errors say what is wrong first, and how to get help last.
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    if let Some(error) = lines().rfind(|line| line.starts_with("error:")) {
        return Some(error.to_owned());
    }
    let is_said = |line: &&str| line.starts_with(QEMU_SAYS) && !line.contains(": warning: ");
    if lines().any(|line| is_said(&line)) {
        let said: Vec<_> = lines().skip_while(|line| !is_said(line)).collect();
        return Some(said[said.len().saturating_sub(LAST_LINES)..].join("; "));
    }
    lines().next_back().map(str::to_owned)
}

impl Machine {
    /// Why a migration has failed that the machine calls `error`. QEMU prints the reason and keeps what came
    /// of it.
    pub(in crate::guests) fn why(self, dir: &Path, error: String) -> String {
        match (self, last_words(dir)) {
            (Self::Qemu, Some(said)) if said.contains(&error) => said,
            (Self::Qemu, Some(said)) => format!("{error} ({said})"),
            (Self::Ferry, _) | (Self::Qemu, None) => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_are_those_that_say_why() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(last_words(dir.path()), None);
        for (log, expected) in [
            (
                "ready\nferry-guest: --memory 1 TiB: no memory\n",
                "ferry-guest: --memory 1 TiB: no memory",
            ),
            (
                "error: invalid value 'x' for '--uuid'\n\nFor more information, try '--help'.\n",
                "error: invalid value 'x' for '--uuid'",
            ),
            (
                "qemu-system-x86_64: warning: it is slow\nqemu-system-x86_64: unsupported machine \
                 type\nUse -machine help to list supported machines\n",
                "qemu-system-x86_64: unsupported machine type; Use -machine help to list supported \
                 machines",
            ),
        ] {
            fs::write(dir.path().join(LOG), log).unwrap();
            assert_eq!(last_words(dir.path()).as_deref(), Some(expected));
        }
    }

    #[test]
    fn why_a_migration_has_failed_is_what_came_of_it_and_what_qemu_printed() {
        let dir = tempfile::tempdir().unwrap();
        let error = || "load of migration failed: Invalid argument".to_owned();
        let why = |machine: Machine| machine.why(dir.path(), error());
        assert_eq!((why(Machine::Qemu), why(Machine::Ferry)), (error(), error()));
        fs::write(dir.path().join(LOG), "qemu-system-x86_64: Machine type received is 'a'\n")
            .unwrap();
        let both = format!("{} (qemu-system-x86_64: Machine type received is 'a')", error());
        assert_eq!((why(Machine::Qemu), why(Machine::Ferry)), (both, error()));
        let all = format!("qemu-system-x86_64: {}", error());
        fs::write(dir.path().join(LOG), format!("{all}\n")).unwrap();
        assert_eq!(why(Machine::Qemu), all);
    }
}
