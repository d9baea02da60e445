//! What the README and the documents show is what the program prints.

use std::fs;
use std::path::Path;

use crate::common::Folder;

fn repository(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    fs::read_to_string(path).unwrap()
}

#[test]
fn the_readme_shows_what_explain_prints() {
    let folder = Folder::new("readme");
    let example = "docs/examples/explain/production.yaml";
    folder.write(example, repository(example));
    let run = folder.ferry(&["explain", "-f", example]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    let block = format!("```text\n{}```", run.out);
    assert!(repository("README.md").contains(&block), "the README should show:\n{block}");
}

#[test]
fn every_warning_is_documented() {
    let documented = repository("docs/explain.md");
    for code in ferry_policy::explain::WarningCode::ALL {
        assert!(documented.contains(&format!("| `{code}` |")), "{code}");
    }
}

#[test]
fn completion_scripts_are_printed_for_every_shell() {
    let folder = Folder::new("completion");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = folder.ferry(&["completion", shell]);
        assert_eq!(run.code, Some(0));
        assert!(run.out.contains("semantics"), "{shell}");
    }
}
