//! What a file of Rust looks like.

use crate::offence::Offence;
use crate::tree::File;

/// The most lines of a file. Half of it is where one should begin to wonder.
pub const LINES: usize = 500;

/// The most lines of a program's `main.rs`: it starts the library and prints its error.
pub const LINES_OF_MAIN: usize = 40;

/// Every file says first why it exists.
pub fn says_why(files: &[File]) -> Vec<Offence> {
    rust(files)
        .filter(|file| {
            let why = file.text.lines().next().and_then(|line| line.strip_prefix("//!"));
            why.is_none_or(|why| why.trim().is_empty())
        })
        .map(|file| Offence::new(&file.path, 1, "no //! line at the top"))
        .collect()
}

/// No file is too long.
pub fn short_files(files: &[File]) -> Vec<Offence> {
    too_long(rust(files), LINES)
}

/// A program is a library; its `main.rs` only starts it.
pub fn short_mains(files: &[File]) -> Vec<Offence> {
    too_long(rust(files).filter(|file| file.path.ends_with("/src/main.rs")), LINES_OF_MAIN)
}

fn rust(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| file.is_rust())
}

fn too_long<'a>(files: impl Iterator<Item = &'a File>, most: usize) -> Vec<Offence> {
    files
        .map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > most)
        .map(|(file, lines)| Offence::new(&file.path, most + 1, format!("{lines} lines")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(offences: &[Offence]) -> Vec<&str> {
        offences.iter().map(|offence| offence.path.as_str()).collect()
    }

    #[test]
    fn a_file_that_does_not_say_why_it_exists_is_found() {
        let files = [
            File::new("a.rs", "//! Because.\n"),
            File::new("b.rs", "use std::fmt;\n//! Too late.\n"),
            File::new("c.rs", ""),
            File::new("d.rs", "//!\nuse std::fmt;\n"),
            File::new("e.md", "no Rust"),
        ];
        assert_eq!(paths(&says_why(&files)), ["b.rs", "c.rs", "d.rs"]);
    }

    #[test]
    fn a_file_may_have_so_many_lines_and_not_one_more() {
        let files = [
            File::new("a.rs", "\n".repeat(LINES)),
            File::new("b.rs", "\n".repeat(LINES + 1)),
            File::new("crates/ferry-rpc/src/generated/c.rs", "\n".repeat(LINES + 1)),
            File::new("Cargo.lock", "\n".repeat(LINES + 1)),
        ];
        let offences = short_files(&files);
        assert_eq!(paths(&offences), ["b.rs"]);
        assert_eq!(offences[0].to_string(), "b.rs:501: 501 lines");
    }

    #[test]
    fn a_main_may_have_fewer() {
        let files = [
            File::new("bin/ferry/src/main.rs", "\n".repeat(LINES_OF_MAIN)),
            File::new("bin/ferry-node/src/main.rs", "\n".repeat(LINES_OF_MAIN + 1)),
            File::new("bin/ferry-node/src/lib.rs", "\n".repeat(LINES_OF_MAIN + 1)),
        ];
        assert_eq!(paths(&short_mains(&files)), ["bin/ferry-node/src/main.rs"]);
    }
}
