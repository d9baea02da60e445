//! Live migration: the shell around ferry-transfer, on both sides.
//!
//! ```text
//!        QMP ──► Migrations ──┬─► outgoing  (threads around a Source)
//!                             └─► incoming  (threads around a Destination)
//!                  board: how far both are, and who hears of it
//! ```

mod board;
mod config;
mod desk;
mod incoming;
mod outgoing;
mod security;
mod threads;

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferry_qmp::WireError;
use ferry_qmp::rules::{Capabilities, Refusal};
use ferry_qmp::words::{
    Migrate, MigrateContinue, MigrateIncoming, MigrateRecover, MigrateSetCapabilities,
    MigrateSetParameters, MigrationAddress, MigrationCapability, MigrationCapabilityStatus,
    MigrationInfo, MigrationParameters, MigrationStatus, Milliseconds, PassStats, TransferStats,
    Yank, YankInstance,
};
use ferry_runtime::entropy;
use ferry_transfer::wire::{DiskOffer, SessionId};
use ferry_transfer::{Hardware, PassRecord};
use ferry_units::PageSize;

use crate::guest::Surroundings;
use crate::link::Endpoint;
use crate::machine::{Disk, DiskKind, Machine};
use board::{Board, Told};
use config::Config;
use incoming::{Incoming, OnError};
use outgoing::{Outgoing, Start};

/// The migrations of one guest.
pub struct Migrations {
    surroundings: Arc<Surroundings>,
    board: Arc<Board>,
    state: Mutex<State>,
}

struct State {
    config: Config,
    outgoing: Option<Arc<Outgoing>>,
    incoming: Option<Arc<Incoming>>,
}

/// What the migrations say about whether a command makes sense now.
#[derive(Clone, Debug)]
pub struct MigrationStanding {
    /// How far the migration is that is sent.
    pub outgoing: MigrationStatus,
    /// How far the migration is that is awaited.
    pub incoming: MigrationStatus,
    /// Which capabilities are on.
    pub capabilities: Capabilities,
}

impl Migrations {
    /// Of a guest that is here, or that `surroundings` await.
    pub fn new(surroundings: Arc<Surroundings>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let state = State { config: Config::new(cores), outgoing: None, incoming: None };
        let board = Arc::new(Board::new(surroundings.events().clone()));
        Self { surroundings, board, state: Mutex::new(state) }
    }

    /// What decides whether a command makes sense now.
    pub fn standing(&self) -> MigrationStanding {
        let facts = self.board.facts();
        let capabilities = self.state().config.capabilities.clone();
        MigrationStanding { outgoing: facts.outgoing, incoming: facts.incoming, capabilities }
    }

    /// Sends the guest, or goes on with that. How it goes is told by events and
    /// [`info`](Self::info).
    ///
    /// # Errors
    /// For an address that makes no sense here, credentials that are not there, or a guest that is
    /// not, or that has run here since a post-copy that is to go on was lost.
    pub fn migrate(&self, command: &Migrate) -> Result<(), WireError> {
        let (endpoint, host) = route(&command.address()?)?;
        let mut state = self.state();
        let security = security::client(&state.config, self.surroundings.credentials(), &host)?;
        if command.resume == Some(true) {
            let outgoing = state.outgoing.as_ref().ok_or(Refusal::NothingToResume)?;
            if !self.surroundings.run().is_left_behind() {
                return Err(WireError::generic(
                    "The guest has run here since it was handed over, so its memory is not what \
                     the destination lacks",
                ));
            }
            return outgoing.resume(endpoint, security).map_err(no_thread);
        }
        let run = self.surroundings.run();
        let machine = run.machine().ok_or(Refusal::AwaitsMigration)?;
        let channels = state.config.channels();
        let start = Start {
            clock: self.surroundings.clock(),
            board: Arc::clone(&self.board),
            run: Arc::clone(run),
            hardware: hardware(&machine),
            machine,
            session: SessionId(entropy::bytes()),
            channels,
            zero_pages: state.config.zero_pages(),
            settings: state.config.settings(),
        };
        state.outgoing = Some(outgoing::start(start, endpoint, security).map_err(no_thread)?);
        Ok(())
    }

