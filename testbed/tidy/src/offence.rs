//! One place where the code breaks a rule.

use std::fmt;

/// One place where the code breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offence {
    /// The file, from the repository's root.
    pub path: String,
    /// The line in it, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl Offence {
    /// An offence in `line` (from 1) of the file at `path`.
    pub fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Fails the test that calls it, with every offence and with what to do, unless there is none.
#[track_caller]
pub fn assert_none(mut offences: Vec<Offence>, remedy: &str) {
    offences.sort();
    let list: Vec<_> = offences.iter().map(|offence| format!("  {offence}")).collect();
    assert!(list.is_empty(), "\n{}\nWhat to do: {remedy}\n", list.join("\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_every_place_and_the_remedy() {
        let offences =
            vec![Offence::new("b.rs", 7, "too long"), Offence::new("a.rs", 3, "too short")];
        let panic = std::panic::catch_unwind(|| assert_none(offences, "mend it")).unwrap_err();
        let message = panic.downcast_ref::<String>().unwrap();
        assert_eq!(message, "\n  a.rs:3: too short\n  b.rs:7: too long\nWhat to do: mend it\n");
    }

    #[test]
    fn no_offence_is_no_failure() {
        assert_none(Vec::new(), "nothing");
    }
}
