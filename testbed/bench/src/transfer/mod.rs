//! Migrations of memory: which cases there are, and taking them in turns.

mod blackout;
mod bulk;
mod cost;
mod postcopy;
mod qemu;
mod sparse;
mod warm;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ferry_harness::{Pair, Program, Side};
use ferry_qmp::words::{MigrateSetParameters, MigrationCapability, MigrationStatus};
use ferry_units::Bytes;

use crate::cli::Options;
use crate::results::{Measured, Results};
use crate::yardstick;

/// A case: takes some figures, once.
type Take = Box<dyn Fn(Bytes) -> Result<Vec<Measured>>>;

/// Takes every figure, all cases once and then all again, so that a slow minute of the machine
/// falls on all of them.
///
/// # Errors
/// When there is nothing to measure with. A case that fails is told in the report.
pub(crate) fn measure(options: &Options) -> Result<Results> {
    Program::ferry_guest().context("the guest to measure")?;
    let cases = cases(Program::qemu());
    let wanted = |name: &str| options.only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    let mut results = Results::default();
    for round in 1..=options.rounds {
        for (name, take) in cases.iter().filter(|(name, _)| wanted(name)) {
            let start = Instant::now();
            match take(options.memory()) {
                Ok(measured) => measured.into_iter().for_each(|each| results.add(each)),
                Err(error) => results.fail(format!("{name}, round {round}: {error:#}")),
            }
            eprintln!("round {round} of {}: {name}, {:.1?}", options.rounds, start.elapsed());
        }
    }
    Ok(results)
}

fn cases(qemu: Option<Program>) -> Vec<(String, Take)> {
    let mut cases: Vec<(String, Take)> = Vec::new();
    let mut case = |name: String, take: Take| cases.push((name, take));
    for streams in [1, 2] {
        let tcp = move |memory| yardstick::tcp(streams, memory);
        case(format!("yardstick tcp {streams}"), Box::new(tcp));
        let tls = move |memory| yardstick::tls(streams, memory);
        case(format!("yardstick tls {streams}"), Box::new(tls));
    }
    let memory_to_memory = Box::new(|memory| yardstick::memory(2, memory));
    case("yardstick tcp 2, memory to memory".to_owned(), memory_to_memory);
    case("yardstick population".to_owned(), Box::new(warm::yardstick));
    for bulk in bulk::CASES {
        case(bulk.name(), Box::new(|memory| bulk.take(memory)));
    }
    case("untouched 4 GiB".to_owned(), Box::new(|_| sparse::untouched()));
    case("zeros".to_owned(), Box::new(sparse::zeros));
    for blackout in blackout::CASES {
        case(format!("blackout {}", blackout.name), Box::new(|memory| blackout.take(memory)));
    }
    case("post-copy".to_owned(), Box::new(postcopy::take));
    case("slowdown by tracking".to_owned(), Box::new(cost::slowdown));
    case("overhead".to_owned(), Box::new(cost::overhead));
    if let Some(qemu) = qemu {
        for set_up in qemu::CASES {
            let program = qemu.clone();
            case(set_up.name(), Box::new(move |memory| set_up.take(&program, memory)));
        }
        for &limit in qemu::LIMITS {
            let program = qemu.clone();
            let take = move |memory| qemu::take_running(&program, limit, memory);
            case(qemu::running(limit), Box::new(take));
        }
    }
    cases
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
