//! Orders, carried out as far as they can be now. One that cannot is given again.

use std::mem;
use std::time::Duration;

use anyhow::Result;
use ferry_convergence::FailureReason;
use ferry_qmp::words::RunState;
use ferry_qmp::{Cont, Execute, Stop, SystemPowerdown};
use ferry_reconcile::guest::GuestEnd;
use ferry_units::WallTime;

use super::Keeper;
use crate::guests::journal::Origin;
use crate::guests::machine;
use crate::guests::qmp::QmpError;
use crate::guests::wishes::Running;

impl Keeper {
    /// Ends the guest if somebody wants that. True if it has.
    pub(super) fn obey_ending(&mut self) -> Result<bool> {
        let (is_wanted, latest) = {
            let wishes = self.guest.mailbox.lock();
            (wishes.ending.is_some(), wishes.shut_down)
        };
        // One that does not answer has not been asked, and is not waited for any longer than that.
        let is_past = |until: WallTime| until <= self.world.wall();
        let is_overdue = self.record.shut_down_until.into_iter().chain(latest).any(is_past);
        if !is_overdue && !is_wanted {
            return Ok(false);
        }
        if self.record.departure().is_some() {
            self.stay(FailureReason::AbortedByUser.to_string())?;
        }
        let end = if self.record.origin == Origin::Elsewhere && !machine::has_run(&self.dir)? {
            GuestEnd::NeverCame { why: "it is not awaited any more".to_owned() }
        } else {
            GuestEnd::ShutDown
        };
        self.end(end)?;
        Ok(true)
    }

    /// How long a guest that was asked to shut down may take still.
    pub(super) fn until_shut_down(&self) -> Option<Duration> {
        self.record.shut_down_until.map(|until| until.since(self.world.wall()))
    }

    /// Carries out what else is wanted, if the guest's state lets it.
    pub(super) async fn obey(&mut self) -> Result<()> {
        let (shut_down, run, listen, migrate, abort) = {
            let mut wishes = self.guest.mailbox.lock();
            (
                wishes.shut_down.take(),
                wishes.run.take(),
                wishes.listen.take(),
                wishes.migrate.take(),
                wishes.abort.take(),
            )
        };
        if let Some(until) = shut_down {
            self.shut_down(until).await?;
        }
        if let Some(run) = run {
            self.let_run(run).await?;
        }
        if let Some(listen) = listen {
            self.awaits(listen)?;
        }
        if let Some(migrate) = migrate {
            self.leaves(migrate)?;
        }
        if let Some(uid) = abort {
            self.abort(&uid)?;
        }
        Ok(())
    }

    /// Asks the guest to shut down, once.
    async fn shut_down(&mut self, until: WallTime) -> Result<()> {
        let is_new = self.record.shut_down_until.is_none();
        // Somebody may lose patience; nobody gains any.
        let until = self.record.shut_down_until.map_or(until, |before| before.min(until));
        if self.record.shut_down_until != Some(until) {
            self.record.shut_down_until = Some(until);
            self.save()?;
        }
        match self.seen.run {
            // There is nobody whom one could ask.
            Some(RunState::Inmigrate) => {
                let why = "it is not awaited any more".to_owned();
                self.end(GuestEnd::NeverCame { why })
            }
            _ if is_new => self.tell(&SystemPowerdown).await,
            _ => Ok(()),
        }
    }

    /// Pauses the guest or lets it run, unless its migration holds it.
    async fn let_run(&mut self, run: Running) -> Result<()> {
        let is_suspended = self.record.departure().is_some_and(|departure| departure.suspended);
        match (run, self.seen.run) {
            (Running::No, Some(RunState::Running)) => self.tell(&Stop).await?,
            (Running::Yes, Some(RunState::Paused | RunState::Prelaunch)) if !is_suspended => {
                self.tell(&Cont).await?;
            }
            _ => return Ok(()),
        }
        // Now it is known why it stands still, or that it need not.
        let was_found = mem::take(&mut self.record.is_found);
        if let Some(departure) = self.record.departure() {
            // It is to stand still, or to run, wherever it is going.
            departure.was_paused = run == Running::No;
            self.save()?;
        } else if was_found {
            self.save()?;
        }
        Ok(self.look().await?)
    }

    /// Tells the guest something that it may refuse, which is logged: the order comes again.
    async fn tell<C: Execute>(&self, command: &C) -> Result<()> {
        match self.qmp()?.execute(command).await {
            Ok(_) => Ok(()),
            Err(error) => {
                refused(C::NAME, &error);
                if error.refusal().is_some() { Ok(()) } else { Err(error.into()) }
            }
        }
    }
}

fn refused(command: &str, error: &QmpError) {
    tracing::warn!(command, %error, "a guest does not obey");
}
