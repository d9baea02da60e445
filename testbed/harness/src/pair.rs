//! Two guests between which a migration is about to happen, is happening, or has happened.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ferry_qmp::words::{
    Migrate, MigrateIncoming, MigrateSetCapabilities, MigrateSetParameters, MigrationCapability,
    MigrationCapabilityStatus, MigrationInfo, MigrationStatus, RunState, SocketAddress,
    VerifyReport,
};
use ferry_qmp::{MigrateCancel, QueryMigrate, QueryMigrateCapabilities};
use ferry_units::BytesPerSecond;

use crate::builder::GuestBuilder;
use crate::guest::Guest;
use crate::qmp::{Mark, Qmp};
use crate::relay::Relay;
use crate::wait::wait_until;

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Where the guest was.
    Source,
    /// Where it goes.
    Destination,
}

/// A source and a destination. Both send the events of migrations, and bandwidth is not limited.
#[derive(Debug)]
pub struct Pair {
    /// Where the guest was.
    pub source: Guest,
    /// Where it goes.
    pub destination: Guest,
    /// What is between them, if it is not the plain network.
    pub relay: Option<Relay>,
    since: [Mark; 2],
}

impl Pair {
    /// Starts such a guest, and the same as its destination.
    ///
    /// # Errors
    /// When one of them does not start.
    pub fn start(guest: &GuestBuilder) -> Result<Self> {
        Self::of(Guest::start(guest)?, Guest::start(&guest.destination())?)
    }

    /// Makes a pair of two guests, the second of which awaits a migration.
    ///
    /// # Errors
    /// When one of them refuses what a pair needs.
    pub fn of(source: Guest, destination: Guest) -> Result<Self> {
        let pair = Self { source, destination, relay: None, since: [Mark::default(); 2] };
        pair.enable(&[MigrationCapability::Events])?;
        pair.set(&MigrateSetParameters {
            max_bandwidth: Some(BytesPerSecond::new(0)),
            ..MigrateSetParameters::default()
        })?;
        Ok(pair)
    }

    /// One of the two.
    pub fn guest(&self, side: Side) -> &Guest {
        match side {
            Side::Source => &self.source,
            Side::Destination => &self.destination,
        }
    }

    /// What is between the two. Only for pairs that [`listen_behind_relay`](Self::listen_behind_relay).
    ///
    /// # Errors
    /// When there is no relay.
    pub fn relay(&self) -> Result<&Relay> {
        self.relay.as_ref().context("the pair has a relay")
    }

    /// Switches capabilities on, on both sides.
    ///
    /// # Errors
    /// When one of them refuses.
    pub fn enable(&self, capabilities: &[MigrationCapability]) -> Result<()> {
        let on = |&capability| MigrationCapabilityStatus { capability, state: true };
        let capabilities = capabilities.iter().map(on).collect();
        self.both(|qmp| {
            let command = MigrateSetCapabilities { capabilities: Vec::clone(&capabilities) };
            qmp.execute(&command).map(drop).map_err(Into::into)
        })
    }

