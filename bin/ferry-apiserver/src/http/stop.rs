//! The end of the server, as it is announced to all who have to do with it.

use tokio::sync::watch;

/// Announces the end.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<bool>);

/// Hears of the end.
#[derive(Clone, Debug)]
pub struct Stopping(watch::Receiver<bool>);

impl Stop {
    /// Both ends of the announcement.
    pub fn new() -> (Self, Stopping) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stopping(receiver))
    }

    /// Announces it.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }
}

impl Stopping {
    /// Whether the end is announced: the server is no longer ready.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the announcement. Watches end then, in good order.
    pub async fn begun(&mut self) {
        // Nobody left who could announce it is the same.
        let _ended = self.0.wait_for(|has_begun| *has_begun).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_hears_of_the_end_also_late() {
        let (stop, mut stopping) = Stop::new();
        let mut other = stopping.clone();
        assert!(!stopping.has_begun());
        let waiting = tokio::spawn(async move { other.begun().await });
        stop.begin();
        waiting.await.unwrap();
        stopping.begun().await;
        assert!(stopping.has_begun());
    }

    #[tokio::test]
    async fn whoever_could_announce_it_and_is_gone_has_announced_it() {
        let (stop, mut stopping) = Stop::new();
        drop(stop);
        stopping.begun().await;
    }
}
