//! Who runs the guest, when the link has broken after it was handed over? Only the destination knows,
//! so its daemon is asked until it answers. Until then the guest stands still here.
//!
//! ```text
//!   GetOutcome ─► NEVER_RAN ─────────────► it runs here again (or has crashed with its process)
//!              └► ARRIVED ─┬ pre-copy ────► it lives there
//!                          ├ post-copy ───► Recover ─► migrate resume ─► … ─► it lives there
//!                          └ this process is gone ─► Conclude(LOST) ─► whole: it lives there
//!                                                                    └► torn: nowhere
//! ```

use std::time::Duration;

use anyhow::{Error, Result};
use ferry_convergence::FailureReason;
use ferry_qmp::words::{Migrate, MigrationStatus};
use ferry_qmp::{Cont, Stop};
use ferry_reconcile::guest::GuestEnd;
use ferry_rpc::{Concluded, Conclusion, Outcome, RefusalKind, RpcError, Wholeness};

use super::process::Standing;
use super::{IDLE, Keeper, LEAVING, RETRY};
use crate::guests::machine::listen_uri;
use crate::guests::world::at;

impl Keeper {
    /// All of the guest is at its destination, and this machine does not run it any more. Where the two
    /// machines do not agree on that by themselves, the guest is let go there now, or it is known that
    /// it never ran.
    pub(super) async fn hand_over(&mut self) -> Result<Duration> {
        if self.machine().hands_over_itself() {
            return self.complete().await;
        }
        self.tell_progress();
        let Some((node, uid)) = self.destination() else { return Ok(IDLE) };
        let stopped = self.qmp().ok().and_then(|qmp| qmp.heard().stopped);
        let was_paused = self.record.departure().is_some_and(|departure| departure.was_paused);
        let conclusion = if was_paused { Conclusion::Keep } else { Conclusion::Run };
        let told = self.world.ask(&node, async |peer| peer.conclude(&uid, conclusion).await).await;
        match told {
            Ok(Concluded { resumed, .. }) => {
                if let Some(departure) = self.record.departure() {
                    departure.suspended = false;
                }
                let blackout = stopped.zip(resumed).map(|(from, to)| to.since(from).as_nanos());
                if let Some(transfer) = &mut self.transfer
                    && !was_paused
                {
                    transfer.story.blackout_ns = blackout.and_then(|it| u64::try_from(it).ok());
                }
                self.complete().await
            }
            Err(error) if refusal(&error) == Some(RefusalKind::NotFound) => self.doubt().await,
            Err(error) => {
                unanswered(&node, &error);
                Ok(LEAVING)
            }
        }
    }

    /// Asks the destination, and does what follows from its answer.
    pub(super) async fn doubt(&mut self) -> Result<Duration> {
        if self.transfer.is_none() {
            self.go_on()?;
        }
        self.tell_progress();
        let Some((node, uid)) = self.destination() else { return Ok(IDLE) };
        self.note_doubt(&node);
        let outcome = self.world.ask(&node, async |peer| peer.outcome(&uid).await).await;
        match outcome {
            Ok(Outcome::NeverRan) => self.never_left().await,
            Ok(Outcome::Arrived) => self.has_left().await,
            Err(error) => {
                unanswered(&node, &error);
                Ok(RETRY)
            }
        }
    }

    /// Says once that it asks.
    fn note_doubt(&mut self, node: &str) {
        let wall = self.world.wall();
        let Some(transfer) = &mut self.transfer else { return };
        let what = format!("nobody here knows which copy lives: {node} is asked");
        if transfer.story.milestones.last().is_none_or(|last| last.what != what) {
            transfer.note(wall, what);
        }
    }

    pub(super) fn destination(&mut self) -> Option<(String, String)> {
        let departure = self.record.departure()?;
        Some((departure.order.target_node.clone(), departure.told.migration_uid.clone()))
    }

