//! Ferry's engine and QEMU's side by side: the same work of a guest, the same contents of its memory, each
//! machine as it comes and at its best.

mod criteria;
mod ferry;
mod qemu;
mod work;

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ferry_harness::{Pair, Program, Side};
use ferry_qmp::MigrateStartPostcopy;
use ferry_qmp::words::{MigrateSetParameters, MigrationCapability, MigrationStatus, Milliseconds};
use ferry_units::Bytes;

use crate::cli::TransferOptions;
use crate::moves::{cpu_per_gib, milliseconds, total_time};
use crate::results::{Measured, Unit};
use crate::turns::Case;
use crate::yardstick::gigabytes_per_second;

pub(crate) use criteria::CRITERIA;
use work::{Switch, Work};

/// How long a guest may take to converge. One that does is done in a tenth of it.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often is looked whether it has.
const LOOK: Duration = Duration::from_millis(5);

/// One way to move guests.
trait SetUp {
    /// What it is called, beginning with the machine.
    fn name(&self) -> &'static str;

    /// How long it lets a guest stand still.
    fn downtime(&self) -> Milliseconds;

    /// A guest that is at work, and a destination for it.
    fn pair(&self, work: Work, memory: Bytes) -> Result<Pair>;

    /// Looks whether all of its memory has arrived.
    fn check(&self, pair: &Pair, work: Work, memory: Bytes) -> Result<()>;
}

/// The cases: of each work, all ways one after another.
///
/// # Errors
/// When one of the two machines is not there.
pub(crate) fn cases(options: &TransferOptions) -> Result<Vec<Case>> {
    Program::ferry_guest().context("the guest to measure")?;
    let program = Program::qemu().context(
        "ferry's peer is QEMU, and there is no qemu-system-x86_64: install qemu-system-x86",
    )?;
    let memory = options.memory();
    let mut cases = Vec::new();
    for work in work::all(memory) {
        for set_up in ferry::SET_UPS {
            cases.push(case(work, *set_up, memory));
        }
        for way in qemu::WAYS {
            cases.push(case(work, qemu::SetUp { way: *way, program: program.clone() }, memory));
        }
    }
    Ok(cases)
}

fn case(work: Work, set_up: impl SetUp + 'static, memory: Bytes) -> Case {
    let name = format!("{}, {}", work.name, set_up.name());
    Case::new(name.clone(), move || take(&name, work, &set_up, memory))
}

/// Moves a guest once.
fn take(name: &str, work: Work, set_up: &dyn SetUp, memory: Bytes) -> Result<Vec<Measured>> {
    let mut pair = set_up.pair(work, memory)?;
    pair.set(&MigrateSetParameters {
        downtime_limit: Some(set_up.downtime()),
        ..MigrateSetParameters::default()
    })?;
    if work.switch == Switch::PostCopy {
        pair.enable(&[MigrationCapability::PostcopyRam])?;
    }
    let before = [pair.source.usage()?.cpu, pair.destination.usage()?.cpu];
    pair.migrate()?;
    if work.switch == Switch::PostCopy {
        pair.wait(Side::Source, MigrationStatus::Active)?;
        pair.source.qmp().execute(&MigrateStartPostcopy)?;
    }
    wait_converged(&pair)?;
    let after = [pair.source.usage()?.cpu, pair.destination.usage()?.cpu];
    let total = total_time(&pair)?;
    let ram = pair.info(Side::Source)?.ram.unwrap_or_default();
    set_up.check(&pair, work, memory)?;

    let figure = |what: &str, unit, value| Measured::new(format!("{name}: {what}"), unit, value);
    #[expect(clippy::cast_precision_loss, reason = "a figure of four digits")]
    let sent = ram.transferred.get() as f64 / f64::from(1 << 20);
    let mut measured = Vec::new();
    if work.walk.is_none() {
        let speed = gigabytes_per_second(memory.get(), total);
        measured.push(figure("speed", Unit::GigabytesPerSecond, speed));
    }
    measured.push(figure("total", Unit::Milliseconds, milliseconds(total)));
    measured.push(figure("sent", Unit::Mebibytes, sent));
    if work.walk.is_some() {
        measured.push(figure("blackout", Unit::Milliseconds, milliseconds(pair.blackout()?)));
        #[expect(clippy::cast_precision_loss, reason = "a figure of two digits")]
        measured.push(figure("passes", Unit::Count, ram.dirty_sync_count as f64));
    } else {
        // A guest at work uses the processors as well.
        let [source, destination] = cpu_per_gib(before, after, memory);
        measured.push(figure("source", Unit::CpuSecondsPerGib, source));
        measured.push(figure("destination", Unit::CpuSecondsPerGib, destination));
    }
    Ok(measured)
}

/// Waits until both sides are done, as long as there is hope.
fn wait_converged(pair: &Pair) -> Result<()> {
    let start = Instant::now();
    loop {
        let info = pair.info(Side::Source)?;
        match info.status {
            Some(MigrationStatus::Completed | MigrationStatus::Failed) => {
                return pair.wait_completed();
            }
            _ if start.elapsed() < PATIENCE => thread::sleep(LOOK),
            _ => {
                let passes = info.ram.unwrap_or_default().dirty_sync_count;
                pair.cancel()?;
                bail!("did not converge in {PATIENCE:?} and {passes} passes");
            }
        }
    }
}
