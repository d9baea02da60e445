//! The ledger of copied behaviour is complete.
//!
//! Where ferry does what KubeVirt or QEMU does because they do it, a comment names the place:
//! the word PARITY, a path and a function. `docs/parity.md` has a row for each such path, with the
//! tests that hold it.

use std::collections::BTreeSet;

use crate::offence::Offence;
use crate::tree::File;

/// The ledger.
pub const LEDGER: &str = "docs/parity.md";

/// What a comment that names a place begins with.
const MARK: &str = "// PARITY:";

/// Every place that a comment names is in the ledger, and every comment names one.
pub fn every_place_is_listed(files: &[File]) -> Vec<Offence> {
    let Some(ledger) = files.iter().find(|file| file.path == LEDGER) else {
        return vec![Offence::new(LEDGER, 1, "there is no ledger")];
    };
    let mut offences = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        for (number, line) in file.lines() {
            let Some(place) = line.trim_start().strip_prefix(MARK) else { continue };
            match place.trim().split_once('#') {
                Some((path, function)) if path.contains('/') && !function.is_empty() => {
                    if !names(&ledger.text, path) {
                        let what = format!("{path} is not in {LEDGER}");
                        offences.push(Offence::new(&file.path, number, what));
                    }
                }
                Some(_) | None => {
                    offences.push(Offence::new(&file.path, number, "names no path#function"));
                }
            }
        }
    }
    offences
}

/// Every test that the ledger names exists.
pub fn every_test_exists(files: &[File]) -> Vec<Offence> {
    let tests: BTreeSet<&str> =
        files.iter().filter(|file| file.is_rust()).flat_map(functions).collect();
    let mut offences = Vec::new();
    for file in files.iter().filter(|file| file.path == LEDGER) {
        for (number, line) in file.lines() {
            let quoted = line.split('`').skip(1).step_by(2);
            let named = quoted.filter(|name| name.starts_with("parity_"));
            for name in named.filter(|name| !tests.contains(name)) {
                offences.push(Offence::new(&file.path, number, format!("no test {name}")));
            }
        }
    }
    offences
}

/// Whether the ledger names `path` and not only one that it is a part of.
fn names(ledger: &str, path: &str) -> bool {
    ledger.match_indices(path).any(|(start, _)| {
        let in_path = |c: char| c.is_alphanumeric() || matches!(c, '/' | '_' | '-' | '.');
        let after = &ledger[start + path.len()..];
        !ledger[..start].ends_with(in_path) && !after.starts_with(in_path)
    })
}

/// The names of the functions that a file declares, one a line at most, as rustfmt writes them.
fn functions(file: &File) -> impl Iterator<Item = &str> {
    file.code().filter_map(|(_, line, _)| {
        let (_, rest) = line.split_once("fn ")?;
        rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(text: &str) -> File {
        File::new(LEDGER, text)
    }

    fn printed(offences: &[Offence]) -> Vec<String> {
        offences.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_place_that_is_not_listed_is_found() {
        let code = "//! x\n    // PARITY: pkg/a/listed.go#f\n// PARITY: pkg/a/missing.go#g\n";
        let files = [File::new("a.rs", code), ledger("| `pkg/a/listed.go#f` | x | y | z |")];
        assert_eq!(
            printed(&every_place_is_listed(&files)),
            ["a.rs:3: pkg/a/missing.go is not in docs/parity.md"]
        );
    }

    #[test]
    fn a_part_of_a_listed_path_is_not_listed() {
        let files = [
            File::new("a.rs", "// PARITY: pkg/a/vm.go#f"),
            ledger("`staging/pkg/a/vm.go#f` `pkg/a/vm.go.md`"),
        ];
        assert_eq!(every_place_is_listed(&files).len(), 1);
    }

    #[test]
    fn a_comment_without_a_place_is_found() {
        for place in ["", "somewhere", "pkg/a.go", "pkg/a.go#", "#f"] {
            let files = [File::new("a.rs", format!("// PARITY: {place}")), ledger("pkg/a.go")];
            assert_eq!(printed(&every_place_is_listed(&files)), ["a.rs:1: names no path#function"]);
        }
    }

    #[test]
    fn a_missing_ledger_is_found() {
        let files = [File::new("a.rs", "//! x")];
        assert_eq!(
            printed(&every_place_is_listed(&files)),
            ["docs/parity.md:1: there is no ledger"]
        );
    }

    #[test]
    fn a_test_that_is_gone_is_found() {
        let files = [
            File::new("a.rs", "#[test]\nfn parity_here() {\n// fn parity_gone()\n"),
            ledger("x\n| `parity_here`, `parity_gone` | the parity_of prose |"),
        ];
        assert_eq!(printed(&every_test_exists(&files)), ["docs/parity.md:2: no test parity_gone"]);
    }
}