    /// The capabilities that are on at the source.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn enabled(&self) -> Result<Vec<MigrationCapability>> {
        let all = self.source.qmp().execute(&QueryMigrateCapabilities)?;
        Ok(all.iter().filter(|each| each.state).map(|each| each.capability).collect())
    }

    /// Changes parameters, on both sides.
    ///
    /// # Errors
    /// When one of them refuses.
    pub fn set(&self, parameters: &MigrateSetParameters) -> Result<()> {
        self.both(|qmp| qmp.execute(parameters).map(drop).map_err(Into::into))
    }

    /// Lets the destination listen on a port of its choice, and returns it. It stays when the
    /// migration fails, to be looked at, if it is a machine that can.
    ///
    /// # Errors
    /// When it refuses, or does not say where it listens.
    pub fn listen(&self) -> Result<SocketAddr> {
        let qmp = self.destination.qmp();
        // QEMU knows it since 9.1.
        let stays = qmp.schema()?.has_argument::<MigrateIncoming>(&["exit-on-error"]);
        qmp.execute(&MigrateIncoming {
            uri: Some("tcp:127.0.0.1:0".to_owned()),
            channels: None,
            exit_on_error: stays.then_some(false),
        })?;
        self.address()
    }

    /// The same with a relay before it.
    ///
    /// # Errors
    /// As for [`listen`](Self::listen).
    pub fn listen_behind_relay(&mut self) -> Result<()> {
        self.relay = Some(Relay::to(self.listen()?)?);
        Ok(())
    }

    /// Where the destination listens.
    ///
    /// # Errors
    /// When it does not say so.
    pub fn address(&self) -> Result<SocketAddr> {
        let info = self.info(Side::Destination)?;
        let addresses = info.socket_address.unwrap_or_default();
        let Some(SocketAddress::Inet(inet)) = addresses.first() else {
            bail!("the destination listens at no TCP address, but at {addresses:?}");
        };
        format!("{}:{}", inet.host, inet.port).parse().context("the destination's address")
    }

    /// Begins the migration, through the relay if there is one. Lets the destination listen first
    /// if it does not.
    ///
    /// # Errors
    /// When one of them refuses.
    pub fn migrate(&mut self) -> Result<()> {
        self.look_anew();
        let is_listening = self.info(Side::Destination)?.socket_address.is_some();
        let uri = match &self.relay {
            Some(relay) => relay.uri(),
            None if is_listening => format!("tcp:{}", self.address()?),
            None => format!("tcp:{}", self.listen()?),
        };
        self.send(&uri, None)
    }

    /// Goes on with a migration that was paused, at `uri`.
    ///
    /// # Errors
    /// When the source refuses.
    pub fn resume(&self, uri: &str) -> Result<()> {
        self.send(uri, Some(true))
    }

    fn send(&self, uri: &str, resume: Option<bool>) -> Result<()> {
        let migrate = Migrate { uri: Some(uri.to_owned()), resume, ..Migrate::default() };
        self.source.qmp().execute(&migrate)?;
        Ok(())
    }

    /// Gives the migration up.
    ///
    /// # Errors
    /// When the source refuses.
    pub fn cancel(&self) -> Result<()> {
        self.source.qmp().execute(&MigrateCancel)?;
        Ok(())
    }

    /// What a side says of the migration.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn info(&self, side: Side) -> Result<MigrationInfo> {
        Ok(self.guest(side).qmp().execute(&QueryMigrate)?)
    }

    /// Waits from now on for what comes from now on, for states that a migration comes to twice.
    pub fn look_anew(&mut self) {
        self.since = [Side::Source, Side::Destination].map(|side| self.guest(side).qmp().mark());
    }

    /// Where this migration began among the events of a side.
    pub fn since(&self, side: Side) -> Mark {
        self.since[side as usize]
    }

    /// Waits until a side has come to this state in this migration.
    ///
    /// # Errors
    /// When it ends in another, or does not come there; the logs of both are said.
    pub fn wait(&self, side: Side, status: MigrationStatus) -> Result<()> {
        let waited = self.guest(side).qmp().wait_migration(self.since(side), status);
        waited.with_context(|| self.logs(side, status)).map(drop)
    }

    /// Waits until both sides are done.
    ///
    /// # Errors
    /// When one of them is not.
    pub fn wait_completed(&self) -> Result<()> {
        self.wait(Side::Source, MigrationStatus::Completed)?;
        self.wait(Side::Destination, MigrationStatus::Completed)
    }

    /// Waits until this side is in this run state.
    ///
    /// # Errors
    /// When it does not come there.
    pub fn wait_run_state(&self, side: Side, state: RunState) -> Result<()> {
        wait_until(&format!("{side:?} is {state}"), || {
            Ok((self.guest(side).run_state()? == state).then_some(()))
        })
    }

    /// Where the guest runs.
    ///
    /// # Errors
    /// When it runs nowhere, or at both sides.
    pub fn who_runs(&mut self) -> Result<Side> {
        let source = state_if_alive(&mut self.source)?;
        let destination = state_if_alive(&mut self.destination)?;
        let runs = |state: Option<RunState>| state == Some(RunState::Running);
        match (runs(source), runs(destination)) {
            (true, false) => Ok(Side::Source),
            (false, true) => Ok(Side::Destination),
            (true, true) => bail!("the guest runs at both sides"),
            (false, false) => bail!("the guest runs nowhere: {source:?}, {destination:?}"),
        }
    }

    /// Checks every page and block at a side.
    ///
    /// # Errors
    /// When one of them is wrong.
    pub fn verify(&self, side: Side) -> Result<VerifyReport> {
        self.guest(side).verify().with_context(|| format!("at the {side:?}\n{}", self.both_logs()))
    }

    /// How long the guest stood still: from STOP at the source to RESUME at the destination.
    ///
    /// # Errors
    /// When one of them has not come, or both ran at once.
    pub fn blackout(&self) -> Result<Duration> {
        let time = |side: Side, name: &str| self.guest(side).qmp().time_of(self.since(side), name);
        let stopped = time(Side::Source, "STOP")?;
        let resumed = time(Side::Destination, "RESUME")?;
        let overlap = || format!("it ran at both sides for {:?}", stopped.abs_diff(resumed));
        resumed.checked_sub(stopped).with_context(overlap)
    }

    fn both(&self, mut act: impl FnMut(&Qmp) -> Result<()>) -> Result<()> {
        act(self.source.qmp()).context("at the source")?;
        act(self.destination.qmp()).context("at the destination")
    }

    fn logs(&self, side: Side, status: MigrationStatus) -> String {
        format!("waiting for {status} at the {side:?}\n{}", self.both_logs())
    }

    fn both_logs(&self) -> String {
        let (source, destination) = (self.source.log(), self.destination.log());
        format!("--- source:\n{source}--- destination:\n{destination}---")
    }
}

fn state_if_alive(guest: &mut Guest) -> Result<Option<RunState>> {
    Ok(if guest.is_alive()? { Some(guest.run_state()?) } else { None })
}
