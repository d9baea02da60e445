//! What becomes of the guest here when its migration ends.

use std::time::Duration;

use ferry_qmp::rules::Side;
use ferry_qmp::words::MigrationStatus;
use ferry_transfer::{Ending, SourcePhase, Switch};

use super::Outgoing;

/// How long to try to get the disks back from a destination that took them and has to notice first
/// that it will not get the guest.
const DISKS: Duration = Duration::from_secs(15);

/// How often to try.
const DISKS_AGAIN: Duration = Duration::from_millis(20);

/// The destination was told to run the guest.
pub(super) fn handed_over(outgoing: &Outgoing) {
    match outgoing.desk.look(ferry_transfer::Source::phase) {
        SourcePhase::Handed(Switch::PostCopy) | SourcePhase::PostCopy => {
            outgoing.board.advance(Side::Source, MigrationStatus::PostcopyActive);
        }
        SourcePhase::Setup
        | SourcePhase::PreCopy
        | SourcePhase::BeforeSwitchover
        | SourcePhase::Switchover(_)
        | SourcePhase::Handed(Switch::StopAndCopy)
        | SourcePhase::Paused
        | SourcePhase::Ended => {}
    }
}

/// The migration is over, or paused.
pub(super) fn settle(outgoing: &Outgoing, ending: &Ending) {
    let board = &outgoing.board;
    let switchover = outgoing.lock_switchover().take();
    outgoing.disks_are_done(ending);
    match ending {
        Ending::Completed => {
            if let Some(switchover) = switchover {
                switchover.complete();
            }
            note_end(outgoing);
            board.advance(Side::Source, MigrationStatus::Completed);
        }
        Ending::Cancelled => {
            board.advance(Side::Source, MigrationStatus::Cancelling);
            let kept = take_back(outgoing, switchover);
            note_end(outgoing);
            kept.unwrap_or_else(|why| board.blame(Side::Source, &why));
            board.advance(Side::Source, MigrationStatus::Cancelled);
        }
        Ending::Failed(why) => {
            board.blame(Side::Source, why);
            let kept = take_back(outgoing, switchover);
            note_end(outgoing);
            if let Err(why) = kept {
                board.forgive(Side::Source);
                board.blame(Side::Source, &why);
            }
            board.advance(Side::Source, MigrationStatus::Failed);
        }
        Ending::InDoubt(why) => {
            board.blame(
                Side::Source,
                &format!(
                    "the guest was handed over and the destination has not confirmed it ({why}): \
                     ask the destination whether the guest runs there; it stays stopped here"
                ),
            );
            if let Some(switchover) = switchover {
                switchover.complete();
            }
            note_end(outgoing);
            board.advance(Side::Source, MigrationStatus::Failed);
        }
        Ending::Paused(why) => {
            board.blame(Side::Source, why);
            // Where the guest runs is the destination's to say. Here it stays stopped, and can be
            // let run by an explicit command only.
            if let Some(switchover) = switchover {
                switchover.complete();
            }
            board.advance(Side::Source, MigrationStatus::PostcopyActive);
            board.advance(Side::Source, MigrationStatus::PostcopyPaused);
        }
    }
}

fn note_end(outgoing: &Outgoing) {
    outgoing.lock_times().ended = Some(outgoing.clock.now());
}

/// Lets the guest run on here, once its disks are its own again.
fn take_back(
    outgoing: &Outgoing,
    switchover: Option<crate::run::Switchover>,
) -> Result<(), String> {
    let Some(switchover) = switchover else { return Ok(()) };
    let until = outgoing.clock.now() + DISKS;
    loop {
        let taken = outgoing.machine.disks().iter().try_for_each(|disk| disk.take());
        match taken {
            Ok(()) => {
                switchover.take_back();
                return Ok(());
            }
            Err(error) if outgoing.clock.now() >= until => {
                outgoing.machine.disks().iter().for_each(|disk| disk.release());
                switchover.complete();
                return Err(format!(
                    "the migration failed and the guest cannot run on here: {}",
                    crate::migration::in_words(&error)
                ));
            }
            Err(_held_elsewhere_still) => {
                outgoing.clock.wait_until(outgoing.clock.now() + DISKS_AGAIN);
            }
        }
    }
}
