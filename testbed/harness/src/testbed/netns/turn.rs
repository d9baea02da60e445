//! The right to choose a subnet: until it is in use, nobody else on this machine may choose one.

use std::fs::File;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// What is waited for.
const WAITING: &str = "waiting for another testbed that comes up";

/// How often to try.
const PAUSE: Duration = Duration::from_millis(50);

/// Whoever waits longer is told what for. Others have made their namespaces in less.
const MOMENT: Duration = Duration::from_secs(1);

/// The right to choose. The namespace that all of them share is what is locked, which leaves nothing
/// behind.
#[derive(Debug)]
pub(crate) struct Turn {
    _file: File,
}

impl Turn {
    /// Waits for it, as long as whoever waits for this one likes to.
    pub(crate) async fn wait() -> Result<Self> {
        let file = shared()?;
        let take = || flock(&file, FlockOperation::NonBlockingLockExclusive);
        let begun = Instant::now();
        let (mut taken, mut is_told) = (take(), false);
        while taken == Err(Errno::WOULDBLOCK) {
            if !is_told && begun.elapsed() >= MOMENT {
                eprintln!("{WAITING} on this machine");
                is_told = true;
            }
            tokio::time::sleep(PAUSE).await;
            taken = take();
        }
        taken.context(WAITING)?;
        Ok(Self { _file: file })
    }

    /// Waits for it, and does nothing else meanwhile.
    pub(super) fn wait_here() -> Result<Self> {
        let file = shared()?;
        flock(&file, FlockOperation::LockExclusive).context(WAITING)?;
        Ok(Self { _file: file })
    }
}

fn shared() -> Result<File> {
    File::open("/proc/self/ns/net").context(WAITING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_chooses_at_a_time_and_whoever_waits_can_be_interrupted() {
        let first = Turn::wait().await.unwrap();
        let file = shared().unwrap();
        assert!(flock(&file, FlockOperation::NonBlockingLockExclusive).is_err());
        tokio::select! {
            biased;
            _ = Turn::wait() => panic!("two have it"),
            () = std::future::ready(()) => {}
        }
        drop(first);
        Turn::wait().await.unwrap();
        Turn::wait_here().unwrap();
    }
}
