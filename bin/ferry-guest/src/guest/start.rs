//! How a guest comes into being: all of it, or nothing.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferry_memory::{GuestMemory, Loading, MemoryError, Populated, Ram};
use ferry_qmp::WireError;
use ferry_qmp::words::{MigrateIncoming, RunState, Workload};
use ferry_runtime::Clock;
use ferry_units::{Bytes, PageSize};
use thiserror::Error;

use super::surroundings::on_fault;
use super::{Arrival, Credentials, Guest, Identity, Surroundings};
use crate::machine::{DirtyRate, Disk, DiskSpec, Machine, MachineConfig, MachineError, Serial};
use crate::migration::Migrations;
use crate::monitor::{Events, Executor, Monitor, SocketError};
use crate::run::{AtStart, RunControl};

/// What a guest is to be, fully parsed.
#[derive(Debug)]
pub struct Settings {
    /// What never changes about it.
    pub identity: Identity,
    /// Where those who drive it connect.
    pub qmp: Vec<PathBuf>,
    /// Its disks.
    pub disks: Vec<DiskSpec>,
    /// Where its console goes; nowhere if it is not said.
    pub serial: Option<PathBuf>,
    /// What it works on.
    pub workload: Workload,
    /// From which its contents and all its choices follow.
    pub seed: u64,
    /// How much of its memory it fills first, as an operating system does that boots.
    pub fill: Bytes,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether it runs at once.
    pub at_start: AtStart,
    /// When its memory is taken from the host.
    pub population: Population,
}

/// Where a guest comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It boots here.
    Boot,
    /// It arrives from another machine, once `migrate-incoming` says where.
    Deferred,
    /// It arrives from another machine, here.
    Incoming(String),
}

/// When memory is taken from the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Population {
    /// As it is touched.
    OnTouch,
    /// At the start, all of it, and in huge pages where the host has some.
    AtStart,
}

/// Why there is no guest.
#[derive(Debug, Error)]
pub enum StartError {
    /// No QMP socket.
    #[error("--qmp")]
    Socket(#[from] SocketError),
    /// No memory.
    #[error("--memory {size}")]
    Memory {
        /// What was asked for.
        size: Bytes,
        /// Why not.
        source: MemoryError,
    },
    /// No disks, console or vCPUs.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// Nothing can arrive there.
    #[error("--incoming {uri}")]
    Incoming {
        /// Where.
        uri: String,
        /// Why not.
        source: WireError,
    },
    /// Linux has no threads.
    #[error("cannot start threads")]
    Threads(#[source] io::Error),
}

impl Settings {
    /// Who will let the guest run and stop it. There before the guest is, so that somebody can end
    /// the machine while it starts.
    pub fn run_control(&self, events: Events, clock: Clock) -> Arc<RunControl> {
        let initial = match self.origin {
            Origin::Boot => RunState::Prelaunch,
            Origin::Deferred | Origin::Incoming(_) => RunState::Inmigrate,
        };
        RunControl::new(events, clock, initial, self.at_start)
    }
}

/// Starts a guest, in the hands of `run`. When it returns, the guest runs or awaits its arrival, and
/// can be driven; if it fails, no socket is left behind.
///
/// # Errors
/// [`StartError`].
pub fn start(
    settings: &Settings,
    run: &Arc<RunControl>,
    events: Events,
    clock: Clock,
) -> Result<Monitor, StartError> {
    let mut monitor = Monitor::bind(&settings.qmp, events.clone(), clock)?;
    let identity = settings.identity.clone();
    let disks = settings.disks.iter().enumerate();
    let disks = disks.map(|(number, spec)| Disk::open(number, spec).map(Arc::new));
    let disks = disks.collect::<Result<Vec<_>, _>>()?;
    let config = MachineConfig {
        name: identity.name.clone(),
        uuid: identity.uuid.clone(),
        cpus: identity.cpus,
        seed: settings.seed,
        workload: settings.workload.clone(),
        fill: settings.fill,
        serial: Serial::open(settings.serial.as_deref())?,
        clock,
    };
    let arrival = match settings.origin {
        Origin::Boot => {
            boot(settings, config, disks.clone(), run)?;
            None
        }
        Origin::Deferred | Origin::Incoming(_) => {
            let loading = with_memory(settings, Loading::create)?;
            let populated = populate(settings, loading.ram(), clock)?;
            Some(Arrival { loading, config, disks: disks.clone(), populated })
        }
    };
    let credentials = Arc::new(Credentials::default());
    let surroundings =
        Surroundings::new(clock, events, Arc::clone(run), Arc::clone(&credentials), arrival);
    let migrations = Migrations::new(Arc::new(surroundings));
    if let Origin::Incoming(uri) = &settings.origin {
        listen(&migrations, uri)?;
    }
    let guest: Arc<dyn Executor> = Arc::new(Guest {
        identity,
        disks,
        run: Arc::clone(run),
        migrations,
        credentials,
        dirty_rate: DirtyRate::new(clock),
        turn: Mutex::default(),
    });
    monitor.serve(&guest).map_err(StartError::Threads)?;
    Ok(monitor)
}

fn boot(
    settings: &Settings,
    config: MachineConfig,
    disks: Vec<Arc<Disk>>,
    run: &Arc<RunControl>,
) -> Result<(), StartError> {
    let memory = with_memory(settings, GuestMemory::create)?;
    populate(settings, memory.ram(), config.clock)?;
    for disk in &disks {
        disk.take()?;
    }
    // Its vCPUs are there, and execute nothing before everything else is.
    let stopped = memory.stop();
    let machine = Machine::boot(config, memory, disks, on_fault(run))?;
    run.boot(machine, stopped);
    Ok(())
}

fn with_memory<M>(
    settings: &Settings,
    create: impl FnOnce(&str, Bytes) -> Result<M, MemoryError>,
) -> Result<M, StartError> {
    let size = settings.identity.memory;
    create(&settings.identity.name, size).map_err(|source| StartError::Memory { size, source })
}

/// Populates memory if that is wanted, and says how long it took.
fn populate(settings: &Settings, ram: &Ram, clock: Clock) -> Result<Duration, StartError> {
    match settings.population {
        Population::OnTouch => return Ok(Duration::ZERO),
        Population::AtStart => {}
    }
    let failed = |source| StartError::Memory { size: settings.identity.memory, source };
    let began = clock.now();
    let mut populated = Populated::default();
    for step in ram.populate(ram.whole()).map_err(failed)? {
        populated += step.map_err(failed)?;
    }
    let (huge, small) = (populated.huge.bytes(PageSize::MIB_2), populated.small);
    tracing::info!(%huge, small = %small.bytes(PageSize::KIB_4), "memory is populated");
    Ok(clock.now().since(began))
}

fn listen(migrations: &Migrations, uri: &str) -> Result<(), StartError> {
    let command = MigrateIncoming { uri: Some(uri.to_owned()), ..MigrateIncoming::default() };
    migrations
        .migrate_incoming(&command)
        .map_err(|source| StartError::Incoming { uri: uri.to_owned(), source })
}
