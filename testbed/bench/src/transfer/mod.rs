//! Migrations of memory: which cases there are.

mod blackout;
mod bulk;
mod cost;
mod criteria;
mod postcopy;
mod qemu;
mod sparse;
mod warm;

use std::time::Duration;

use anyhow::{Context, Result};
use ferry_harness::{Pair, Program, Side};
use ferry_qmp::words::{MigrateSetParameters, MigrationCapability, MigrationStatus};
use ferry_units::Bytes;

use crate::cli::TransferOptions;
use crate::turns::Case;
use crate::yardstick;

pub(crate) use criteria::CRITERIA;

/// The cases.
///
/// # Errors
/// When there is nothing to measure.
pub(crate) fn cases(options: &TransferOptions) -> Result<Vec<Case>> {
    Program::ferry_guest().context("the guest to measure")?;
    let memory = options.memory();
    let mut cases = of_ferry(memory);
    if let Some(qemu) = Program::qemu() {
        cases.extend(of_qemu(&qemu, memory));
    }
    Ok(cases)
}

fn of_ferry(memory: Bytes) -> Vec<Case> {
    let mut cases = Vec::new();
    for streams in [1, 2] {
        cases.push(Case::new(format!("yardstick tcp {streams}"), move || {
            yardstick::tcp(streams, memory)
        }));
        cases.push(Case::new(format!("yardstick tls {streams}"), move || {
            yardstick::tls(streams, memory)
        }));
    }
    cases
        .push(Case::new("yardstick tcp 2, memory to memory", move || yardstick::memory(2, memory)));
    cases.push(Case::new("yardstick population", move || warm::yardstick(memory)));
    cases.extend(bulk::CASES.iter().map(|bulk| Case::new(bulk.name(), move || bulk.take(memory))));
    cases.push(Case::new("untouched 4 GiB", sparse::untouched));
    cases.push(Case::new("zeros", move || sparse::zeros(memory)));
    cases.extend(blackout::CASES.iter().map(|blackout| {
        Case::new(format!("blackout {}", blackout.name), move || blackout.take(memory))
    }));
    cases.push(Case::new("post-copy", move || postcopy::take(memory)));
    cases.push(Case::new("slowdown by tracking", move || cost::slowdown(memory)));
    cases.push(Case::new("overhead", move || cost::overhead(memory)));
    cases
}

fn of_qemu(program: &Program, memory: Bytes) -> Vec<Case> {
    let set_ups = qemu::CASES.iter().map(|set_up| {
        let program = program.clone();
        Case::new(set_up.name(), move || set_up.take(&program, memory))
    });
    let running = qemu::LIMITS.iter().map(|&limit| {
        let program = program.clone();
        Case::new(qemu::running(limit), move || qemu::take_running(&program, limit, memory))
    });
    set_ups.chain(running).collect()
}

/// So many connections.
fn channels(pair: &Pair, channels: u8) -> Result<()> {
    pair.enable(&[MigrationCapability::Multifd])?;
    pair.set(&MigrateSetParameters {
        multifd_channels: Some(channels),
        ..MigrateSetParameters::default()
    })
}

/// From the first state at the source to the last at both sides. A source may be done when what it
/// sent has not arrived yet.
fn total_time(pair: &Pair) -> Result<Duration> {
    let time = |side: Side, status| {
        let notice = pair.guest(side).qmp().wait_migration(pair.since(side), status)?;
        notice.at.as_duration().context("an event has a time")
    };
    let start = time(Side::Source, MigrationStatus::Setup)?;
    let sent = time(Side::Source, MigrationStatus::Completed)?;
    let arrived = time(Side::Destination, MigrationStatus::Completed)?;
    sent.max(arrived).checked_sub(start).context("it ends after it has begun")
}

/// What each side used of the processors between two moments.
fn cpu_per_gib(before: [Duration; 2], after: [Duration; 2], memory: Bytes) -> [f64; 2] {
    #[expect(clippy::cast_precision_loss, reason = "a figure of three digits")]
    let gib = memory.get() as f64 / f64::from(1 << 30);
    [0, 1].map(|side| after[side].saturating_sub(before[side]).as_secs_f64() / gib)
}

/// How long no vCPU ran, as both sides found out together; by their events where they do not say.
fn blackout(pair: &Pair) -> Result<Duration> {
    let told = pair.source.qmp().execute(&ferry_qmp::FerryStats).ok();
    match told.and_then(|stats| stats.blackout) {
        Some(nanos) => Ok(Duration::from_nanos(nanos)),
        None => pair.blackout(),
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
