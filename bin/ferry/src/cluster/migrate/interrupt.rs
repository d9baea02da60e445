//! Ctrl-C while somebody waits: at a terminal it asks whether to cancel, and a second one leaves.

use std::io::{IsTerminal, stderr, stdin};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What somebody wants who has pressed Ctrl-C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// The migration is to end.
    Cancel,
    /// It was a mistake.
    Stay,
    /// The migration is to go on, without a witness.
    Leave,
}

/// Each time that Ctrl-C is pressed, from now on: one that nobody waits for is kept.
pub(super) struct Presses(Option<Signal>);

impl Presses {
    /// Begins to listen. Where that cannot be, Ctrl-C ends the process as it does any other.
    pub(super) fn listen() -> Self {
        Self(signal(SignalKind::interrupt()).ok())
    }

    /// Comes when Ctrl-C is pressed.
    pub(super) async fn next(&mut self) {
        let heard = match &mut self.0 {
            Some(presses) => presses.recv().await,
            None => None,
        };
        if heard.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Asks what is meant.
pub(super) async fn wish(vm: &str, presses: &mut Presses) -> Wish {
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Wish::Leave;
    }
    eprint!("\nCancel the migration of {vm}? [y/N] ");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    tokio::select! {
        line = lines.next_line() => match line {
            Ok(Some(line)) => meaning(&line),
            Ok(None) | Err(_) => Wish::Leave,
        },
        () = presses.next() => Wish::Leave,
    }
}

fn meaning(answer: &str) -> Wish {
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Wish::Cancel,
        _ => Wish::Stay,
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

    #[test]
    fn only_a_yes_cancels() {
        for (answer, wish) in [
            ("y", Wish::Cancel),
            (" YES ", Wish::Cancel),
            ("", Wish::Stay),
            ("n", Wish::Stay),
            ("yn", Wish::Stay),
        ] {
            assert_eq!(meaning(answer), wish, "{answer:?}");
        }
    }
}
