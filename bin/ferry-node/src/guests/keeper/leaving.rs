//! A guest that leaves: sent, watched, and judged by the monitor.

use std::time::Duration;

use anyhow::Result;
use ferry_config::{Bandwidth, MigrationSettings};
use ferry_convergence::{Action, FailureReason, Mode, Monitor, Sample, Terms};
use ferry_qmp::words::{MigrationStatus, RunState};
use ferry_qmp::{MigrateStartPostcopy, Stop};
use ferry_reconcile::guest::{self, Leaving, MigrationMode, Stillness};
use ferry_rpc::{GuestName, Milestone, Progress, Story};
use ferry_units::{Instant, WallTime};

use super::states::{has_left, has_started, is_post_copy, of_lost};
use super::{IDLE, Keeper, LEAVING};
use crate::guests::journal::{Departure, Part};
use crate::guests::machine::{self, Cancel, Link, is_under_way};
use crate::guests::world::World;

/// How long a machine may take to call a migration off. It cuts its connections, which takes no time.
const CANCELLING: Duration = Duration::from_secs(5);

/// A migration as this daemon watches it. Everything in it is lost with the daemon and made anew.
#[derive(Debug)]
pub(super) struct Transfer {
    monitor: Monitor,
    /// When the monitor is to look next.
    due: Instant,
    /// Since when it is being called off, or was helped with that last.
    cancelling: Option<Instant>,
    pub(super) story: Story,
}

impl Transfer {
    /// Adds something that has happened to the story.
    pub(super) fn note(&mut self, at: WallTime, what: impl Into<String>) {
        self.story.milestones.push(Milestone { at, what: what.into() });
    }
}

impl Keeper {
    /// The guest is to leave. One that does so already, or has tried to in this migration, does not
    /// begin again.
    pub(super) fn leaves(&mut self, order: guest::Migrate) -> Result<()> {
        let is_free = match &self.record.part {
            None => true,
            Some(part) if part.migration_uid() == order.migration_uid => false,
            Some(Part::Leaving(departure)) => departure.told.end.is_some(),
            Some(Part::Arriving(arrival)) => arrival.told.completed.is_some(),
        };
        // One whose journal was lost may be on its way, or gone.
        let is_lost = self.record.is_found && self.record.part.is_none();
        let is_here = match self.seen.run {
            Some(RunState::Running | RunState::Paused | RunState::Prelaunch) => true,
            Some(RunState::FinishMigrate | RunState::Postmigrate) => is_lost,
            Some(_) | None => false,
        };
        if !is_free || !is_here {
            return Ok(());
        }
        let stillness = match self.seen.run {
            Some(run) if is_lost => of_lost(run, order.stillness),
            Some(RunState::Paused | RunState::Prelaunch) => Stillness::Wanted,
            Some(_) | None => Stillness::Unknown,
        };
        let suspended = stillness == Stillness::Suspended;
        let told = Leaving {
            migration_uid: order.migration_uid.clone(),
            started: None,
            mode: if suspended { MigrationMode::Paused } else { MigrationMode::PreCopy },
            end: None,
            abort_failed: false,
        };
        self.transfer = None;
        self.record.part = Some(Part::Leaving(Box::new(Departure {
            order,
            told,
            suspended,
            calling_off: None,
            was_paused: stillness == Stillness::Wanted,
            owes_release: false,
        })));
        self.save()
    }

    /// The migration is to be called off. It is as soon as the machine is told.
    pub(super) fn abort(&mut self, uid: &str) -> Result<()> {
        let reason = FailureReason::AbortedByUser.to_string();
        if let Some(departure) = self.record.departure()
            && departure.told.migration_uid == uid
            && departure.calling_off.is_none()
            && !departure.told.abort_failed
        {
            departure.calling_off = Some(reason);
            self.save()?;
        }
        Ok(())
    }

