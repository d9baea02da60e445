//! The stories of migrations that leave this node: told while they happen, and kept.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ferry_rpc::Story;
use tokio::sync::watch;

use super::file;

/// Stories that are kept.
const KEPT: usize = 100;

/// The stories, a file each, and those that are not over.
#[derive(Debug)]
pub(super) struct Stories {
    dir: PathBuf,
    live: Mutex<BTreeMap<String, watch::Sender<Story>>>,
}

impl Stories {
    pub(super) fn open(state_dir: &Path) -> io::Result<Self> {
        let dir = state_dir.join("reports");
        fs::create_dir_all(&dir)?;
        Ok(Self { dir, live: Mutex::default() })
    }

    /// Tells how far a migration is.
    pub(super) fn tell(&self, story: &Story) {
        let mut live = self.lock();
        let teller = live.entry(story.migration_uid.clone());
        let teller = teller.or_insert_with(|| watch::Sender::new(story.clone()));
        teller.send_replace(story.clone());
    }

    /// Tells it and writes it down. Whoever watches one that is over hears that there is no more.
    pub(super) fn keep(&self, story: &Story) -> io::Result<()> {
        self.tell(story);
        if story.ended.is_some() {
            self.lock().remove(&story.migration_uid);
        }
        file::write(&self.path(&story.migration_uid), story)?;
        file::keep_newest(&self.dir, KEPT)
    }

    /// The story as it is now, with more to come if it is not over.
    pub(super) fn watch(&self, migration_uid: &str) -> Option<watch::Receiver<Story>> {
        self.lock().get(migration_uid).map(watch::Sender::subscribe)
    }

    /// Those that are not over.
    pub(super) fn all(&self) -> Vec<Story> {
        self.lock().values().map(|story| story.borrow().clone()).collect()
    }

    /// The story as it is now.
    pub(super) fn get(&self, migration_uid: &str) -> io::Result<Option<Story>> {
        let live = self.watch(migration_uid).map(|story| story.borrow().clone());
        match live {
            Some(story) => Ok(Some(story)),
            None => file::read(&self.path(migration_uid)),
        }
    }

    /// The uid of a migration names a file: it comes from the API server, or was checked at the door.
    fn path(&self, migration_uid: &str) -> PathBuf {
        self.dir.join(format!("{migration_uid}.json"))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, watch::Sender<Story>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use ferry_rpc::{GuestName, Progress};

    use super::*;

    #[tokio::test]
    async fn a_story_is_told_while_it_happens_and_kept_when_it_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let stories = Stories::open(dir.path()).unwrap();
        let mut story = Story {
            migration_uid: "m".to_owned(),
            guest: GuestName::new("shop", "db"),
            source_node: "node-1".to_owned(),
            target_node: "node-2".to_owned(),
            last: Progress::default(),
            passes: Vec::new(),
            milestones: Vec::new(),
            blackout_ns: None,
            started: "2026-11-23T08:15:00Z".parse().unwrap(),
            ended: None,
        };
        assert!(stories.watch("m").is_none() && stories.get("m").unwrap().is_none());
        stories.tell(&story);
        let mut watched = stories.watch("m").unwrap();
        story.last.passes = 2;
        stories.keep(&story).unwrap();
        watched.changed().await.unwrap();
        assert_eq!(watched.borrow_and_update().last.passes, 2);

        story.ended = Some(story.started);
        stories.keep(&story).unwrap();
        assert!(watched.borrow().ended.is_some());
        assert!(watched.changed().await.is_ok() && watched.changed().await.is_err());
        let again = Stories::open(dir.path()).unwrap();
        assert_eq!(again.get("m").unwrap(), Some(story));
    }
}
