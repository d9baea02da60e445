//! QEMU beside ferry: the same size, the same kind of contents, on the same machine.
//!
//! Its guest has no payload. Where it stands still, its memory must be the same at both sides
//! afterwards, and QEMU's own word is all there is about the blackout. Where it runs, it is firmware
//! that has found nothing to start: what its blackout takes is the least that QEMU can do.

use anyhow::{Context, Result};
use ferry_harness::{Pair, Program, Side};
use ferry_qmp::words::{MigrateSetParameters, Milliseconds};
use ferry_qmp::{Cont, QueryMigrateParameters};
use ferry_units::Bytes;

use crate::moves::{channels, cpu_per_gib, milliseconds, total_time};
use crate::qemu::{self, Backing, Machine, Start};
use crate::results::{Measured, Unit};
use crate::warm::warm;
use crate::yardstick::gigabytes_per_second;

/// How QEMU moves a guest that stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SetUp {
    /// So many connections, no limit, the destination's memory populated before.
    Multifd(u8),
    /// As it comes, but for the limit of its bandwidth, which is lifted.
    Uncapped,
    /// As it comes.
    Default,
}

/// Every way.
pub(super) const CASES: &[SetUp] =
    &[SetUp::Multifd(2), SetUp::Multifd(4), SetUp::Uncapped, SetUp::Default];

/// How long a guest that runs may stand still.
pub(super) const LIMITS: &[Milliseconds] = &[Milliseconds(300), Milliseconds(20)];

impl SetUp {
    pub(super) fn name(self) -> String {
        match self {
            Self::Multifd(channels) => format!("qemu multifd {channels}"),
            Self::Uncapped => "qemu default, uncapped".to_owned(),
            Self::Default => "qemu default".to_owned(),
        }
    }

    const fn backing(self) -> Backing {
        match self {
            Self::Multifd(_) => Backing::Populated,
            Self::Uncapped | Self::Default => Backing::AsItComes,
        }
    }

    /// Moves a guest that stands still, once.
    pub(super) fn take(self, program: &Program, memory: Bytes) -> Result<Vec<Measured>> {
        let mut pair = self.pair(program, memory, Start::StaysStopped)?;
        let before = [pair.source.usage()?.cpu, pair.destination.usage()?.cpu];
        pair.migrate()?;
        pair.wait_completed()?;
        let after = [pair.source.usage()?.cpu, pair.destination.usage()?.cpu];
        let time = total_time(&pair)?;
        qemu::compare(&pair, memory)?;
        let told = pair.info(Side::Source)?.downtime.context("QEMU tells of its downtime")?;
        let name = self.name();
        let [source, destination] = cpu_per_gib(before, after, memory);
        Ok(vec![
            Measured::new(
                name.clone(),
                Unit::GigabytesPerSecond,
                gigabytes_per_second(memory.get(), time),
            ),
            Measured::new(format!("{name}, source"), Unit::CpuSecondsPerGib, source),
            Measured::new(format!("{name}, destination"), Unit::CpuSecondsPerGib, destination),
            Measured::new(
                format!("{name}, downtime as it says"),
                Unit::Milliseconds,
                milliseconds(told.as_duration()),
            ),
        ])
    }

    /// A source that is full, and a destination that waits, set up this way.
    fn pair(self, program: &Program, memory: Bytes, begins: Start) -> Result<Pair> {
        let machine = Machine { program, memory, boots: None };
        let source = qemu::source(machine)?;
        let default = source.qmp().execute(&QueryMigrateParameters)?.max_bandwidth;
        warm(memory)?;
        let destination = qemu::destination(machine, self.backing(), begins)?;
        let pair = Pair::of(source, destination)?;
        match self {
            Self::Multifd(count) => channels(&pair, count)?,
            // That there is no limit is how pairs are made.
            Self::Uncapped => {}
            Self::Default => pair.set(&MigrateSetParameters {
                max_bandwidth: default,
                ..MigrateSetParameters::default()
            })?,
        }
        Ok(pair)
    }
}

/// The name of the figures of a guest that runs.
pub(super) fn running(limit: Milliseconds) -> String {
    format!("qemu idle {limit}")
}

/// Moves a guest that runs and has nothing to do, once.
pub(super) fn take_running(
    program: &Program,
    limit: Milliseconds,
    memory: Bytes,
) -> Result<Vec<Measured>> {
    let mut pair = SetUp::Multifd(2).pair(program, memory, Start::Runs)?;
    pair.set(&MigrateSetParameters {
        downtime_limit: Some(limit),
        ..MigrateSetParameters::default()
    })?;
    pair.source.qmp().execute(&Cont)?;
    qemu::wait_idle(&pair.source)?;
    pair.migrate()?;
    pair.wait_completed()?;
    let name = running(limit);
    let blackout = milliseconds(pair.blackout()?);
    let total = milliseconds(total_time(&pair)?);
    Ok(vec![
        Measured::new(format!("{name}, blackout by events"), Unit::Milliseconds, blackout),
        Measured::new(format!("{name}, total"), Unit::Milliseconds, total),
    ])
}