    /// Does what is next for a guest that leaves, or has tried to.
    pub(super) async fn leave(&mut self) -> Result<Duration> {
        let run = self.seen.run;
        let status = self.status();
        let Some(departure) = self.record.departure() else {
            return self.let_stay().await;
        };
        let is_called_off = departure.calling_off.is_some();
        // A guest that has come here before it leaves says `completed` of that until it is sent.
        let is_sent = departure.told.started.is_some() || run == Some(RunState::Postmigrate);
        if self.transfer.is_none() {
            if !is_sent && !is_called_off && !is_under_way(status) {
                return self.begin().await;
            }
            self.go_on()?;
        }
        match status {
            MigrationStatus::Completed if is_sent => self.hand_over().await,
            MigrationStatus::Failed if run == Some(RunState::Postmigrate) => self.doubt().await,
            MigrationStatus::PostcopyPaused => self.doubt().await,
            MigrationStatus::Failed => {
                let error = self.seen.migration.error_desc.clone().unwrap_or_default();
                self.note_passes().await;
                self.tidy().await;
                self.stay(FailureReason::Hypervisor { error }.to_string())?;
                self.let_stay().await
            }
            MigrationStatus::Cancelled | MigrationStatus::None | MigrationStatus::Completed => {
                tracing::info!(?status, ?run, "the guest is not on its way any more");
                let error = "it was cancelled".to_owned();
                self.note_passes().await;
                self.tidy().await;
                self.stay(FailureReason::Hypervisor { error }.to_string())?;
                self.let_stay().await
            }
            MigrationStatus::Setup
            | MigrationStatus::Cancelling
            | MigrationStatus::Active
            | MigrationStatus::PostcopyActive
            | MigrationStatus::PostcopyRecoverSetup
            | MigrationStatus::PostcopyRecover
            | MigrationStatus::Colo
            | MigrationStatus::PreSwitchover
            | MigrationStatus::Device
            | MigrationStatus::WaitUnplug => self.watch().await,
        }
    }

    /// Tells the machine to send the guest.
    async fn begin(&mut self) -> Result<Duration> {
        let Some(departure) = self.record.departure() else { return Ok(IDLE) };
        let order = departure.order.clone();
        let terms = terms(&self.world, &order);
        let story = self.new_story(&order);
        let now = self.world.now();
        let mut transfer =
            Transfer { monitor: Monitor::new(terms, now), due: now, cancelling: None, story };
        transfer.note(self.world.wall(), format!("{} is told to send it", self.world.config.node));
        self.world.stories.keep(&transfer.story)?;
        self.transfer = Some(transfer);
        if let Err(why) = self.may_send(&order.settings) {
            self.stay(why)?;
            return Ok(Duration::ZERO);
        }
        let sent = self.machine().send(&self.qmp()?, self.link(&order), &order).await;
        match sent {
            Ok(()) => {}
            // What the call itself is refused for is said as it is.
            // PARITY: pkg/virt-launcher/virtwrap/live-migration-source.go#migrateHelper
            Err(error) if error.refusal().is_some() => {
                // It may have been told already, by an earlier daemon whose words it read late.
                self.look().await?;
                if !has_left(self.status(), self.seen.run) {
                    self.stay(error.refusal().unwrap_or_default().to_owned())?;
                    return Ok(Duration::ZERO);
                }
                tracing::info!(%error, "the guest is on its way already");
            }
            Err(error) => {
                // Whether it has begun is seen at the next look.
                self.transfer = None;
                return Err(error.into());
            }
        }
        self.look().await?;
        if is_under_way(self.status()) { self.watch().await } else { Ok(Duration::ZERO) }
    }

    fn link<'a>(&'a self, order: &'a guest::Migrate) -> Link<'a> {
        Link {
            settings: &order.settings,
            channels: order.channels,
            identity: &self.world.config.identity,
            disks: &self.record.spec.disks,
        }
    }

    /// Whether a guest may be sent like that from here; why not, in a sentence.
    fn may_send(&self, settings: &MigrationSettings) -> Result<(), String> {
        match settings.bandwidth {
            Bandwidth::Unlimited | Bandwidth::AtMost(_) => {}
            // PARITY: pkg/virt-launcher/virtwrap/converter/vcpu/vcpu.go#QuantityToByte
            Bandwidth::BelowZero => {
                return Err(
                    "error encountered while generating migration parameters: the bandwidth \
                            must be greater than or equal to 0"
                        .to_owned(),
                );
            }
        }
        let network = self.world.network(settings.network.as_deref());
        network.map(drop).map_err(|error| FailureReason::Hypervisor { error }.to_string())
    }

