//! The place where things become true: what was decided goes to the disk, is shown, and is answered.

use std::sync::Arc;
use std::time::Duration;

use ferry_admission::ActionAnswer;
use ferry_registry::{Change, Refusal};
use ferry_store::{Journal, Record, StoreError};
use ferry_units::{Instant, WallTime};
use tokio::sync::oneshot;

use crate::api::Written;
use crate::writer::published::{Flush, Published};
use crate::writer::records::record;
use crate::writer::storage::Urgency;

/// How many changes one flush may carry: as many as clients that write at once, so that none of them
/// waits for two.
const LARGEST_GROUP: usize = 512;

/// And how many bytes: a flush of more would keep small writes waiting for the disk's bandwidth.
const LARGEST_GROUP_BYTES: usize = 8 << 20;

/// How much of the journal is tidied at once where there is no room: some milliseconds of work.
const TIDIED_AT_ONCE: u64 = 1 << 20;

/// How often the journal is asked how large it is, which takes a look at its directory.
const SIZED_EVERY: Duration = Duration::from_secs(1);

/// Something that was decided.
#[derive(Debug)]
pub(super) struct Pending {
    /// The attempt that it belongs to.
    pub(super) epoch: u64,
    /// What is to be made durable.
    pub(super) change: Option<(Change, WallTime)>,
    /// Whom to tell.
    pub(super) reply: Reply,
}

/// Whom to tell, and what, once everything before is on the disk.
#[derive(Debug)]
pub(super) enum Reply {
    Write {
        reply: oneshot::Sender<Result<Written, Refusal>>,
        outcome: Result<Written, Refusal>,
    },
    Action {
        reply: oneshot::Sender<Result<ActionAnswer, Refusal>>,
        outcome: Result<ActionAnswer, Refusal>,
    },
    None,
    /// Nobody; some time has passed, and it is looked whether there is room.
    Look,
}

impl Reply {
    // A client that has gone away does not hear it; the write is done all the same.
    fn send(self) {
        match self {
            Self::Write { reply, outcome } => drop(reply.send(outcome)),
            Self::Action { reply, outcome } => drop(reply.send(outcome)),
            Self::None | Self::Look => {}
        }
    }

    fn refuse(self, refusal: Refusal) {
        match self {
            Self::Write { reply, .. } => drop(reply.send(Err(refusal))),
            Self::Action { reply, .. } => drop(reply.send(Err(refusal))),
            Self::None | Self::Look => {}
        }
    }
}

pub(super) struct Committer<J, O> {
    published: Arc<Published>,
    journal: J,
    observe: O,
    /// When the journal was last asked how large it is.
    sized: Instant,
    /// Why the last attempt failed: what was decided on top of it is refused with the same words.
    failure: Option<Refusal>,
}

impl<J: Journal, O: Fn(Flush)> Committer<J, O> {
    pub(super) fn new(published: Arc<Published>, journal: J, observe: O) -> Self {
        let sized = published.clock().now();
        Self { published, journal, observe, sized, failure: None }
    }

    /// Makes durable what was decided, group by group.
    pub(super) fn commit_all(&mut self, mut decided: impl Iterator<Item = Pending>) {
        let mut next = decided.next();
        while let Some(first) = next {
            let mut group = Vec::new();
            let mut records = Vec::new();
            let mut bytes = 0;
            let mut urgency = Urgency::Essential;
            let mut candidate = Some(first);
            while let Some(item) = candidate {
                if let Some((change, _)) = &item.change
                    && item.epoch == self.published.epoch()
                {
                    bytes += change.object().json.len();
                    records.push(record(change));
                    if Urgency::of(change) == Urgency::Ordinary {
                        urgency = Urgency::Ordinary;
                    }
                }
                group.push(item);
                let is_full = records.len() >= LARGEST_GROUP || bytes >= LARGEST_GROUP_BYTES;
                candidate = if is_full { None } else { decided.next() };
            }
            self.commit(group, &records, urgency);
            next = decided.next();
        }
    }

    fn commit(&mut self, group: Vec<Pending>, records: &[Record], urgency: Urgency) {
        let epoch = self.published.epoch();
        if !records.is_empty() {
            self.write(records, urgency);
        }
        if group.iter().any(|item| matches!(item.reply, Reply::Look)) {
            self.look();
        }
        // From here on the present epoch tells what is true: all of it, or nothing of the group.
        let holds = self.published.epoch() == epoch;
        let mut changes = Vec::with_capacity(records.len());
        let mut replies = Vec::with_capacity(group.len());
        let count = group.len();
        for item in group {
            if holds && item.epoch == epoch {
                changes.extend(item.change);
                replies.push(item.reply);
            } else {
                let failure = self.failure.clone();
                item.reply.refuse(failure.expect("an epoch ends with a failure"));
            }
        }
        if !changes.is_empty() {
            self.published.publish(changes);
        }
        // Before anybody knows, so that whoever writes next finds nothing on its way.
        self.published.are_done(count);
        for reply in replies {
            reply.send();
        }
    }

    fn write(&mut self, records: &[Record], urgency: Urgency) {
        let begin = self.published.clock().now();
        let written = match urgency {
            Urgency::Ordinary => self.journal.append(records),
            Urgency::Essential => self.journal.append_essential(records),
        };
        match written {
            Ok(()) => {
                self.published.storage().worked(urgency);
                let now = self.published.clock().now();
                let journal = (now.since(self.sized) >= SIZED_EVERY).then(|| {
                    self.sized = now;
                    self.journal.stats()
                });
                let took = now.since(begin);
                (self.observe)(Flush { changes: records.len(), took, journal });
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Whether the journal has something to do that somebody will have to wait for, unless it does so
    /// before.
    pub(super) fn has_backlog(&self) -> bool {
        self.journal.has_backlog()
    }

    /// Has it do that. Nobody waits.
    pub(super) fn work_off(&mut self) {
        // All other errors are for whoever writes next: nothing has been done.
        if let Err(error @ StoreError::Failed { .. }) = self.journal.work_off() {
            self.fail(&error);
        }
    }

    fn fail(&mut self, error: &StoreError) {
        self.failure = Some(self.published.storage().refused(error));
        self.published.begin_next_epoch();
    }

    /// Where there is no room, some is made of what is dead already.
    fn look(&mut self) {
        if self.published.storage().look() {
            return;
        }
        match self.journal.compact(TIDIED_AT_ONCE) {
            Ok(_) | Err(StoreError::NoSpace { .. }) => {}
            Err(error) => self.fail(&error),
        }
    }
}
