//! How a program is told to end, and ends.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How long the plan that is under way may take once the program is told to end, and then the events
/// that were not sent yet. Whatever is left undone is done after the next start.
const LAST_WORK: Duration = Duration::from_secs(5);

/// Tells a program that it is to end.
#[derive(Debug)]
pub struct Stop(watch::Sender<bool>);

/// Hears when the program is to end. Everybody in it may have one.
#[derive(Clone, Debug)]
pub struct Stopping(watch::Receiver<bool>);

/// Who tells, and who hears it. It counts as told when nobody is left who could tell.
pub fn stopping() -> (Stop, Stopping) {
    let (stop, stopping) = watch::channel(false);
    (Stop(stop), Stopping(stopping))
}

impl Stop {
    /// Tells it.
    pub fn tell(self) {
        self.0.send_replace(true);
    }
}

impl Stopping {
    /// Whether it has been told.
    pub fn is_told(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until it is told.
    pub async fn told(&mut self) {
        // Nobody who could say so is left: then it is over as well.
        let _is_over = self.0.wait_for(|told| *told).await;
    }

    /// Lets a program work until it is told to end, and then has what is under way finished:
    /// `working`, which has been told as well, and `telling`, which sends the last events
    /// ([`Recorder::start`](crate::Recorder::start)). Neither may take more than five seconds.
    pub async fn finish(mut self, working: impl Future<Output = ()>, telling: impl Future + Unpin) {
        tokio::pin!(working);
        let finished = tokio::select! {
            () = &mut working => Ok(()),
            () = self.told() => timeout(LAST_WORK, working).await,
        };
        if finished.is_err() {
            tracing::warn!("what was under way is left to the next start");
        } else if timeout(LAST_WORK, telling).await.is_err() {
            tracing::warn!("some events were not sent");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn whoever_listens_hears_it_once_it_is_told() {
        let (stop, mut stopping) = stopping();
        let mut other = stopping.clone();
        assert!(!stopping.is_told());
        stop.tell();
        assert!(stopping.is_told());
        stopping.told().await;
        other.told().await;
    }

    #[tokio::test]
    async fn it_is_over_when_nobody_can_tell_any_more() {
        let (stop, mut stopping) = stopping();
        drop(stop);
        stopping.told().await;
        assert!(stopping.is_told());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_under_way_is_finished_and_events_are_sent_after_it() {
        let (stop, stopping) = stopping();
        let mut own = stopping.clone();
        let order = Cell::new(0);
        let working = async {
            own.told().await;
            order.set(1);
        };
        stop.tell();
        let telling = Box::pin(async { assert_eq!(order.replace(2), 1) });
        stopping.finish(working, telling).await;
        assert_eq!(order.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn neither_work_nor_events_keep_a_program_from_ending() {
        for is_work_stuck in [true, false] {
            let (stop, stopping) = stopping();
            stop.tell();
            if is_work_stuck {
                stopping.finish(pending(), ready(())).await;
            } else {
                stopping.finish(ready(()), Box::pin(pending::<()>())).await;
            }
        }
    }
}
