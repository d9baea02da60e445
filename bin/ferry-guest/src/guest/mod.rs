//! The guest as those who drive it see it: every command ends here.

mod answers;
mod credentials;
mod start;
mod surroundings;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferry_qmp::rules::Standing;
use ferry_qmp::words::{
    CalcDirtyRate, DirtyRateInfo, Empty, FerryVerify, FerryWorkload, QueryDirtyRate, RunState,
    ShutdownCause, TimeUnit, VerifyReport, VerifyScope, WorkloadInfo,
};
use ferry_qmp::{Command, Execute, Reply, WireError};
use ferry_units::{Bytes, PageCount};

use crate::machine::{Access, DirtyRate, Disk, Machine};
use crate::migration::Migrations;
use crate::monitor::Executor;
use crate::run::RunControl;

pub use credentials::{Credentials, ObjectError};
pub use start::{Origin, Population, Settings, StartError, start};
pub use surroundings::{Arrival, Surroundings};

/// What never changes about a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What it is called.
    pub name: String,
    /// Its identity, in the 36 characters of a UUID.
    pub uuid: String,
    /// How many vCPUs it has.
    pub cpus: u32,
    /// How much memory it has.
    pub memory: Bytes,
}

/// A guest, with everything that can be asked of it.
pub struct Guest {
    identity: Identity,
    disks: Vec<Arc<Disk>>,
    run: Arc<RunControl>,
    migrations: Migrations,
    credentials: Arc<Credentials>,
    dirty_rate: DirtyRate,
    /// Held while a command is executed that changes something: whether it may be is decided with
    /// nothing changing in between.
    turn: Mutex<()>,
}

impl Executor for Guest {
    fn execute(&self, command: &Command) -> Reply {
        let _turn = self.turn(command);
        match self.standing().permit(command) {
            Ok(()) => self.dispatch(command).unwrap_or_else(Reply::from),
            Err(refusal) => WireError::from(refusal).into(),
        }
    }

    fn answered(&self, command: &Command) {
        if let Command::SystemPowerdown(_) = command {
            self.run.notice_power_button();
        }
    }
}

impl Guest {
    /// Where the machine stands now.
    fn standing(&self) -> Standing {
        let migration = self.migrations.standing();
        Standing {
            run_state: self.run.state(),
            outgoing: migration.outgoing,
            incoming: migration.incoming,
            capabilities: migration.capabilities,
            dirty_rate: self.dirty_rate.status(),
        }
    }

