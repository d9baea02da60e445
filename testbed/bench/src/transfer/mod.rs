//! Migrations of memory: which cases there are, and taking them in turns.

mod blackout;
mod bulk;
mod cost;
mod postcopy;
mod qemu;
mod sparse;

use std::time::Duration;

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
            eprintln!("round {round} of {}: {name}", options.rounds);
            match take(options.memory()) {
                Ok(measured) => measured.into_iter().for_each(|each| results.add(each)),
                Err(error) => results.fail(format!("{name}, round {round}: {error:#}")),
            }
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
        for set_up in [qemu::SetUp::Best, qemu::SetUp::Default] {
            let program = qemu.clone();
            let take = move |memory| qemu::take(&program, set_up, memory);
            case(format!("qemu {}", set_up.name()), Box::new(take));
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

/// From the first state to the last, on the source's clock.
fn total_time(pair: &Pair) -> Result<Duration> {
    let since = pair.since(Side::Source);
    let qmp = pair.source.qmp();
    let start = qmp.wait_migration(since, MigrationStatus::Setup)?;
    let end = qmp.wait_migration(since, MigrationStatus::Completed)?;
    let time = |notice: ferry_qmp::Notice| notice.at.as_duration().context("an event has a time");
    time(end)?.checked_sub(time(start)?).context("it ends after it has begun")
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
