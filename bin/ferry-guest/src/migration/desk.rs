//! Where the threads of a migration that is sent meet: the source behind its lock, and who waits
//! for it.
//!
//! The leader and the senders wait apart: a sender reports a grant and takes the next one thousands
//! of times a second, which is no news to the leader until there is nothing left to send.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ferry_runtime::Clock;
use ferry_transfer::{
    Channel, Grant, Sent, Source, SourceInput, SourcePhase, Step, TransferError, Work,
};
use ferry_units::{Instant, PageCount};

/// The source, and who waits for it.
pub(super) struct Desk {
    clock: Clock,
    source: Mutex<Source>,
    leader: Condvar,
    senders: Condvar,
}

/// What a sender does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Job {
    Send(Grant),
    Fence { number: u16, pages: PageCount },
    Probe { number: u16, pages: PageCount },
}

impl Desk {
    pub(super) fn new(source: Source, clock: Clock) -> Self {
        let source = Mutex::new(source);
        Self { clock, source, leader: Condvar::new(), senders: Condvar::new() }
    }

    /// Looks at the source.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Source) -> T) -> T {
        look(&self.lock())
    }

    /// Changes something about the source, which everybody hears of.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Source, Instant) -> T) -> T {
        let mut source = self.lock();
        let result = change(&mut source, self.clock.now());
        drop(source);
        self.leader.notify_all();
        self.senders.notify_all();
        result
    }

    /// Tells the source that something has happened.
    pub(super) fn tell(&self, input: SourceInput) -> Result<(), TransferError> {
        self.change(|source, now| source.on(input, now))
    }

    /// The next step of the leader, as soon as there is one.
    pub(super) fn step(&self) -> Step {
        let mut source = self.lock();
        loop {
            let now = self.clock.now();
            match source.poll(now) {
                Step::Wait(until) => source = wait(&self.leader, source, until, now),
                step => {
                    // It may have come to a phase in which there is work.
                    self.senders.notify_all();
                    return step;
                }
            }
        }
    }

    /// Reports what became of the last job of a channel, and returns the next one as soon as there
    /// is one; `None` when there will be no more.
    pub(super) fn work(&self, channel: Channel, done: Option<(Grant, Sent)>) -> Option<Job> {
        let mut source = self.lock();
        if let Some((grant, sent)) = done {
            source.sent(channel, &grant, &sent, self.clock.now());
        }
        loop {
            let now = self.clock.now();
            match source.work(channel, now) {
                Work::Send(grant) => return Some(Job::Send(grant)),
                Work::Fence { number, pages } => return Some(Job::Fence { number, pages }),
                Work::Probe { number, pages } => return Some(Job::Probe { number, pages }),
                Work::End => return None,
                Work::Wait(until) => {
                    if until.is_none() {
                        self.leader.notify_all();
                    }
                    source = wait(&self.senders, source, until, now);
                }
            }
        }
    }

    /// Waits until the migration is over or paused, so long at most, and says whether it is.
    pub(super) fn over_within(&self, span: Duration) -> bool {
        let mut source = self.lock();
        let until = self.clock.now() + span;
        loop {
            let now = self.clock.now();
            if is_over(source.phase()) {
                return true;
            }
            if now >= until {
                return false;
            }
            source = wait(&self.senders, source, Some(until), now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait<'a>(
    who: &Condvar,
    source: MutexGuard<'a, Source>,
    until: Option<Instant>,
    now: Instant,
) -> MutexGuard<'a, Source> {
    let woken = match until {
        None => return who.wait(source).unwrap_or_else(PoisonError::into_inner),
        Some(until) => who.wait_timeout(source, until.since(now).max(Duration::from_nanos(1))),
    };
    woken.unwrap_or_else(PoisonError::into_inner).0
}

/// Whether a migration is over, or paused.
fn is_over(phase: SourcePhase) -> bool {
    match phase {
        SourcePhase::Ended | SourcePhase::Paused => true,
        SourcePhase::Setup
        | SourcePhase::PreCopy
        | SourcePhase::BeforeSwitchover
        | SourcePhase::Switchover(_)
        | SourcePhase::Handed(_)
        | SourcePhase::PostCopy => false,
    }
}
