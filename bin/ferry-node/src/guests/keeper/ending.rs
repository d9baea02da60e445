//! How leaving ends: the guest lives elsewhere, or it stays.

use std::time::Duration;

use anyhow::Result;
use ferry_qmp::words::{MigrationStatus, RunState};
use ferry_qmp::{Cont, Quit};
use ferry_reconcile::guest::{GuestEnd, LeavingEnd};
use ferry_rpc::Ending;

use super::{IDLE, Keeper, RETRY};
use crate::guests::journal::{Departure, Part};

impl Keeper {
    /// The guest lives elsewhere, with all of its memory. What is left of it here ends.
    pub(super) async fn complete(&mut self) -> Result<Duration> {
        self.note_passes().await;
        self.finish_story(Ending::Completed)?;
        let at = self.world.wall();
        if let Some(departure) = self.record.departure() {
            departure.owes_release = departure.suspended;
            departure.suspended = false;
            departure.calling_off = None;
            departure.told.end = Some(LeavingEnd::Completed { at });
        }
        self.end(GuestEnd::Moved)?;
        if let Ok(qmp) = self.qmp() {
            // If it does not hear it, its process is killed.
            let _ended = qmp.execute(&Quit).await;
        }
        Ok(Duration::ZERO)
    }

    /// The guest stays here, for that reason, unless it was called off for another one.
    pub(super) fn stay(&mut self, reason: String) -> Result<()> {
        let (at, status) = (self.world.wall(), self.status());
        let Some(departure) = self.record.departure() else { return Ok(()) };
        let called_off = called_off(departure, status);
        let aborted = called_off.is_some();
        let reason = called_off.unwrap_or(reason);
        departure.told.end = Some(LeavingEnd::Failed { reason: reason.clone(), at, aborted });
        self.save()?;
        self.finish_story(Ending::Failed { why: reason })
    }

    /// Lets a guest run again that was stopped so that it could leave.
    pub(super) async fn let_stay(&mut self) -> Result<Duration> {
        let Some(Part::Leaving(departure)) = &mut self.record.part else { return Ok(IDLE) };
        if !departure.suspended {
            return Ok(IDLE);
        }
        // A machine that was called off at the very end says that it has sent its guest.
        if matches!(self.seen.run, Some(RunState::Paused | RunState::Postmigrate)) {
            let resumed = self.qmp()?.execute(&Cont).await;
            if let Err(error) = resumed {
                tracing::warn!(%error, "a guest that stays does not run again");
                return Ok(RETRY);
            }
            self.look().await?;
        }
        let Some(Part::Leaving(departure)) = &mut self.record.part else { return Ok(IDLE) };
        departure.suspended = false;
        self.save()?;
        Ok(IDLE)
    }

    /// Asks the machine for what it knows of a migration that is over, as far as it still answers.
    pub(super) async fn note_passes(&mut self) {
        self.tell_progress();
        if let Ok(qmp) = self.qmp()
            && let Some(account) = self.machine().account(&qmp).await
            && let Some(transfer) = &mut self.transfer
        {
            transfer.story.passes = account.passes;
            transfer.story.blackout_ns = account.blackout;
        }
    }

    fn finish_story(&mut self, ending: Ending) -> Result<()> {
        let at = self.world.wall();
        let Some(transfer) = &mut self.transfer else { return Ok(()) };
        let what = match &ending {
            Ending::Completed => "the guest lives at its target".to_owned(),
            Ending::Failed { why } => why.clone(),
        };
        transfer.note(at, what);
        transfer.story.ended = Some(at);
        transfer.story.last.end = Some(ending);
        self.world.stories.keep(&transfer.story)?;
        Ok(())
    }
}

/// Why the migration was called off, if that is what ended it. Where the machine had refused to call
/// it off it is not, unless the machine says that it did so all the same.
fn called_off(departure: &mut Departure, status: MigrationStatus) -> Option<String> {
    let reason = departure.calling_off.take()?;
    departure.told.abort_failed &= status != MigrationStatus::Cancelled;
    (!departure.told.abort_failed).then_some(reason)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use ferry_config::{MigrationSettings, TransferSize};
    use ferry_reconcile::guest::{Leaving, Migrate, MigrationMode, Stillness};
    use ferry_units::Bytes;

    use super::*;

    /// A guest whose migration was called off for that reason.
    fn departure(calling_off: Option<&str>, abort_failed: bool) -> Departure {
        Departure {
            order: Migrate {
                pod_uid: "p".to_owned(),
                migration_uid: "m".to_owned(),
                target_node: "node-2".to_owned(),
                address: Ipv4Addr::LOCALHOST.into(),
                port: 49_152,
                settings: MigrationSettings::default(),
                size: TransferSize { memory: Bytes::from_mib(64), disks: Bytes::ZERO },
                channels: 1,
                stillness: Stillness::Unknown,
            },
            told: Leaving {
                migration_uid: "m".to_owned(),
                started: None,
                mode: MigrationMode::PreCopy,
                end: None,
                abort_failed,
            },
            suspended: false,
            calling_off: calling_off.map(str::to_owned),
            was_paused: false,
            owes_release: false,
        }
    }

    #[test]
    fn a_migration_ends_for_the_reason_for_which_it_was_called_off() {
        use MigrationStatus::{Cancelled, Failed};
        for (reason, refused, status, expected, still_refused) in [
            (None, false, Cancelled, None, false),
            (Some("a user"), false, Cancelled, Some("a user"), false),
            (Some("a user"), false, Failed, Some("a user"), false),
            // It was refused, and something else has ended it.
            (Some("a user"), true, Failed, None, true),
            // It was refused, and done all the same.
            (Some("a user"), true, Cancelled, Some("a user"), false),
        ] {
            let mut departure = departure(reason, refused);
            let case = format!("{reason:?} {refused} {status:?}");
            assert_eq!(called_off(&mut departure, status).as_deref(), expected, "{case}");
            assert_eq!(departure.told.abort_failed, still_refused, "{case}");
            assert_eq!(departure.calling_off, None, "{case}");
        }
    }
}
