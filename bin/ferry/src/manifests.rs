//! Files and folders into documents. All errors are gathered: a user mends them in one go.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use ferry_api::manifest::{self, Document};

/// File endings that a folder is searched for, as `kubectl apply -f FOLDER` has them.
const ENDINGS: [&str; 3] = ["json", "yaml", "yml"];

/// The largest input that is read, in bytes. The dump of a cluster of 10,000 virtual machines has
/// about 100 MiB.
const LARGEST_INPUT: u64 = 1 << 30;

/// Whether folders within folders are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recursion {
    /// They are not.
    Off,
    /// They are, all the way down.
    On,
}

/// A document and where it was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manifest {
    /// The file's name as it was given, or `standard input`.
    pub(crate) file: String,
    pub(crate) document: Document,
}

/// All documents of the inputs, in their order, and everything that cannot be read.
pub(crate) fn read(inputs: &[PathBuf], recursion: Recursion) -> (Vec<Manifest>, Vec<String>) {
    let mut reading = Reading::default();
    for input in inputs {
        reading.input(input, recursion);
    }
    (reading.manifests, reading.errors)
}

/// The documents of a text that is called `file`.
pub(crate) fn of_text(file: &str, text: &str) -> Result<Vec<Manifest>, manifest::ManifestError> {
    let documents = manifest::read(text)?.into_iter();
    Ok(documents.map(|document| Manifest { file: file.to_owned(), document }).collect())
}

impl Recursion {
    /// What a flag says that is there or not.
    pub(crate) const fn of(is_recursive: bool) -> Self {
        if is_recursive { Self::On } else { Self::Off }
    }
}

impl Manifest {
    /// `vm.yaml: document 2 (VirtualMachine web)`.
    pub(crate) fn place(&self) -> String {
        format!("{}: {}", self.file, Described(&self.document))
    }
}

#[derive(Default)]
struct Reading {
    manifests: Vec<Manifest>,
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

    fn text(&mut self, file: &str, text: &str) {
        match of_text(file, text) {
            Ok(manifests) => self.manifests.extend(manifests),
            Err(error) => self.errors.push(format!("{file}: {error}")),
        }
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
