//! How leaving ends: the guest lives elsewhere, or it stays.

use std::time::Duration;

use anyhow::Result;
use ferry_qmp::words::RunState;
use ferry_qmp::{Cont, FerryStats, Quit};
use ferry_reconcile::guest::{GuestEnd, LeavingEnd};
use ferry_rpc::Ending;

use super::{IDLE, Keeper, RETRY};
use crate::guests::journal::Part;
use crate::guests::machine;

impl Keeper {
    /// The guest lives elsewhere, with all of its memory. What is left of it here ends.
    pub(super) async fn complete(&mut self) -> Result<Duration> {
        self.note_passes().await;
        self.finish_story(Ending::Completed)?;
        let at = self.world.wall();
        if let Some(departure) = self.record.departure() {
            departure.owes_release = departure.suspended;
            departure.suspended = false;
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
        let at = self.world.wall();
        let Some(departure) = self.record.departure() else { return Ok(()) };
        let aborted = departure.calling_off.is_some();
        let reason = departure.calling_off.take().unwrap_or(reason);
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
        if self.seen.run == Some(RunState::Paused) {
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
            && let Ok(stats) = qmp.execute(&FerryStats).await
            && let Some(transfer) = &mut self.transfer
        {
            transfer.story.passes = machine::passes(&stats);
            transfer.story.blackout_ns = machine::blackout(&stats);
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