    /// The guest has not run there and never will.
    async fn never_left(&mut self) -> Result<Duration> {
        let error = "the link to its target has broken, and it has not run there".to_owned();
        if self.standing() != Standing::Alive {
            let why = "its process has ended while it was leaving".to_owned();
            self.stay(FailureReason::Hypervisor { error: why.clone() }.to_string())?;
            self.end(GuestEnd::Crashed { why })?;
            return Ok(Duration::ZERO);
        }
        let qmp = self.qmp()?;
        if let Err(error) = qmp.execute(&Cont).await {
            // Its disks may be held for a moment still.
            tracing::warn!(%error, "a guest that never left does not run again");
            return Ok(RETRY);
        }
        let was_paused = self.record.departure().is_some_and(|departure| {
            departure.suspended = false;
            departure.was_paused
        });
        if was_paused {
            qmp.execute(&Stop).await?;
        }
        self.stay(FailureReason::Hypervisor { error }.to_string())?;
        self.look().await?;
        Ok(IDLE)
    }

    /// The guest runs there, or has run there.
    async fn has_left(&mut self) -> Result<Duration> {
        if self.standing() != Standing::Alive {
            return self.lost().await;
        }
        match self.status() {
            MigrationStatus::PostcopyPaused => self.recover().await,
            // Before it ran there, all of it was there.
            _handed_over => self.complete().await,
        }
    }

    /// Goes on sending a guest that runs there what it lacks.
    async fn recover(&mut self) -> Result<Duration> {
        let Some((node, uid)) = self.destination() else { return Ok(IDLE) };
        let reopened = self.world.ask(&node, async |peer| peer.recover(&uid).await).await;
        match reopened {
            Ok(there) => {
                let uri = Some(listen_uri(at(there.address, there.port)));
                let migrate = Migrate { uri, resume: Some(true), ..Migrate::default() };
                if let Err(error) = self.qmp()?.execute(&migrate).await {
                    tracing::warn!(%error, "post-copy does not go on");
                    return Ok(RETRY);
                }
                let wall = self.world.wall();
                if let Some(transfer) = &mut self.transfer {
                    transfer.note(wall, "the link has broken, and post-copy goes on over another");
                }
                Ok(LEAVING)
            }
            // It needs nothing any more.
            Err(error) if refusal(&error) == Some(RefusalKind::NotNow) => self.complete().await,
            Err(error) if refusal(&error) == Some(RefusalKind::NotFound) => {
                self.torn("the guest has ended at its target before all of it was there")
            }
            Err(error) => {
                unanswered(&node, &error);
                Ok(RETRY)
            }
        }
    }

    /// What was still here is lost. If the guest lacks anything there, it cannot go on.
    async fn lost(&mut self) -> Result<Duration> {
        let Some((node, uid)) = self.destination() else { return Ok(IDLE) };
        let told =
            self.world.ask(&node, async |peer| peer.conclude(&uid, Conclusion::Lost).await).await;
        match told {
            Ok(Concluded { wholeness: Wholeness::Whole, .. }) => self.complete().await,
            Ok(Concluded { wholeness: Wholeness::Torn, .. }) => {
                self.torn("its process has ended before all of it was at its target")
            }
            // It has ended there in the meantime, whole or not.
            Err(error) if refusal(&error) == Some(RefusalKind::NotFound) => self.complete().await,
            Err(error) => {
                unanswered(&node, &error);
                Ok(RETRY)
            }
        }
    }

    fn torn(&mut self, why: &str) -> Result<Duration> {
        self.stay(FailureReason::Hypervisor { error: why.to_owned() }.to_string())?;
        self.end(GuestEnd::Torn { why: why.to_owned() })?;
        Ok(Duration::ZERO)
    }
}

fn refusal(error: &Error) -> Option<RefusalKind> {
    error.downcast_ref::<RpcError>().and_then(RpcError::refusal).map(|refusal| refusal.kind)
}

fn unanswered(node: &str, error: &Error) {
    tracing::warn!(%node, error = format!("{error:#}"), "nobody says whether a guest has arrived");
}
