//! A guest that comes: awaited, and found to live here.

use std::time::Duration;

use anyhow::Result;
use ferry_qmp::QueryMigrate;
use ferry_qmp::words::{MigrationStatus, RunState, SocketAddress};
use ferry_reconcile::guest::{Arriving, GuestEnd, Listen};
use ferry_rpc::Outcome;
use ferry_units::WallTime;

use super::states::is_post_copy;
use super::{ARRIVING, IDLE, Keeper};
use crate::guests::journal::{Arrival, Origin, Part};
use crate::guests::machine::{self, Link, Listens};
use crate::guests::world::{advertised, at};

impl Keeper {
    /// A guest is to be awaited. It is as soon as the machine is told. It may be here already, where
    /// the journal that said so was lost.
    pub(super) fn awaits(&mut self, order: Listen) -> Result<()> {
        if self.record.part.is_some() || self.record.origin == Origin::Boot {
            return Ok(());
        }
        let told = Arriving {
            migration_uid: order.migration_uid.clone(),
            listening: None,
            resumed: None,
            completed: None,
            failure: None,
        };
        self.record.part = Some(Part::Arriving(Box::new(Arrival { order, told })));
        self.save()
    }

    /// Does what is next for a guest that comes, or has come.
    pub(super) async fn arrive(&mut self) -> Result<Duration> {
        let status = self.status();
        let Some(arrival) = self.record.arrival() else { return Ok(IDLE) };
        if arrival.told.completed.is_some() {
            return Ok(IDLE);
        }
        self.let_post_copy_go().await?;
        if self.lives_here() {
            let status = self.status();
            self.note_arrival(status).await?;
            return Ok(ARRIVING);
        }
        if status == MigrationStatus::Failed {
            let error = self.seen.migration.error_desc.clone();
            let error = error.unwrap_or_else(|| "its migration has failed".to_owned());
            self.cannot_come(self.machine().why(&self.dir, error))?;
            return Ok(Duration::ZERO);
        }
        let is_listening =
            self.record.arrival().is_some_and(|arrival| arrival.told.listening.is_some());
        if !is_listening {
            self.listen().await?;
        }
        Ok(ARRIVING)
    }

    /// Whether the guest has been let run here, or stands still here as it did where it came from.
    pub(super) fn lives_here(&self) -> bool {
        let has_left_waiting = !matches!(self.seen.run, Some(RunState::Inmigrate) | None);
        is_post_copy(self.status()) || (has_left_waiting && self.is_let_go())
    }

    /// Whether nobody has to let it go any more. If nobody can tell, it may have run.
    pub(super) fn is_let_go(&self) -> bool {
        self.machine().hands_over_itself() || machine::has_run(&self.dir).unwrap_or(true)
    }

    /// Lets a guest run that is here in post-copy. Its source could send the rest of its state only once
    /// it could not run it any more.
    async fn let_post_copy_go(&mut self) -> Result<()> {
        let waits = self.seen.run == Some(RunState::Paused) && is_post_copy(self.status());
        if waits && !self.is_let_go() {
            self.machine().let_go(&self.qmp()?, &self.dir).await?;
            self.look().await?;
        }
        Ok(())
    }

    /// The guest lives here: this is said, and never taken back.
    async fn note_arrival(&mut self, status: MigrationStatus) -> Result<()> {
        let wall = self.world.wall();
        let resumed = self.machine().resumed_at(&self.qmp()?).await?;
        let Some(arrival) = self.record.arrival() else { return Ok(()) };
        let before = arrival.told.clone();
        if arrival.told.resumed.is_none() {
            arrival.told.resumed = Some(resumed.map_or(wall, |at| not_after(at, wall)));
        }
        if status == MigrationStatus::Completed {
            arrival.told.completed = Some(wall);
        }
        let torn = status == MigrationStatus::Failed;
        if arrival.told != before {
            let uid = arrival.told.migration_uid.clone();
            self.world.outcomes.note(&uid, Outcome::Arrived)?;
            self.save()?;
        }
        if torn {
            let why = self.seen.migration.error_desc.clone().unwrap_or_default();
            self.end(GuestEnd::Torn { why })?;
        }
        Ok(())
    }

    /// The guest cannot come any more.
    fn cannot_come(&mut self, why: String) -> Result<()> {
        if let Some(arrival) = self.record.arrival() {
            arrival.told.failure = Some(why.clone());
        }
        self.end(GuestEnd::NeverCame { why })
    }

    /// Tells the machine where to listen, unless it does already.
    async fn listen(&mut self) -> Result<()> {
        let Some(arrival) = self.record.arrival() else { return Ok(()) };
        let order = arrival.order.clone();
        let network = match self.world.network(order.settings.network.as_deref()) {
            Ok(network) => network.clone(),
            Err(why) => return self.cannot_come(why),
        };
        let qmp = self.qmp()?;
        if self.status() == MigrationStatus::None {
            let link = Link {
                settings: &order.settings,
                channels: order.channels,
                identity: &self.world.config.identity,
                disks: &self.record.spec.disks,
            };
            let machine = self.machine();
            if let Err(error) = machine.prepare_target(&qmp, link).await {
                let Some(why) = error.refusal() else { return Err(error.into()) };
                return self.cannot_come(why.to_owned());
            }
            let mut why = "this node has no port to await it at".to_owned();
            let mut listens = false;
            for port in self.world.ports() {
                let last = *self.world.config.migration_ports.end();
                match machine.listen(&qmp, link, at(network.listen, port), last).await {
                    Ok(Listens::Yes) => {
                        listens = true;
                        break;
                    }
                    Ok(Listens::Taken) => {}
                    Err(error) => match error.refusal() {
                        Some(text) => {
                            text.clone_into(&mut why);
                            break;
                        }
                        None => return Err(error.into()),
                    },
                }
            }
            if !listens {
                return self.cannot_come(why);
            }
        }
        let Some(port) = self.port().await? else { return Ok(()) };
        if let Some(arrival) = self.record.arrival() {
            arrival.told.listening = Some(advertised(&network, port));
        }
        self.save()
    }

    /// The port at which the machine listens.
    pub(super) async fn port(&self) -> Result<Option<u16>> {
        let info = self.qmp()?.execute(&QueryMigrate).await?;
        let addresses = info.socket_address.unwrap_or_default();
        Ok(addresses.iter().find_map(|address| match address {
            SocketAddress::Inet(inet) => inet.port.parse().ok(),
            SocketAddress::Unix(_) | SocketAddress::Vsock(_) | SocketAddress::Fd(_) => None,
        }))
    }
}

/// Clocks of two processes on a machine agree; a time to come would confuse whoever compares.
fn not_after(at: WallTime, now: WallTime) -> WallTime {
    at.min(now)
}