    /// Goes on with a migration that an earlier daemon has begun.
    pub(super) fn go_on(&mut self) -> Result<()> {
        let Some(departure) = self.record.departure() else { return Ok(()) };
        let (order, mode) = (departure.order.clone(), departure.told.mode);
        let kept = self.world.stories.get(&order.migration_uid)?;
        let story = kept.unwrap_or_else(|| self.new_story(&order));
        let mode = match mode {
            MigrationMode::PreCopy => Mode::PreCopy,
            MigrationMode::Paused => Mode::Paused,
            MigrationMode::PostCopy => Mode::PostCopy,
        };
        let (began, now) = (self.world.when(story.started), self.world.now());
        let monitor = Monitor::resume(terms(&self.world, &order), began, mode, now);
        let mut transfer = Transfer { monitor, due: now, cancelling: None, story };
        transfer.note(self.world.wall(), "the node daemon was started again and goes on");
        self.world.stories.keep(&transfer.story)?;
        self.transfer = Some(transfer);
        Ok(())
    }

    fn new_story(&self, order: &guest::Migrate) -> Story {
        let spec = &self.record.spec;
        Story {
            migration_uid: order.migration_uid.clone(),
            guest: GuestName::new(spec.namespace.clone(), spec.name.clone()),
            source_node: self.world.config.node.clone(),
            target_node: order.target_node.clone(),
            last: Progress::default(),
            passes: Vec::new(),
            milestones: Vec::new(),
            blackout_ns: None,
            started: self.world.wall(),
            ended: None,
        }
    }

    /// Looks at a migration that is under way.
    async fn watch(&mut self) -> Result<Duration> {
        let (status, now, wall) = (self.status(), self.world.now(), self.world.wall());
        self.note_start(status, wall)?;
        self.tell_progress();
        if self.must_cancel(status) {
            self.cancel().await?;
            return Ok(LEAVING);
        }
        if status == MigrationStatus::Cancelling {
            self.help_cancel(now).await;
            return Ok(LEAVING);
        }
        self.drive().await?;
        let Some(transfer) = &mut self.transfer else { return Ok(LEAVING) };
        if now < transfer.due {
            return Ok(LEAVING);
        }
        transfer.due = now + Monitor::PERIOD;
        let remaining = self.seen.migration.ram.as_ref().map(|ram| ram.remaining);
        let decision = transfer.monitor.observe(now, &Sample { remaining });
        transfer.story.last.monitor = decision.reason.to_string();
        if decision.action == Action::Continue {
            return Ok(LEAVING);
        }
        tracing::info!(
            migration = transfer.story.migration_uid,
            action = %decision.action,
            reason = %decision.reason,
            "the monitor decides"
        );
        transfer.note(wall, format!("{}: {}", decision.action, decision.reason));
        if self.carry_out(&decision.action).await?
            && let Some(transfer) = &mut self.transfer
        {
            transfer.monitor.carried_out(&decision.action);
            self.world.stories.keep(&transfer.story)?;
        }
        Ok(LEAVING)
    }

    /// Frees a machine that is called off and does not come to an end of it: some wait for their target.
    async fn help_cancel(&mut self, now: Instant) {
        let Some(transfer) = &mut self.transfer else { return };
        let since = *transfer.cancelling.get_or_insert(now);
        if now.since(since) >= CANCELLING {
            transfer.cancelling = Some(now);
            self.free().await;
        }
    }

    /// Removes what a migration that has failed has left in the machine. What stays is in nobody's way.
    async fn tidy(&mut self) {
        if let Ok(qmp) = self.qmp()
            && let Err(error) = self.machine().tidy(&qmp, &self.record.spec.disks).await
        {
            tracing::debug!(%error, "something of a migration is left");
        }
    }