    /// Commands that change something are executed one after the other, whoever sends them, as in
    /// QEMU. Those that only ask do not wait for them, nor do those that may overtake others.
    fn turn(&self, command: &Command) -> Option<MutexGuard<'_, ()>> {
        match command {
            Command::QueryStatus(_)
            | Command::QueryName(_)
            | Command::QueryUuid(_)
            | Command::QueryKvm(_)
            | Command::QueryCpusFast(_)
            | Command::QueryMemorySizeSummary(_)
            | Command::QueryBlock(_)
            | Command::QueryBlockstats(_)
            | Command::QueryMigrateCapabilities(_)
            | Command::QueryMigrateParameters(_)
            | Command::QueryMigrate(_)
            | Command::QueryDirtyRate(_)
            | Command::QueryYank(_)
            | Command::FerryVerify(_)
            | Command::FerryStats(_)
            | Command::MigratePause(_)
            | Command::MigrateRecover(_)
            | Command::Yank(_) => None,
            Command::Stop(_)
            | Command::Cont(_)
            | Command::Quit(_)
            | Command::SystemPowerdown(_)
            | Command::SystemReset(_)
            | Command::Migrate(_)
            | Command::MigrateIncoming(_)
            | Command::MigrateCancel(_)
            | Command::MigrateContinue(_)
            | Command::MigrateStartPostcopy(_)
            | Command::MigrateSetCapabilities(_)
            | Command::MigrateSetParameters(_)
            | Command::CalcDirtyRate(_)
            | Command::ObjectAdd(_)
            | Command::ObjectDel(_)
            | Command::FerryWorkload(_) => {
                Some(self.turn.lock().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }

    fn dispatch(&self, command: &Command) -> Result<Reply, WireError> {
        let (run, migrations) = (&self.run, &self.migrations);
        match command {
            Command::QueryStatus(query) => Ok(query.reply(&self.status())),
            Command::QueryName(query) => Ok(query.reply(&self.name())),
            Command::QueryUuid(query) => Ok(query.reply(&self.uuid())),
            Command::QueryKvm(query) => Ok(query.reply(&self.kvm())),
            Command::QueryCpusFast(query) => Ok(query.reply(&self.cpus())),
            Command::QueryMemorySizeSummary(query) => Ok(query.reply(&self.memory())),
            Command::QueryBlock(query) => Ok(query.reply(&self.block())),
            Command::QueryBlockstats(query) => Ok(query.reply(&self.blockstats(*query))),
            Command::Stop(it) => Ok(did(it, || run.stop())),
            Command::Cont(it) => tried(it, run.cont()),
            Command::Quit(it) => Ok(did(it, || run.shutdown(ShutdownCause::HostQmpQuit))),
            Command::SystemPowerdown(it) => Ok(did(it, || run.powerdown())),
            Command::SystemReset(it) => Ok(did(it, || run.reset())),
            Command::Migrate(it) => tried(it, migrations.migrate(it)),
            Command::MigrateIncoming(it) => tried(it, migrations.migrate_incoming(it)),
            Command::MigrateCancel(it) => tried(it, migrations.cancel()),
            Command::MigrateContinue(it) => tried(it, migrations.migrate_continue(it)),
            Command::MigrateStartPostcopy(it) => tried(it, migrations.start_postcopy()),
            Command::MigratePause(it) => tried(it, migrations.pause()),
            Command::MigrateRecover(it) => tried(it, migrations.recover(it)),
            Command::MigrateSetCapabilities(it) => tried(it, migrations.set_capabilities(it)),
            Command::QueryMigrateCapabilities(query) => Ok(query.reply(&migrations.capabilities())),
            Command::MigrateSetParameters(it) => tried(it, migrations.set_parameters(it)),
            Command::QueryMigrateParameters(query) => Ok(query.reply(&migrations.parameters())),
            Command::QueryMigrate(query) => Ok(query.reply(&migrations.info())),
            Command::CalcDirtyRate(it) => tried(it, self.measure(it)),
            Command::QueryDirtyRate(query) => Ok(query.reply(&self.dirty_rate(query))),
            Command::QueryYank(query) => Ok(query.reply(&migrations.yank_instances())),
            Command::Yank(it) => tried(it, migrations.yank(it)),
            Command::ObjectAdd(it) => tried(it, self.credentials.add(it)),
            Command::ObjectDel(it) => tried(it, self.credentials.remove(it)),
            Command::FerryVerify(it) => self.verify(*it).map(|report| it.reply(&report)),
            Command::FerryWorkload(it) => self.workload(it).map(|info| it.reply(&info)),
            Command::FerryStats(query) => Ok(query.reply(&migrations.stats())),
        }
    }

    fn measure(&self, command: &CalcDirtyRate) -> Result<(), WireError> {
        self.dirty_rate.start(&self.machine()?, command).map_err(refused)
    }

    fn dirty_rate(&self, query: &QueryDirtyRate) -> DirtyRateInfo {
        self.dirty_rate.info(query.calc_time_unit.unwrap_or(TimeUnit::Second))
    }

    /// A guest is held still until all is checked, even if it is to run meanwhile: so a check ends
    /// also when the guest is moved away while it goes on. Only one that waits for pages has to run.
    fn verify(&self, command: FerryVerify) -> Result<VerifyReport, WireError> {
        let machine = self.machine()?;
        let scope = command.scope.unwrap_or(VerifyScope::All);
        let is_whole = machine.memory().missing() == PageCount(0);
        let report = if self.run.state() == RunState::Running && !is_whole {
            machine.verify(scope, Access::Running)
        } else {
            let _still = machine.memory().stop();
            machine.verify(scope, Access::Still)
        };
        report.map_err(refused)
    }

    fn workload(&self, command: &FerryWorkload) -> Result<WorkloadInfo, WireError> {
        let machine = self.machine()?;
        if let Some(workload) = &command.workload {
            machine.set_workload(workload.clone()).map_err(refused)?;
        }
        Ok(machine.workload())
    }

    fn machine(&self) -> Result<Machine, WireError> {
        let machine = self.run.machine();
        machine.ok_or_else(|| WireError::generic("The guest has not arrived yet"))
    }
}

/// The answer to a command that cannot fail.
fn did<C: Execute<Return = Empty>>(command: &C, act: impl FnOnce()) -> Reply {
    act();
    command.done()
}

/// The answer to a command that can.
fn tried<C: Execute<Return = Empty>, E: Into<WireError>>(
    command: &C,
    outcome: Result<(), E>,
) -> Result<Reply, WireError> {
    outcome.map_err(Into::into)?;
    Ok(command.done())
}

/// What the machine refuses, with its reasons.
fn refused(error: impl std::error::Error) -> WireError {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    WireError::generic(text)
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest").field("identity", &self.identity).finish_non_exhaustive()
    }
}
