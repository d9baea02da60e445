//! What every crate inherits from the workspace.

use crate::house;
use crate::offence::Offence;
use crate::tree::File;

/// What `[package]` says of every crate, beside its name and description.
const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

/// Every crate inherits what all have in common, and all its lints.
pub fn inherit(files: &[File]) -> Vec<Offence> {
    let mut offences = Vec::new();
    let manifests = files
        .iter()
        .filter(|file| matches!(*file.path.split('/').collect::<Vec<_>>(), [_, _, "Cargo.toml"]));
    for file in manifests {
        for field in INHERITED {
            expect(file, "[package]", &format!("{field}.workspace = true"), &mut offences);
        }
        let own_lints = file.krate().is_some_and(|each| house::OWN_LINTS.contains(&each.name));
        if !own_lints {
            expect(file, "[lints]", "workspace = true", &mut offences);
        }
    }
    offences
}

/// Looks for `entry` in `section`, where the entry is the whole line.
fn expect(file: &File, section: &str, entry: &str, offences: &mut Vec<Offence>) {
    let start = file.lines().find(|(_, line)| line.trim() == section).map(|(number, _)| number);
    let Some(start) = start else {
        return offences.push(Offence::new(&file.path, 1, format!("no {section} with {entry}")));
    };
    let mut lines = file.text.lines().skip(start).take_while(|line| !line.starts_with('['));
    if !lines.any(|line| line.trim() == entry) {
        offences.push(Offence::new(&file.path, start, format!("no {entry} in {section}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "[package]\nname = \"x\"\nversion.workspace = true\n\
        edition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\n\
        publish.workspace = true\n\n[lints]\nworkspace = true\n";

    fn broken(path: &str, text: &str) -> Vec<String> {
        inherit(&[File::new(path, text)]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_manifest_that_inherits_all_is_in_order() {
        assert!(broken("crates/ferry-api/Cargo.toml", WHOLE).is_empty());
    }

    #[test]
    fn a_crate_without_the_lints_of_all_is_found() {
        let without = WHOLE.replace("[lints]\nworkspace = true\n", "");
        assert_eq!(
            broken("crates/ferry-api/Cargo.toml", &without),
            ["crates/ferry-api/Cargo.toml:1: no [lints] with workspace = true"]
        );
        let own = WHOLE.replace("[lints]\nworkspace = true\n", "[lints.rust]\nunsafe_code = 1\n");
        assert_eq!(broken("crates/ferry-api/Cargo.toml", &own).len(), 1);
        assert!(broken("crates/ferry-memory/Cargo.toml", &own).is_empty());
    }

    #[test]
    fn a_version_of_its_own_is_found() {
        let own = WHOLE.replace("version.workspace = true\nedition", "version = \"2\"\nedition");
        assert_eq!(
            broken("bin/ferry/Cargo.toml", &own),
            ["bin/ferry/Cargo.toml:1: no version.workspace = true in [package]"]
        );
    }

    #[test]
    fn an_entry_counts_only_in_its_section() {
        let moved = WHOLE.replace("license.workspace = true\n", "")
            + "[package.metadata]\nlicense.workspace = true\n";
        assert_eq!(
            broken("bin/ferry/Cargo.toml", &moved),
            ["bin/ferry/Cargo.toml:1: no license.workspace = true in [package]"]
        );
    }
}
