//! The files of QEMU's disks: what format they have, and blank ones.
//!
//! The format of a disk is never guessed from what it holds. A guest that has a raw disk can write
//! whatever it likes into its beginning, and one that was taken for another format could name any file
//! of the node as the rest of itself. So a disk is raw, unless whoever made the machine names a file
//! that ends in `.qcow2`; and a qcow2 file that refers to another file is refused.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::process::Command;

use ferry_reconcile::guest::{Disk, DiskPlace};

use crate::guests::machine::disks::Place;

/// The program that makes images which are not raw.
const QEMU_IMG: &str = "qemu-img";

/// What a file's name ends in that is no raw image.
const QCOW2: &str = "qcow2";

/// How a qcow2 file begins.
const MAGIC: [u8; 4] = *b"QFI\xfb";

/// The part of a qcow2 file's header that matters here.
const HEADER: usize = 80;

/// Where the header says which file lies under this one, whether there are features that whoever does
/// not know them must not pass by, and which of those means that the contents are in another file.
const BACKING: std::ops::Range<usize> = 8..16;
const VERSION: std::ops::Range<usize> = 4..8;
const FEATURES: std::ops::Range<usize> = 72..80;
const DATA_ELSEWHERE: u64 = 1 << 2;

/// The format of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Raw,
    Qcow2,
}

impl Format {
    /// That of a disk, as its owner has named it.
    pub(super) fn of(disk: &Disk) -> Self {
        let named = match &disk.place {
            DiskPlace::Host { path } | DiskPlace::SharedHost { path } => path.extension(),
            DiskPlace::Ephemeral | DiskPlace::Claim(_) | DiskPlace::SharedClaim(_) => None,
        };
        if named.is_some_and(|ending| ending == QCOW2) { Self::Qcow2 } else { Self::Raw }
    }

    /// What QEMU calls it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => QCOW2,
        }
    }
}

/// Makes sure that a disk's file is there, and is what it is said to be.
///
/// # Errors
/// What is wrong with it, in a sentence.
pub(super) fn provide(name: &str, place: &Place, format: Format) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| {
        format!("the disk {name} at {} cannot be used: {error}", place.path.display())
    };
    match (File::open(&place.path), format) {
        (Ok(file), Format::Qcow2) => stands_alone(file).map_err(|why| failed(&why)),
        (Ok(_), Format::Raw) => Ok(()),
        (Err(error), Format::Raw) if error.kind() == io::ErrorKind::NotFound => {
            let made = File::create_new(&place.path).and_then(|file| file.set_len(place.size));
            made.map_err(|error| failed(&error))
        }
        (Err(error), Format::Qcow2) if error.kind() == io::ErrorKind::NotFound => {
            blank(&place.path, place.size).map_err(|why| failed(&why))
        }
        (Err(error), _) => Err(failed(&error)),
    }
}

/// Makes a qcow2 file that is empty.
fn blank(path: &Path, size: u64) -> Result<(), String> {
    let made = Command::new(QEMU_IMG)
        .args(["create", "-q", "-f", QCOW2])
        .arg(path)
        .arg(size.to_string())
        .output()
        .map_err(|error| format!("cannot start {QEMU_IMG}: {error}"))?;
    if made.status.success() {
        return Ok(());
    }
    // What is half made is not taken for a disk later.
    let _removed = fs::remove_file(path);
    Err(String::from_utf8_lossy(&made.stderr).trim().to_owned())
}

/// Whether a qcow2 file has all of its contents in itself.
fn stands_alone(mut file: impl Read) -> Result<(), String> {
    let mut header = [0; HEADER];
    let mut length = 0;
    while length < HEADER {
        match file.read(&mut header[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) => return Err(error.to_string()),
        }
    }
    if length < HEADER || header[..MAGIC.len()] != MAGIC {
        return Err("it is no qcow2 image, though its name says so".to_owned());
    }
    let number = |range: std::ops::Range<usize>| {
        header[range].iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte))
    };
    // Version 2 ends where version 3 has its features.
    let features = if number(VERSION) >= 3 { number(FEATURES) } else { 0 };
    if number(BACKING) != 0 || features & DATA_ELSEWHERE != 0 {
        return Err("it refers to another file, and only one that holds all of its contents is \
                    taken; `qemu-img convert` makes one of it"
            .to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ferry_units::Bytes;

    use super::*;
    use crate::guests::machine::disks::Moves;

    #[test]
    fn a_disk_is_raw_unless_its_owner_names_a_file_of_another_format() {
        let host = |path: &str| DiskPlace::Host { path: path.into() };
        for (place, format) in [
            (host("/d/disk.img"), Format::Raw),
            (host("/d/disk.qcow2"), Format::Qcow2),
            (host("/d/qcow2"), Format::Raw),
            (DiskPlace::SharedHost { path: "/d/x.qcow2".into() }, Format::Qcow2),
            (DiskPlace::Ephemeral, Format::Raw),
        ] {
            let disk = Disk { name: "root.qcow2".to_owned(), size: Bytes::from_mib(1), place };
            assert_eq!(Format::of(&disk), format, "{disk:?}");
        }
    }

    #[test]
    fn an_image_that_refers_to_another_file_is_refused() {
        let image = |version: u8, backing: u8, features: u8| {
            let mut header = [0; 104];
            header[..4].copy_from_slice(&MAGIC);
            (header[7], header[15], header[79]) = (version, backing, features);
            header
        };
        for (header, is_taken) in [
            (image(3, 0, 0), true),
            (image(3, 0, 1), true),
            (image(2, 0, 4), true),
            (image(3, 104, 0), false),
            (image(2, 104, 0), false),
            (image(3, 0, 4), false),
            ([0; 104], false),
        ] {
            assert_eq!(stands_alone(&header[..]).is_ok(), is_taken, "{header:?}");
        }
        assert!(stands_alone(&MAGIC[..]).is_err());
    }

    #[test]
    fn a_raw_disk_is_made_once_and_then_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("disk.img");
        let place = Place { path: path.clone(), size: 8192, moves: Moves::Along };
        provide("d", &place, Format::Raw).unwrap();
        assert_eq!(fs::read(&path).unwrap(), [0; 8192]);
        // Whatever a guest has written, it stays a raw disk.
        fs::write(&path, MAGIC).unwrap();
        provide("d", &place, Format::Raw).unwrap();
        assert_eq!(fs::read(&path).unwrap(), MAGIC);
        let refused = provide("d", &place, Format::Qcow2).unwrap_err();
        assert!(refused.contains("no qcow2 image"), "{refused}");
    }
}