    /// Helps the machine on, if it needs that.
    async fn drive(&mut self) -> Result<()> {
        let Some(departure) = self.record.departure() else { return Ok(()) };
        let order = departure.order.clone();
        match self.machine().drive(&self.qmp()?, self.link(&order), &order).await {
            Ok(()) => Ok(()),
            Err(error) if error.refusal().is_some() => {
                tracing::info!(%error, "a migration cannot be helped on");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Does what the monitor has decided. False if it could not be done.
    async fn carry_out(&mut self, action: &Action) -> Result<bool> {
        let is_running = self.seen.run == Some(RunState::Running);
        let qmp = self.qmp()?;
        let Some(departure) = self.record.departure() else { return Ok(false) };
        match action {
            Action::Continue => Ok(true),
            Action::StartPostCopy => {
                if let Err(error) = qmp.execute(&MigrateStartPostcopy).await {
                    tracing::warn!(%error, "the guest does not go to post-copy");
                    return Ok(false);
                }
                departure.told.mode = MigrationMode::PostCopy;
                self.save()?;
                Ok(true)
            }
            Action::PauseGuest => {
                departure.told.mode = MigrationMode::Paused;
                departure.suspended = is_running;
                self.save()?;
                qmp.execute(&Stop).await?;
                self.look().await?;
                Ok(true)
            }
            Action::Abort(reason) => {
                departure.calling_off = Some(reason.to_string());
                self.save()?;
                self.cancel().await?;
                Ok(true)
            }
        }
    }

    fn must_cancel(&mut self, status: MigrationStatus) -> bool {
        let is_called_off = self.record.departure().is_some_and(|departure| {
            departure.calling_off.is_some() && !departure.told.abort_failed
        });
        is_called_off && status != MigrationStatus::Cancelling
    }

    /// Calls the migration off, which a machine refuses once the guest runs elsewhere.
    async fn cancel(&mut self) -> Result<()> {
        let (machine, qmp) = (self.machine(), self.qmp()?);
        let Some(mode) = self.record.departure().map(|departure| departure.told.mode) else {
            return Ok(());
        };
        match machine.cancel(&qmp, &self.record.spec.disks, mode).await? {
            Cancel::Told => {}
            Cancel::TooLate => {
                if let Some(departure) = self.record.departure() {
                    departure.told.abort_failed = true;
                }
                self.save()?;
            }
        }
        Ok(())
    }

    /// Notes since when memory crosses, and whether the guest has gone ahead of it.
    fn note_start(&mut self, status: MigrationStatus, wall: WallTime) -> Result<()> {
        let Some(departure) = self.record.departure() else { return Ok(()) };
        let before = departure.told.clone();
        if departure.told.started.is_none() && has_started(status) {
            departure.told.started = Some(wall);
        }
        if is_post_copy(status) {
            departure.told.mode = MigrationMode::PostCopy;
        }
        let (is_new, moves) = (departure.told.started != before.started, departure.told != before);
        if is_new && let Some(transfer) = &mut self.transfer {
            transfer.note(wall, "memory crosses");
            self.world.stories.keep(&transfer.story)?;
        }
        if moves { self.save() } else { Ok(()) }
    }

    /// Tells whoever watches how far it is.
    pub(super) fn tell_progress(&mut self) {
        let mode = self.record.departure().map(|departure| match departure.told.mode {
            MigrationMode::PreCopy => ferry_rpc::Mode::PreCopy,
            MigrationMode::Paused => ferry_rpc::Mode::Paused,
            MigrationMode::PostCopy => ferry_rpc::Mode::PostCopy,
        });
        let machine = self.machine();
        if let Some(transfer) = &mut self.transfer {
            let before = std::mem::take(&mut transfer.story.last);
            let now = machine::progress(&self.seen.migration, before.clone());
            machine.note_passes(&mut transfer.story.passes, &before, &now);
            transfer.story.last = now;
            transfer.story.last.mode = mode.or(transfer.story.last.mode);
            self.world.stories.tell(&transfer.story);
        }
    }
}

fn terms(world: &World, order: &guest::Migrate) -> Terms {
    Terms::new(&order.settings, order.size, world.config.semantics)
}
