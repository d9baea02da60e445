//! The files of the repository.

use std::fs;
use std::io;
use std::path::Path;

use crate::house::{self, Crate};
use crate::rust_text;

/// What lies in the root and is not ours: history, what cargo builds, what a running cluster keeps.
const NOT_OURS: [&str; 3] = [".git", ".ferry", "target"];

/// A text file of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where it is, from the repository's root, with `/` between its parts.
    pub path: String,
    /// What it says.
    pub text: String,
    /// For Rust: the same without comments and without what is in quotes.
    code: Option<String>,
}

/// What a Rust file, or a part of one, is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The library or the program.
    Product,
    /// Tests and benches.
    Test,
}

/// The repository's root, seen from this crate.
pub fn root() -> &'static Path {
    let tidy = Path::new(env!("CARGO_MANIFEST_DIR"));
    tidy.ancestors().nth(2).expect("testbed/tidy lies two levels below the root")
}

/// Every text file below `root`, whether git knows it or not, sorted by path.
///
/// # Errors
/// When a directory or a file cannot be read.
pub fn files(root: &Path) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    collect(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn collect(dir: &Path, prefix: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() && !NOT_OURS.contains(&path.as_str()) {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() {
            // What is no text has no words to check.
            if let Ok(text) = String::from_utf8(fs::read(entry.path())?) {
                files.push(File::new(&path, text));
            }
        }
    }
    Ok(())
}

impl File {
    /// The file at `path` that says `text`.
    pub fn new(path: &str, text: impl Into<String>) -> Self {
        let text = text.into();
        let is_rust = Path::new(path).extension().is_some_and(|extension| extension == "rs");
        let code = is_rust.then(|| rust_text::code(&text));
        Self { path: path.to_owned(), text, code }
    }

    /// Whether it is Rust that a person wrote.
    pub fn is_rust(&self) -> bool {
        self.code.is_some() && !house::is_generated(&self.path)
    }

    /// The crate it belongs to.
    pub fn krate(&self) -> Option<Crate> {
        house::of_file(&self.path)
    }

    /// Its lines with their numbers, from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The lines of its code with their numbers and with what each is for. The last `mod` under
    /// `#[cfg(test)]` is a test up to the file's end, as is all of a file in `tests/` or
    /// `benches/`.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str, Part)> {
        let first_test = if self.is_all_test() { 0 } else { self.first_line_of_tests() };
        self.lines_of_code().enumerate().map(move |(index, line)| {
            let part = if index >= first_test { Part::Test } else { Part::Product };
            (index + 1, line, part)
        })
    }

    fn lines_of_code(&self) -> impl Iterator<Item = &str> {
        self.code.iter().flat_map(|code| code.lines())
    }

    fn is_all_test(&self) -> bool {
        let parts = self.path.split('/').collect::<Vec<_>>();
        matches!(*parts, [_, _, "tests" | "benches", ..])
            || matches!(*parts, [.., "tests.rs"])
            || matches!(*parts, ["testbed", "scenarios", ..])
    }

    fn first_line_of_tests(&self) -> usize {
        let lines: Vec<_> = self.lines_of_code().collect();
        let is_module = |line: &&str| {
            let line = line.trim_start_matches("pub(crate) ");
            line.starts_with("mod ") && line.ends_with('{')
        };
        lines
            .iter()
            .zip(lines.iter().skip(1))
            .position(|(cfg, module)| *cfg == "#[cfg(test)]" && is_module(module))
            .unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(path: &str, text: &str) -> Vec<Part> {
        File::new(path, text).code().map(|(_, _, part)| part).collect()
    }

    #[test]
    fn the_tree_holds_this_file_and_not_what_cargo_builds() {
        let files = files(root()).unwrap();
        let has = |path: &str| files.iter().any(|file| file.path.starts_with(path));
        assert!(has("testbed/tidy/src/tree.rs") && has("Cargo.lock") && has(".ci/"));
        assert!(!has("target/") && !has(".git/"));
    }

    #[test]
    fn tests_begin_at_their_module() {
        use Part::{Product, Test};
        let path = "crates/ferry-api/src/lib.rs";
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(parts(path, text), [Product, Test, Test, Test]);
        assert_eq!(parts(path, "#[cfg(test)]\nuse a::B;\nfn a() {}\n"), [Product; 3]);
        assert_eq!(parts("crates/ferry-api/tests/it.rs", "fn a() {}\n"), [Test]);
        assert_eq!(parts("crates/ferry-api/src/queue/tests.rs", "fn a() {}\n"), [Test]);
    }

    #[test]
    fn what_a_generator_wrote_is_nobodys_style() {
        assert!(File::new("crates/ferry-rpc/src/lib.rs", "").is_rust());
        assert!(!File::new("crates/ferry-rpc/src/generated/node.rs", "").is_rust());
        assert!(!File::new("README.md", "").is_rust());
    }
}