    /// Awaits a guest.
    ///
    /// # Errors
    /// When one cannot listen there, or there are no such credentials.
    pub fn migrate_incoming(&self, command: &MigrateIncoming) -> Result<(), WireError> {
        let (endpoint, _) = route(&command.address()?)?;
        let on_error = match command.exit_on_error {
            Some(false) => OnError::Stay,
            Some(true) | None => OnError::Exit,
        };
        let mut state = self.state();
        let security = security::server(&state.config, self.surroundings.credentials())?;
        let (surroundings, board) = (&self.surroundings, &self.board);
        state.incoming = Some(incoming::start(surroundings, board, &endpoint, security, on_error)?);
        Ok(())
    }

    /// Gives up what is sent. Nothing happens if nothing is.
    ///
    /// # Errors
    /// Once the guest is handed over.
    pub fn cancel(&self) -> Result<(), WireError> {
        if !self.board.facts().outgoing.is_running() {
            return Ok(());
        }
        let Some(outgoing) = self.outgoing() else { return Ok(()) };
        outgoing.cancel().map_err(|error| WireError::generic(in_words(&error)))
    }

    /// Lets a migration go on that waits before the switch.
    ///
    /// # Errors
    /// None: whether it waits was asked before.
    pub fn migrate_continue(&self, _: &MigrateContinue) -> Result<(), WireError> {
        if let Some(outgoing) = self.outgoing() {
            outgoing.go_on();
        }
        Ok(())
    }

    /// Switches to post-copy as soon as that is possible.
    ///
    /// # Errors
    /// None: whether it may was asked before.
    pub fn start_postcopy(&self) -> Result<(), WireError> {
        if let Some(outgoing) = self.outgoing() {
            outgoing.start_post_copy();
        }
        Ok(())
    }

    /// Cuts the connections of a post-copy.
    ///
    /// # Errors
    /// None: whether there is one was asked before.
    pub fn pause(&self) -> Result<(), WireError> {
        self.cut("Postcopy migration is paused by the user");
        Ok(())
    }

    /// Listens again, for a source whose post-copy was lost.
    ///
    /// # Errors
    /// When one cannot listen there.
    pub fn recover(&self, command: &MigrateRecover) -> Result<(), WireError> {
        let (endpoint, _) = route(&MigrationAddress::from_uri(&command.uri)?)?;
        let incoming = self.state().incoming.clone().ok_or(Refusal::NothingToRecover)?;
        incoming.recover(&endpoint)
    }

    /// Switches capabilities on and off.
    ///
    /// # Errors
    /// For those that this machine lacks, or that do not go together.
    pub fn set_capabilities(&self, command: &MigrateSetCapabilities) -> Result<(), WireError> {
        let mut state = self.state();
        state.config.set_capabilities(command)?;
        let told = if state.config.capabilities.has(MigrationCapability::Events) {
            Told::Yes
        } else {
            Told::No
        };
        self.board.tell(told);
        Ok(())
    }

    /// All capabilities, on or off.
    pub fn capabilities(&self) -> Vec<MigrationCapabilityStatus> {
        self.state().config.capabilities.report()
    }

    /// Changes parameters, also of a migration that is under way.
    ///
    /// # Errors
    /// For values that there are not, or that this machine cannot honour.
    pub fn set_parameters(&self, command: &MigrateSetParameters) -> Result<(), WireError> {
        let mut state = self.state();
        state.config.set_parameters(command)?;
        if let Some(outgoing) = &state.outgoing {
            outgoing.set_settings(state.config.settings());
        }
        Ok(())
    }

    /// The parameters.
    pub fn parameters(&self) -> MigrationParameters {
        MigrationParameters::from(&self.state().config.parameters)
    }

    /// How the migration is.
    pub fn info(&self) -> MigrationInfo {
        let facts = self.board.facts();
        let outgoing = self.outgoing();
        let outgoing = outgoing.map(|outgoing| outgoing.report(&facts)).unwrap_or_default();
        let incoming = ferry_qmp::rules::IncomingMigration {
            status: facts.incoming,
            addresses: facts.addresses,
            error: facts.incoming_error,
        };
        MigrationInfo::report(&outgoing, &incoming)
    }

