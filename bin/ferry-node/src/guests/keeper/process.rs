//! The guest's process: started, found again, reached, and found gone.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use ferry_convergence::FailureReason;
use ferry_qmp::words::{RunState, ShutdownCause};
use ferry_reconcile::guest::GuestEnd;
use ferry_rpc::{Conclusion, Outcome};

use super::{IDLE, Keeper, Next, RETRY, SOON};
use crate::guests::journal::{Origin, Part};
use crate::guests::machine;
use crate::guests::process::ProcessId;
use crate::guests::qmp::Qmp;
use crate::guests::wishes::Ending;

/// Whether a guest can be told anything.
pub(super) enum Reached {
    Up,
    NotYet,
    /// Why, in a sentence.
    Gone(String),
}

/// Whether a guest has a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Alive,
    Gone,
    Unknown,
}

impl Keeper {
    /// Sees to it that the guest has a process and that it can be talked to.
    pub(super) async fn reach(&mut self) -> Result<Reached> {
        let process = match self.record.process {
            Some(process) => process,
            None => match self.find_or_start()? {
                Some(process) => process,
                None => return Ok(Reached::NotYet),
            },
        };
        if self.qmp.as_ref().is_some_and(|qmp| !qmp.heard().ended) {
            return Ok(Reached::Up);
        }
        if !process.is_alive() {
            return Ok(Reached::Gone(self.last_words()));
        }
        match machine::connect(&self.dir).await {
            Ok(qmp) => self.qmp = Some(qmp),
            Err(error) => {
                tracing::trace!(%error, "a guest is not there yet");
                return Ok(Reached::NotYet);
            }
        }
        if !self.record.answered {
            self.record.answered = true;
            self.save()?;
        }
        Ok(Reached::Up)
    }

    /// The process that an earlier daemon has started and could not note, or a new one. Nothing if it
    /// cannot be started, which ends the guest.
    fn find_or_start(&mut self) -> Result<Option<ProcessId>> {
        // Whoever comes after us finds the guest, with its process or without.
        self.save()?;
        let machines = &self.world.machines;
        let mut found = ProcessId::working_in(&self.dir, machine::SOCKET_WORDS);
        if found.is_none() {
            match machines.start(&self.record.spec, self.record.origin, &self.dir) {
                Ok(None) => return Ok(None),
                Ok(Some(child)) => {
                    // One that is gone already is known by a time at which nothing else was started.
                    let pid = child.id().unwrap_or(0);
                    let gone = ProcessId { pid, started: 0 };
                    found = Some(ProcessId::of(pid).unwrap_or(gone));
                    self.child = Some(child);
                }
                Err(why) => {
                    self.record.end = Some(GuestEnd::NotStarted { why });
                    self.save()?;
                    return Ok(None);
                }
            }
        }
        self.record.process = found;
        self.save()?;
        Ok(found)
    }

    pub(super) fn standing(&self) -> Standing {
        match self.record.process {
            None => Standing::Unknown,
            Some(process) if process.is_alive() => Standing::Alive,
            Some(_) => Standing::Gone,
        }
    }

    /// Its process is gone, and nobody has said yet what that means.
    pub(super) async fn died(&mut self, why: &str) -> Result<Duration> {
        let heard = self.qmp.as_ref().map(Qmp::heard).unwrap_or_default();
        let has_shut_down = heard.shut_down == Some(ShutdownCause::GuestShutdown);
        if self.record.departure().is_some() && !has_shut_down {
            // It may have gone over before: only its destination knows.
            return self.doubt().await;
        }
        let was_asked = self.record.shut_down_until.is_some();
        let by_command = heard.shut_down == Some(ShutdownCause::HostQmpQuit);
        let is_awaited = self.record.origin == Origin::Elsewhere && !machine::has_run(&self.dir)?;
        let end = if is_awaited {
            GuestEnd::NeverCame { why: format!("what awaited it has ended: {why}") }
        } else if has_shut_down || was_asked || by_command {
            GuestEnd::ShutDown
        } else if heard.panicked {
            GuestEnd::Crashed { why: "the guest has panicked".to_owned() }
        } else if self.record.answered {
            GuestEnd::Crashed { why: why.to_owned() }
        } else {
            GuestEnd::NotStarted { why: why.to_owned() }
        };
        if self.record.departure().is_some() {
            let error = "the guest has shut down".to_owned();
            self.stay(FailureReason::Hypervisor { error }.to_string())?;
        }
        self.end(end)?;
        Ok(Duration::ZERO)
    }

