//! No path of somebody's machine: the repository works wherever it is cloned.

use crate::offence::Offence;
use crate::tree::File;

/// Directories at the top of a machine that only one person has files in.
const PRIVATE: [&str; 3] = ["root", "work", "home"];

/// A directory beside the repository.
const BESIDE: &str = concat!("../", "shared");

/// No file names a path that exists on one machine only.
pub fn no_private_paths(files: &[File]) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in files {
        for (number, line) in file.lines() {
            if let Some(path) = private_path(line) {
                offences.push(Offence::new(&file.path, number, path));
            }
        }
    }
    offences
}

fn private_path(line: &str) -> Option<String> {
    let absolute = PRIVATE.map(|name| format!("/{name}/"));
    absolute
        .into_iter()
        .find(|path| line.match_indices(path).any(|(start, _)| begins_a_path(&line[..start])))
        .or_else(|| line.contains(BESIDE).then(|| BESIDE.to_owned()))
}

/// Whether a path may begin after `before`: not in the middle of a longer one or of an address.
fn begins_a_path(before: &str) -> bool {
    !before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}' | '~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_one_machine_is_found_and_its_like_is_not() {
        let [root, work, home] = PRIVATE;
        for (line, found) in [
            (format!("see /{root}/notes"), true),
            (format!("\"/{work}/main\""), true),
            (format!("/{home}/someone"), true),
            (format!("(cd {BESIDE}/design)"), true),
            (format!("https://example.org/{home}/page"), false),
            (format!("crates/ferry-api/{work}/x"), false),
            (format!("a/{root}/b"), false),
            ("/homework/".to_owned(), false),
        ] {
            let files = [File::new("docs/a.md", format!("first\n{line}\n"))];
            let offences = no_private_paths(&files);
            assert_eq!(offences.len(), usize::from(found), "{line}");
            assert!(offences.iter().all(|offence| offence.line == 2));
        }
    }
}
