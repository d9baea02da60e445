//! Where the disks of guests are.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use ferry_reconcile::guest::{Disk, DiskPlace};

use super::whole_pages;

/// Where a node keeps disks.
#[derive(Debug)]
pub(in crate::guests) struct Places {
    /// Claims that only this node can use.
    pub(in crate::guests) claims: PathBuf,
    /// Claims that every node can use; none where the node has no such storage.
    pub(in crate::guests) shared: Option<PathBuf>,
}

/// Whether a disk moves with its guest.
#[derive(Clone, Copy)]
enum Moves {
    Along,
    Not,
}

impl Places {
    /// How a disk is named on a command line; the directory that it lies in is made.
    pub(super) fn disk(&self, disk: &Disk, dir: &Path) -> Result<OsString, String> {
        let (path, moves) = match &disk.place {
            DiskPlace::Ephemeral => (dir.join("disks").join(image(&disk.name)), Moves::Along),
            DiskPlace::Claim { namespace, name } => {
                (self.claims.join(namespace).join(image(name)), Moves::Along)
            }
            DiskPlace::SharedClaim { namespace, name } => {
                let shared = self.shared.as_ref().ok_or_else(|| {
                    format!(
                        "the disk {} is on the claim {namespace}/{name}, which all nodes share, and \
                         this node has no --shared-storage",
                        disk.name
                    )
                })?;
                (shared.join(namespace).join(image(name)), Moves::Not)
            }
            DiskPlace::Host { path } => (path.clone(), Moves::Along),
            DiskPlace::SharedHost { path } => (path.clone(), Moves::Not),
        };
        if path.as_os_str().as_encoded_bytes().contains(&b',') {
            return Err(format!(
                "the disk {} lies at {}, and a path must not have a comma",
                disk.name,
                path.display()
            ));
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| {
                format!("cannot make {} for the disk {}: {error}", parent.display(), disk.name)
            })?;
        }
        let mut word = path.into_os_string();
        word.push(format!(",size={}", whole_pages(disk.size)));
        match moves {
            Moves::Along => {}
            Moves::Not => word.push(",shared"),
        }
        Ok(word)
    }
}

fn image(name: &str) -> String {
    format!("{name}.img")
}

#[cfg(test)]
mod tests {
    use ferry_units::Bytes;

    use super::*;

    #[test]
    fn each_disk_has_its_place() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        let places = Places { claims: at("claims"), shared: Some(at("shared")) };
        let guest = at("guest");
        let claim = |shared: bool| {
            let (namespace, name) = ("shop".to_owned(), "data".to_owned());
            if shared {
                DiskPlace::SharedClaim { namespace, name }
            } else {
                DiskPlace::Claim { namespace, name }
            }
        };
        for (place, expected) in [
            (DiskPlace::Ephemeral, format!("{},size=4096", at("guest/disks/root.img").display())),
            (claim(false), format!("{},size=4096", at("claims/shop/data.img").display())),
            (claim(true), format!("{},size=4096,shared", at("shared/shop/data.img").display())),
            (DiskPlace::Host { path: at("h") }, format!("{},size=4096", at("h").display())),
            (
                DiskPlace::SharedHost { path: at("h") },
                format!("{},size=4096,shared", at("h").display()),
            ),
        ] {
            let disk = Disk { name: "root".to_owned(), size: Bytes::new(4000), place };
            let word = places.disk(&disk, &guest).unwrap();
            assert_eq!(word.to_str(), Some(expected.as_str()));
        }
        assert!(at("claims/shop").is_dir() && at("shared/shop").is_dir());

        let none = Places { claims: at("claims"), shared: None };
        let disk = Disk { name: "root".to_owned(), size: Bytes::new(1), place: claim(true) };
        assert!(none.disk(&disk, &guest).unwrap_err().contains("no --shared-storage"));
        let path = PathBuf::from("/tmp/a,b");
        let disk = Disk { place: DiskPlace::Host { path }, ..disk };
        assert!(places.disk(&disk, &guest).unwrap_err().contains("comma"));
    }
}