    /// Writes down how the guest has ended. Its process is killed from then on.
    pub(super) fn end(&mut self, end: GuestEnd) -> Result<()> {
        tracing::info!(
            guest = format!("{}/{}", self.record.spec.namespace, self.record.spec.name),
            pod_uid = self.record.spec.pod_uid,
            ?end,
            "a guest has ended here"
        );
        self.record.end = Some(end);
        self.save()
    }

    /// Whether the guest has found something wrong with itself.
    pub(super) fn has_panicked(&self) -> bool {
        matches!(self.seen.run, Some(RunState::GuestPanicked | RunState::InternalError))
    }

    pub(super) fn panicked(&mut self) -> Result<()> {
        if self.record.departure().is_some() {
            let error = "the guest has panicked".to_owned();
            self.stay(FailureReason::Hypervisor { error }.to_string())?;
        }
        let why = "the guest has panicked; its console says why".to_owned();
        self.end(GuestEnd::Crashed { why })
    }

    /// What there is to do after the end: nothing of the guest may go on, what others are owed is
    /// given to them, and in the end its files go.
    pub(super) async fn after_end(&mut self) -> Result<Next> {
        if let Some(process) = self.record.process {
            process.kill().context("cannot end a guest's process")?;
            if process.is_alive() {
                return Ok(Some(SOON));
            }
        }
        self.reap();
        self.note_outcome()?;
        let owes = self.pay_debts().await;
        let forget = self.guest.mailbox.lock().ending == Some(Ending::Forget);
        if forget {
            match fs::remove_dir_all(&self.dir) {
                Ok(()) => return Ok(None),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("cannot remove {}", self.dir.display()));
                }
            }
        }
        Ok(Some(if owes { RETRY } else { IDLE }))
    }

    /// What became of a guest that was awaited is known now for good.
    fn note_outcome(&mut self) -> Result<()> {
        if let Some(Part::Arriving(arrival)) = &self.record.part {
            let has_arrived = arrival.told.resumed.is_some() || machine::has_run(&self.dir)?;
            let outcome = if has_arrived { Outcome::Arrived } else { Outcome::NeverRan };
            self.world.outcomes.note(&arrival.told.migration_uid, outcome)?;
        }
        Ok(())
    }

    /// Lets a guest run at its destination that was suspended here so that it could cross. True if it
    /// has to be tried again.
    async fn pay_debts(&mut self) -> bool {
        let Some(Part::Leaving(departure)) = &mut self.record.part else { return false };
        if !departure.owes_release {
            return false;
        }
        let (node, uid) = (&departure.order.target_node, &departure.told.migration_uid);
        let released =
            self.world.ask(node, async |node| node.conclude(uid, Conclusion::Run).await).await;
        match released {
            Ok(_) => departure.owes_release = false,
            Err(error) => {
                tracing::warn!(%node, error = format!("{error:#}"), "cannot let a guest run there");
                return true;
            }
        }
        self.save().is_err()
    }

    /// Takes the exit status of a process that was ours, so that Linux can forget it.
    fn reap(&mut self) {
        if let Some(child) = &mut self.child
            && !matches!(child.try_wait(), Ok(None))
        {
            self.child = None;
        }
    }

    /// Why its process has ended, as far as anybody can tell.
    fn last_words(&mut self) -> String {
        let status = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
        let said = machine::last_words(&self.dir);
        match (status, said) {
            (Some(status), Some(said)) if status.code().is_some() => {
                format!("its process has ended with {status}: {said}")
            }
            (Some(status), _) => format!("its process was ended by {status}"),
            (None, _) => "its process is gone".to_owned(),
        }
    }
}
