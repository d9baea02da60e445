//! Ctrl-C while somebody waits: at a terminal it asks whether to cancel, and a second one leaves.

use std::io::{IsTerminal, stderr, stdin};

use tokio::io::{AsyncBufReadExt, BufReader};

use crate::cluster::presses::Presses;

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