    /// How it is, in more detail.
    pub fn stats(&self) -> TransferStats {
        let state = self.state();
        let mut told = TransferStats::default();
        if let Some(incoming) = &state.incoming {
            told.resumed_at = incoming.resumed_at();
            told.populate = Some(milliseconds(incoming.populated()));
            if let Some((half, most)) = incoming.waited() {
                told.fault_p50 = Some(nanos(half));
                told.fault_p99 = Some(nanos(most));
            }
        }
        if let Some(outgoing) = &state.outgoing {
            let (history, stopped_at, resumed_at) = outgoing.history();
            told.passes = history.passes.iter().map(pass).collect();
            (told.stopped_at, told.resumed_at) = (stopped_at, resumed_at);
            told.blackout = stopped_at
                .zip(resumed_at)
                .map(|(stopped, resumed)| resumed.saturating_sub(stopped));
        }
        told
    }

    /// What could be cut.
    // PARITY: migration/migration.c#migration_instance
    pub fn yank_instances(&self) -> Vec<YankInstance> {
        let facts = self.board.facts();
        let is_under_way = facts.outgoing.is_running() || facts.incoming.is_running();
        if is_under_way {
            vec![YankInstance::Migration(ferry_qmp::words::Empty {})]
        } else {
            Vec::new()
        }
    }

    /// Cuts it.
    ///
    /// # Errors
    /// For what is not there.
    pub fn yank(&self, command: &Yank) -> Result<(), WireError> {
        let there = self.yank_instances();
        if command.instances.iter().any(|instance| !there.contains(instance)) {
            return Err(WireError::generic("Instance not found"));
        }
        if !command.instances.is_empty() {
            self.cut("the connections were yanked");
        }
        Ok(())
    }

    fn cut(&self, why: &str) {
        let state = self.state();
        let facts = self.board.facts();
        if let Some(outgoing) = state.outgoing.as_ref().filter(|_| facts.outgoing.is_running()) {
            outgoing.cut(why);
        }
        if let Some(incoming) = state.incoming.as_ref().filter(|_| facts.incoming.is_running()) {
            incoming.cut(why);
        }
    }

    fn outgoing(&self) -> Option<Arc<Outgoing>> {
        self.state().outgoing.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where an address leads, and which host a certificate there should be for.
fn route(address: &MigrationAddress) -> Result<(Endpoint, String), WireError> {
    let endpoint =
        Endpoint::of(address.socket()?).map_err(|error| WireError::generic(error.to_string()))?;
    let host = match &endpoint {
        Endpoint::Tcp { host, port: _ } => host.clone(),
        Endpoint::Unix(_) => String::new(),
    };
    Ok((endpoint, host))
}

/// What a destination has to have for this guest.
fn hardware(machine: &Machine) -> Hardware {
    Hardware {
        uuid: machine.uuid().to_owned(),
        memory: machine.memory().ram().size(),
        cpus: machine.cpus(),
        disks: offers(machine.disks()),
    }
}

/// The disks of a guest, as a destination compares them.
fn offers(disks: &[Arc<Disk>]) -> Vec<DiskOffer> {
    let offer = |disk: &Arc<Disk>| DiskOffer {
        id: disk.id().to_owned(),
        size: disk.blocks().bytes(PageSize::KIB_4),
        shared: match disk.kind() {
            DiskKind::Local => false,
            DiskKind::Shared => true,
        },
    };
    disks.iter().map(offer).collect()
}

/// An error with all its reasons.
fn in_words(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(reason) = source {
        let reason_words = reason.to_string();
        if !words.ends_with(&reason_words) {
            words = format!("{words}: {reason_words}");
        }
        source = reason.source();
    }
    words
}

#[expect(clippy::needless_pass_by_value, reason = "it is mapped over")]
fn no_thread(error: std::io::Error) -> WireError {
    WireError::generic(format!("cannot start a thread: {error}"))
}

fn pass(record: &PassRecord) -> PassStats {
    PassStats {
        pass: record.number,
        pages: record.pages,
        zero_pages: record.zero_pages,
        bytes: record.bytes,
        dirty_rate: record.dirty_rate(),
        bandwidth: record.bandwidth(),
        remaining: record.remaining,
        duration: milliseconds(record.took),
    }
}

fn milliseconds(duration: std::time::Duration) -> Milliseconds {
    Milliseconds(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

fn nanos(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl std::fmt::Debug for Migrations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Migrations").field("board", &self.board.facts()).finish_non_exhaustive()
    }
}
