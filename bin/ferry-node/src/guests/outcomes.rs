//! Which guests that were awaited here have run: the answer that their sources may ask for long
//! after their files are gone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ferry_rpc::Outcome;

use super::file;

/// Answers that are kept. A source asks within seconds, or as soon as it is back; by then a node has
/// not seen this many migrations.
const KEPT: usize = 1000;

/// The answers, a file each.
#[derive(Debug)]
pub(super) struct Outcomes {
    dir: PathBuf,
}

impl Outcomes {
    pub(super) fn open(state_dir: &Path) -> io::Result<Self> {
        let dir = state_dir.join("outcomes");
        fs::create_dir_all(&dir)?;
        Ok(Self { dir })
    }

    /// Remembers an answer. That a guest has arrived is never taken back.
    pub(super) fn note(&self, migration_uid: &str, outcome: Outcome) -> io::Result<()> {
        match self.get(migration_uid)? {
            Some(noted) if noted == Outcome::Arrived || noted == outcome => return Ok(()),
            Some(_) | None => {}
        }
        file::write(&self.path(migration_uid), &(outcome == Outcome::Arrived))?;
        file::keep_newest(&self.dir, KEPT)
    }

    /// The answer, if it is remembered.
    pub(super) fn get(&self, migration_uid: &str) -> io::Result<Option<Outcome>> {
        let arrived = file::read::<bool>(&self.path(migration_uid))?;
        Ok(arrived.map(|arrived| if arrived { Outcome::Arrived } else { Outcome::NeverRan }))
    }

    /// The uid of a migration names a file: it comes from the API server, or was checked at the door.
    fn path(&self, migration_uid: &str) -> PathBuf {
        self.dir.join(format!("{migration_uid}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrival_is_remembered_for_good() {
        let dir = tempfile::tempdir().unwrap();
        let outcomes = Outcomes::open(dir.path()).unwrap();
        assert_eq!(outcomes.get("m").unwrap(), None);
        for (noted, known) in [
            (Outcome::NeverRan, Outcome::NeverRan),
            (Outcome::Arrived, Outcome::Arrived),
            (Outcome::NeverRan, Outcome::Arrived),
        ] {
            outcomes.note("m", noted).unwrap();
            assert_eq!(Outcomes::open(dir.path()).unwrap().get("m").unwrap(), Some(known));
        }
    }
}
