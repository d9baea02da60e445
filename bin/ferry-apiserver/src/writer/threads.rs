//! The threads behind a cluster.

use std::sync::{Arc, mpsc};
use std::{io, thread};

use crate::writer::Idleness;
use crate::writer::pile::Pile;

/// Threads that wait for a cluster.
///
/// glibc gives heaps of their own to the threads that allocate first (see `allocator`). These do so all
/// the time, as those that serve connections; sled's seven, which begin when a journal is opened, hardly
/// ever. Where those were first, the others got in each other's way, once or twice for each write.
#[derive(Debug)]
pub struct Standby {
    pub(super) pile: Arc<Pile>,
    pub(super) decider: Place,
    pub(super) committer: Place,
}

impl Standby {
    /// Starts them.
    ///
    /// # Errors
    /// When the operating system has no thread left.
    pub fn start() -> io::Result<Self> {
        Ok(Self {
            pile: Arc::default(),
            decider: Place::new("decider")?,
            committer: Place::new("committer")?,
        })
    }

    /// What the threads that serve are to tell of themselves.
    pub fn idleness(&self) -> Idleness {
        Idleness(Arc::clone(&self.pile))
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// A thread that waits for the one thing that it is to do, and ends when nobody has any.
#[derive(Debug)]
pub(super) struct Place {
    jobs: mpsc::Sender<Job>,
    thread: thread::JoinHandle<()>,
}

impl Place {
    fn new(name: &str) -> io::Result<Self> {
        let (jobs, given) = mpsc::channel::<Job>();
        let wait = move || {
            if let Ok(job) = given.recv() {
                job();
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(wait)?;
        Ok(Self { jobs, thread })
    }

    pub(super) fn begin(self, job: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
        // It waits for this, and cannot have ended.
        let _taken = self.jobs.send(Box::new(job));
        self.thread
    }
}

/// The threads behind a [`Cluster`](super::Cluster). They end when the last handle is gone and all is
/// done.
#[derive(Debug)]
pub struct Threads {
    pub(super) decider: thread::JoinHandle<()>,
    pub(super) committer: thread::JoinHandle<()>,
}

impl Threads {
    /// Waits until everything that was asked for is on the disk and the journal is closed.
    pub fn join(self) {
        // A panic in there was reported by its own hook, and there is nothing left to save.
        let _ = self.decider.join();
        let _ = self.committer.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_nobody_needs_end() {
        let Standby { pile: _, decider, committer } = Standby::start().unwrap();
        for Place { jobs, thread } in [decider, committer] {
            drop(jobs);
            thread.join().unwrap();
        }
    }
}
