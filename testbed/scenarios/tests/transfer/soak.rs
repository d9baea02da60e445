//! One busy guest that is moved again and again, each time in another way.
//!
//! `FERRY_SOAK_HOPS` says how often, and `FERRY_SOAK_SEED` repeats a run that has failed.

use std::env;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use ferry_harness::{Disk, Guest, GuestBuilder, Pair, Side};
use ferry_qmp::MigrateStartPostcopy;
use ferry_qmp::words::{
    Empty, HotspotOptions, MigrateSetCapabilities, MigrateSetParameters, MigrationCapability,
    MigrationCapabilityStatus, MigrationStatus, Milliseconds, Workload, WorkloadContents,
    WorkloadPattern, ZipfOptions,
};
use ferry_scenarios::{Dice, UNLIMITED, busy, let_go};
use ferry_units::{Bytes, BytesPerSecond};

/// How often, unless it is said: about a minute.
const HOPS: u64 = 200;

/// How a guest moves this time.
#[derive(Debug)]
struct Hop {
    workload: Workload,
    connections: Option<u8>,
    switch: Switch,
    bandwidth: BytesPerSecond,
    has_throttle: bool,
}

/// When it changes sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Switch {
    WhenLittleIsLeft,
    AfterCancelling,
    PostcopyAtOnce,
}

impl Hop {
    fn draw(dice: &mut Dice) -> Self {
        let pattern = dice.below(4);
        let pattern = match pattern {
            0 => WorkloadPattern::Sequential(Empty {}),
            1 => WorkloadPattern::Random(Empty {}),
            2 => WorkloadPattern::Hotspot(HotspotOptions { hot_writes: 90, hot_pages: 10 }),
            _ => WorkloadPattern::Zipf(ZipfOptions { exponent: 1.1 }),
        };
        let contents = dice.one_of(&[
            WorkloadContents::Random,
            WorkloadContents::Mixed,
            WorkloadContents::Zero,
        ]);
        let workload = Workload {
            pattern,
            rate: Some(BytesPerSecond::from_mib(dice.one_of(&[1, 10, 40]))),
            working_set: None,
            read_share: Some(dice.one_of(&[0, 30])),
            contents: Some(contents),
        };
        Self {
            workload,
            connections: dice.one_of(&[None, Some(1), Some(2), Some(4)]),
            switch: dice.one_of(&[
                Switch::WhenLittleIsLeft,
                Switch::WhenLittleIsLeft,
                Switch::AfterCancelling,
                Switch::PostcopyAtOnce,
            ]),
            bandwidth: dice.one_of(&[UNLIMITED, BytesPerSecond::from_mib(200)]),
            has_throttle: dice.below(4) == 0,
        }
    }

    fn capabilities(&self) -> Vec<MigrationCapabilityStatus> {
        [
            (MigrationCapability::Multifd, self.connections.is_some()),
            (MigrationCapability::PostcopyRam, self.switch == Switch::PostcopyAtOnce),
            (MigrationCapability::AutoConverge, self.has_throttle),
        ]
        .map(|(capability, state)| MigrationCapabilityStatus { capability, state })
        .to_vec()
    }

    /// Moves the guest, and returns it as it is then.
    fn take(&self, source: Guest, guest: &GuestBuilder) -> Result<Guest> {
        source.set_workload(self.workload.clone())?;
        let mut pair = Pair::of(source, Guest::start(&guest.destination())?)?;
        for side in [Side::Source, Side::Destination] {
            let capabilities = self.capabilities();
            pair.guest(side).qmp().execute(&MigrateSetCapabilities { capabilities })?;
        }
        pair.set(&MigrateSetParameters {
            multifd_channels: self.connections,
            downtime_limit: Some(Milliseconds(100)),
            max_bandwidth: Some(self.bandwidth),
            ..MigrateSetParameters::default()
        })?;
        pair.migrate()?;
        match self.switch {
            Switch::WhenLittleIsLeft => {}
            Switch::PostcopyAtOnce => start_postcopy(&pair)?,
            Switch::AfterCancelling => {
                pair.cancel()?;
                if !was_cancelled(&pair)? {
                    return finish(pair);
                }
                ensure!(pair.who_runs()? == Side::Source);
                let Pair { source, .. } = pair;
                let again = Self {
                    switch: Switch::WhenLittleIsLeft,
                    workload: self.workload.clone(),
                    ..*self
                };
                return again.take(source, guest);
            }
        }
        pair.set(&let_go())?;
        finish(pair)
    }
}

/// It may be too late: the migration was faster than we.
fn start_postcopy(pair: &Pair) -> Result<()> {
    let qmp = pair.source.qmp();
    qmp.wait_migration(pair.since(Side::Source), MigrationStatus::Active)?;
    if let Err(error) = qmp.execute(&MigrateStartPostcopy) {
        let status = pair.info(Side::Source)?.status;
        ensure!(status == Some(MigrationStatus::Completed), "{error} in {status:?}");
    }
    Ok(())
}

/// Whether the cancel came before the switch.
fn was_cancelled(pair: &Pair) -> Result<bool> {
    ferry_harness::wait_until("the end of a migration that was cancelled", || {
        let status = pair.info(Side::Source)?.status.unwrap_or_default();
        Ok((!status.is_running()).then_some(status == MigrationStatus::Cancelled))
    })
}

fn finish(mut pair: Pair) -> Result<Guest> {
    pair.wait_completed()?;
    ensure!(pair.who_runs()? == Side::Destination);
    pair.blackout()?;
    pair.verify(Side::Destination)?;
    let Pair { source, destination, .. } = pair;
    source.quit()?;
    destination.wait_progress()?;
    Ok(destination)
}

pub(crate) fn number(name: &str, otherwise: u64) -> Result<u64> {
    match env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name} is a number, not {text:?}")),
        Err(_) => Ok(otherwise),
    }
}

#[test]
fn a_busy_guest_moves_again_and_again() -> Result<()> {
    let hops = number("FERRY_SOAK_HOPS", HOPS)?;
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let seed = number("FERRY_SOAK_SEED", since.as_secs())?;
    println!("FERRY_SOAK_SEED={seed}");
    let mut dice = Dice::new(seed);
    let builder = busy().seed(seed).disk(Disk::Local { size: Bytes::from_mib(4) });
    let mut guest = Guest::start(&builder)?;
    for number in 1..=hops {
        let hop = Hop::draw(&mut dice);
        println!("hop {number}: {hop:?}");
        guest = hop.take(guest, &builder).with_context(|| {
            format!("hop {number} of {hops} with FERRY_SOAK_SEED={seed}: {hop:?}")
        })?;
    }
    guest.quit()
}
