//! The end of the process takes no longer than it may, whatever holds it up.

use std::convert::Infallible;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How long the process may take to end: requests get 20 s, their connections some more, and the
/// journal the rest. Whoever told it to end kills it after 30 s, as kubelet does, and learns less.
const WHOLE: Duration = Duration::from_secs(28);

/// Held until all is over.
#[derive(Debug)]
pub(super) struct Alive(
    #[expect(dead_code, reason = "it is there to be dropped")] Sender<Infallible>,
);

/// Hears when all is over.
#[derive(Debug)]
pub(super) struct Over(Receiver<Infallible>);

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    InTime,
    Overdue,
}

/// Both ends of the news.
pub(super) fn news() -> (Alive, Over) {
    let (sender, receiver) = channel();
    (Alive(sender), Over(receiver))
}

impl Over {
    /// Waits until all is over, and ends the process if that takes too long. What was answered is on
    /// the disk by then, and a journal takes such an end as it takes a power cut.
    pub(super) fn or_exit(&self) {
        match self.wait(WHOLE) {
            Outcome::InTime => {}
            Outcome::Overdue => {
                tracing::error!(
                    seconds = WHOLE.as_secs(),
                    "the end took too long; leaving at once"
                );
                std::process::exit(1);
            }
        }
    }

    fn wait(&self, most: Duration) -> Outcome {
        match self.0.recv_timeout(most) {
            Ok(never) => match never {},
            Err(RecvTimeoutError::Disconnected) => Outcome::InTime,
            Err(RecvTimeoutError::Timeout) => Outcome::Overdue,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_waited_for_and_not_for_ever() {
        let (alive, over) = news();
        assert_eq!(over.wait(Duration::from_millis(20)), Outcome::Overdue);
        let ending = std::thread::spawn(move || drop(alive));
        assert_eq!(over.wait(Duration::from_secs(60)), Outcome::InTime);
        ending.join().unwrap();
    }
}
