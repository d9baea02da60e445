//! Ctrl-C, for commands that have something to say about it.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Each time that Ctrl-C is pressed, from now on: one that nobody waits for is kept.
pub(crate) struct Presses(Option<Signal>);

impl Presses {
    /// Begins to listen. Where that cannot be, Ctrl-C ends the process as it does any other.
    pub(crate) fn listen() -> Self {
        Self(signal(SignalKind::interrupt()).ok())
    }

    /// Comes when Ctrl-C is pressed.
    pub(crate) async fn next(&mut self) {
        let heard = match &mut self.0 {
            Some(presses) => presses.recv().await,
            None => None,
        };
        if heard.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_press_while_nobody_waits_is_heard_later() {
        let mut presses = Presses::listen();
        let me = std::process::id().to_string();
        let done = std::process::Command::new("kill").args(["-INT", &me]).status().unwrap();
        assert!(done.success());
        // The handler has run by now or does so soon, and in either case before a waiter is there.
        presses.next().await;
    }
}
