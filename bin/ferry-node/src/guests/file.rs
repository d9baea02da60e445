//! Small files that are whole or not there, whenever the daemon is killed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Replaces a file by `value` as JSON. Afterwards the new content is on the disk; before, the old one.
///
/// # Errors
/// When it cannot be written; the old content stays then.
pub(super) fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = File::create(&draft)?;
    file.write_all(&serde_json::to_vec_pretty(value)?)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

/// Reads such a file; `None` where there is none.
///
/// # Errors
/// When it cannot be read, or holds something else.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Keeps the newest `most` files of a directory whose names end in `.json`.
///
/// # Errors
/// When the directory cannot be read.
pub(super) fn keep_newest(dir: &Path, most: usize) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push((entry.metadata()?.modified()?, path));
        }
    }
    files.sort();
    let surplus = files.len().saturating_sub(most);
    for (_, path) in files.drain(..surplus) {
        fs::remove_file(path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_the_newest_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..5 {
            let path = dir.path().join(format!("{number}.json"));
            assert_eq!(read::<u32>(&path).unwrap(), None);
            write(&path, &number).unwrap();
            assert_eq!(read(&path).unwrap(), Some(number));
        }
        keep_newest(dir.path(), 2).unwrap();
        let kept = (0..5).filter(|n| dir.path().join(format!("{n}.json")).exists());
        assert_eq!(kept.collect::<Vec<_>>(), [3, 4]);
        fs::write(dir.path().join("3.json"), "{").unwrap();
        assert!(read::<u32>(&dir.path().join("3.json")).is_err());
    }
}
