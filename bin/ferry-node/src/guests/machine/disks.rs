//! Where the disks of guests are.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use ferry_reconcile::claims::Image;
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moves {
    Along,
    Not,
}

/// A disk as a machine is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Its file. The directory that it lies in is there.
    pub(super) path: PathBuf,
    /// How large it is, in whole pages.
    pub(super) size: u64,
    pub(super) moves: Moves,
}

/// Whether a disk of a guest moves with it.
pub(super) fn moves(disk: &Disk) -> Moves {
    match disk.place {
        DiskPlace::Ephemeral | DiskPlace::Claim(_) | DiskPlace::Host { .. } => Moves::Along,
        DiskPlace::SharedClaim(_) | DiskPlace::SharedHost { .. } => Moves::Not,
    }
}

impl Places {
    /// The claims whose files this node can see.
    pub(in crate::guests) fn images(&self) -> io::Result<Vec<Image>> {
        let mut found = images(&self.claims)?;
        if let Some(shared) = &self.shared {
            found.extend(images(shared)?);
        }
        Ok(found)
    }

    /// Removes the file of a claim. What has it open keeps it for as long.
    pub(in crate::guests) fn remove(&self, image: &Image) -> io::Result<()> {
        for root in [Some(&self.claims), self.shared.as_ref()].into_iter().flatten() {
            let file = file(root, image);
            match fs::remove_file(&file) {
                // Its directory goes with it, unless a claim of the same name has come.
                Ok(()) => drop(file.parent().map(fs::remove_dir)),
                // It is below the other one, or another node was faster.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Where a disk is; the directory that it lies in is made.
    pub(super) fn find(&self, disk: &Disk, dir: &Path) -> Result<Place, String> {
        let path = match &disk.place {
            DiskPlace::Ephemeral => dir.join("disks").join(format!("{}{ENDING}", disk.name)),
            DiskPlace::Claim(image) => file(&self.claims, image),
            DiskPlace::SharedClaim(image) => {
                let shared = self.shared.as_ref().ok_or_else(|| {
                    format!(
                        "the disk {} is on the claim {}/{}, which all nodes share, and this node \
                         has no --shared-storage",
                        disk.name, image.namespace, image.name
                    )
                })?;
                file(shared, image)
            }
            DiskPlace::Host { path } | DiskPlace::SharedHost { path } => path.clone(),
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
        Ok(Place { path, size: whole_pages(disk.size), moves: moves(disk) })
    }
}

/// What the names of disks end in.
const ENDING: &str = ".img";

/// A uid is written in so many letters (RFC 9562).
const UID: usize = 36;

/// The file of a claim below `root`.
fn file(root: &Path, image: &Image) -> PathBuf {
    let Image { namespace, name, uid } = image;
    root.join(namespace).join(name).join(format!("{uid}{ENDING}"))
}

/// The claim whose file is called so, if it is one's: whatever else lies there is not ours.
fn named(namespace: &str, name: &str, file: &str) -> Option<Image> {
    let uid = file.strip_suffix(ENDING)?;
    let is_uid = uid.len() == UID && uid.bytes().all(|it| it.is_ascii_hexdigit() || it == b'-');
    is_uid.then(|| Image {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: uid.to_owned(),
    })
}

/// The files of claims below `root`, none where there is no such directory.
fn images(root: &Path) -> io::Result<Vec<Image>> {
    let mut found = Vec::new();
    for namespace in entries(root)? {
        for name in entries(&root.join(&namespace))? {
            let files = entries(&root.join(&namespace).join(&name))?;
            found.extend(files.iter().filter_map(|file| named(&namespace, &name, file)));
        }
    }
    Ok(found)
}

/// The names in a directory that are text.
fn entries(dir: &Path) -> io::Result<Vec<String>> {
    let listed = match fs::read_dir(dir) {
        Ok(listed) => listed,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let names = listed.map(|entry| Ok(entry?.file_name().into_string().ok()));
    names.filter_map(Result::transpose).collect()
}

#[cfg(test)]
mod tests {
    use ferry_units::Bytes;

    use super::*;

    fn image(name: &str, uid: &str) -> Image {
        Image { namespace: "shop".to_owned(), name: name.to_owned(), uid: uid.to_owned() }
    }

    #[test]
    fn files_of_claims_are_found_and_removed_and_others_are_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        let places = Places { claims: at("claims"), shared: Some(at("shared")) };
        assert_eq!(places.images().unwrap(), []);
        let uid = "0d1e2f30-0000-4000-8000-000000000001";
        let claims = [image("data.old", uid), image("x", &uid.replace('1', "2"))];
        for (root, claim) in ["claims", "shared"].into_iter().zip(&claims) {
            let file = file(&at(root), claim);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "x").unwrap();
        }
        let others = [
            format!("shared/shop/{uid}.img"),
            format!("shared/shop/x/{uid}.qcow2"),
            format!("shared/shop/x/{uid}0.img"),
            "shared/shop/x/disk.img".to_owned(),
            "shared/readme".to_owned(),
        ];
        for other in &others {
            fs::write(at(other), "x").unwrap();
        }
        assert_eq!(places.images().unwrap(), claims);
        for claim in &claims {
            places.remove(claim).unwrap();
            places.remove(claim).unwrap();
        }
        assert_eq!(places.images().unwrap(), []);
        assert!(others.iter().all(|other| at(other).is_file()));
    }

    #[test]
    fn each_disk_has_its_place() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        let places = Places { claims: at("claims"), shared: Some(at("shared")) };
        let guest = at("guest");
        let data = image("data", "0d1e2f30-0000-4000-8000-000000000001");
        let name = "data/0d1e2f30-0000-4000-8000-000000000001.img";
        let claim = |shared: bool| {
            if shared {
                DiskPlace::SharedClaim(data.clone())
            } else {
                DiskPlace::Claim(data.clone())
            }
        };
        for (place, path, moves) in [
            (DiskPlace::Ephemeral, at("guest/disks/root.img"), Moves::Along),
            (claim(false), at(&format!("claims/shop/{name}")), Moves::Along),
            (claim(true), at(&format!("shared/shop/{name}")), Moves::Not),
            (DiskPlace::Host { path: at("h") }, at("h"), Moves::Along),
            (DiskPlace::SharedHost { path: at("h") }, at("h"), Moves::Not),
        ] {
            let disk = Disk { name: "root".to_owned(), size: Bytes::new(4000), place };
            let found = places.find(&disk, &guest).unwrap();
            assert_eq!(found, Place { path, size: 4096, moves });
        }
        assert!(at("claims/shop").is_dir() && at("shared/shop").is_dir());

        let none = Places { claims: at("claims"), shared: None };
        let disk = Disk { name: "root".to_owned(), size: Bytes::new(1), place: claim(true) };
        assert!(none.find(&disk, &guest).unwrap_err().contains("no --shared-storage"));
        let path = PathBuf::from("/tmp/a,b");
        let disk = Disk { place: DiskPlace::Host { path }, ..disk };
        assert!(places.find(&disk, &guest).unwrap_err().contains("comma"));
    }
}
