//! Files and folders into an inventory. All errors are gathered: a user mends them in one go.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use ferry_api::manifest::{self, Document};
use ferry_api::{Decoded, FieldError, decode};
use ferry_config::Semantics;
use ferry_policy::explain::{Addition, Inventory};

use crate::cli::{ExplainArguments, Recursion};

/// File endings that a folder is searched for, as `kubectl apply -f FOLDER` has them.
const ENDINGS: [&str; 3] = ["json", "yaml", "yml"];

/// The largest input that is read, in bytes. The dump of a cluster of 10,000 virtual machines has
/// about 100 MiB.
const LARGEST_INPUT: u64 = 1 << 30;

/// What the files say, with notes on what was passed over; or everything that is wrong with them.
pub(super) fn inventory(
    inputs: &[PathBuf],
    recursion: Recursion,
    semantics: Semantics,
) -> Result<(Inventory, Vec<String>), Vec<String>> {
    let mut reading = Reading { semantics, ..Reading::default() };
    for input in inputs {
        reading.input(input, recursion);
    }
    if reading.errors.is_empty() {
        Ok((reading.inventory, reading.notes))
    } else {
        Err(reading.errors)
    }
}

#[derive(Default)]
struct Reading {
    semantics: Semantics,
    inventory: Inventory,
    notes: Vec<String>,
    errors: Vec<String>,
}

impl Reading {
    fn input(&mut self, input: &Path, recursion: Recursion) {
        if input == Path::new("-") {
            let mut text = String::new();
            match std::io::stdin().take(LARGEST_INPUT).read_to_string(&mut text) {
                Ok(_) => self.text("standard input", &text),
                Err(error) => self.errors.push(format!("standard input: {error}")),
            }
            return;
        }
        match fs::metadata(input) {
            Ok(metadata) if metadata.is_dir() => self.folder(input, recursion),
            Ok(_) => self.file(input),
            Err(error) => self.errors.push(format!("{}: {error}", input.display())),
        }
    }

    fn folder(&mut self, folder: &Path, recursion: Recursion) {
        match manifests_in(folder, recursion) {
            Ok(files) if files.is_empty() => {
                let folder = folder.display();
                self.errors.push(format!("{folder}: no .yaml, .yml or .json file in this folder"));
            }
            Ok(files) => files.iter().for_each(|file| self.file(file)),
            Err(error) => self.errors.push(format!("{}: {error}", folder.display())),
        }
    }

    fn file(&mut self, file: &Path) {
        let name = file.display().to_string();
        let opened = fs::File::open(file);
        let mut text = String::new();
        match opened.and_then(|file| file.take(LARGEST_INPUT).read_to_string(&mut text)) {
            Ok(_) => self.text(&name, &text),
            Err(error) => self.errors.push(format!("{name}: {error}")),
        }
    }

    fn text(&mut self, name: &str, text: &str) {
        match manifest::read(text) {
            Ok(documents) => {
                for document in &documents {
                    self.document(name, document);
                }
            }
            Err(error) => self.errors.push(format!("{name}: {error}")),
        }
    }

    fn document(&mut self, file: &str, document: &Document) {
        let place = format!("{file}: {}", Described(document));
        let errors = match decode(&document.value) {
            Err(errors) => errors,
            Ok(Decoded::Foreign { api_version, kind }) => {
                self.notes.push(format!(
                    "note: {place}: skipped, ferry does not know {kind} of {api_version}"
                ));
                return;
            }
            Ok(Decoded::Known { object, filing }) => {
                match self.inventory.add(object, filing, self.semantics) {
                    Err(errors) => errors,
                    Ok(Addition::New | Addition::Ignored) => return,
                    Ok(Addition::Replaced) => {
                        self.notes.push(format!(
                            "note: {place}: takes the place of an earlier one of this name"
                        ));
                        return;
                    }
                }
            }
        };
        self.errors.extend(errors.iter().map(|error: &FieldError| format!("{place}: {error}")));
    }
}

/// The manifests of a folder in the order of their names, those of its folders after its own.
fn manifests_in(folder: &Path, recursion: Recursion) -> std::io::Result<Vec<PathBuf>> {
    let mut entries: Vec<_> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    entries.sort();
    let (folders, files): (Vec<_>, Vec<_>) = entries.into_iter().partition(|path| path.is_dir());
    let is_manifest = |path: &PathBuf| {
        path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
    };
    let mut manifests: Vec<_> = files.into_iter().filter(is_manifest).collect();
    match recursion {
        Recursion::Off => {}
        Recursion::On => {
            for folder in folders.iter().filter(|folder| !folder.is_symlink()) {
                manifests.extend(manifests_in(folder, recursion)?);
            }
        }
    }
    Ok(manifests)
}

/// `document 2 (MigrationPolicy production)`.
struct Described<'a>(&'a Document);

impl std::fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Document { place, value } = self.0;
        write!(f, "{place}")?;
        let text = |value: Option<&serde_json::Value>| value?.as_str().map(str::to_owned);
        let name = value.get("metadata").and_then(|metadata| text(metadata.get("name")));
        match (text(value.get("kind")), name) {
            (Some(kind), Some(name)) => write!(f, " ({kind} {name})"),
            (Some(kind), None) => write!(f, " ({kind})"),
            (None, _) => Ok(()),
        }
    }
}

impl ExplainArguments {
    pub(super) const fn recursion(&self) -> Recursion {
        if self.recursive { Recursion::On } else { Recursion::Off }
    }
}
