//! What a migration needs to know of the machine around it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ferry_memory::Loading;
use ferry_qmp::words::Fault;
use ferry_runtime::Clock;

use super::Credentials;
use crate::machine::{Disk, MachineConfig};
use crate::monitor::Events;
use crate::run::RunControl;

/// Room for a guest that is to arrive.
#[derive(Debug)]
pub struct Arrival {
    /// Its memory, to be filled.
    pub loading: Loading,
    /// What is fixed about it here.
    pub config: MachineConfig,
    /// Its disks, not taken yet.
    pub disks: Vec<Arc<Disk>>,
    /// How long its memory was populated before anything arrived.
    pub populated: Duration,
}

/// What a migration needs to know of the machine around it.
pub struct Surroundings {
    clock: Clock,
    events: Events,
    run: Arc<RunControl>,
    credentials: Arc<Credentials>,
    arrival: Mutex<Option<Arrival>>,
}

impl Surroundings {
    /// Those of a machine whose guest is here, or is to arrive in `arrival`.
    pub fn new(
        clock: Clock,
        events: Events,
        run: Arc<RunControl>,
        credentials: Arc<Credentials>,
        arrival: Option<Arrival>,
    ) -> Self {
        Self { clock, events, run, credentials, arrival: Mutex::new(arrival) }
    }

    /// The clocks.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Where to tell what happens.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Who lets the guest run and stops it.
    pub fn run(&self) -> &Arc<RunControl> {
        &self.run
    }

    /// Certificates for TLS, by name.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The room for a guest that is to arrive: whoever takes it fills it. `None` if there was never
    /// any, or somebody has taken it.
    pub fn take_arrival(&self) -> Option<Arrival> {
        self.arrival.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What a machine is to do when it finds a wrong page or block.
    pub fn on_fault(&self) -> impl Fn(Fault) + Send + Sync + 'static {
        on_fault(&self.run)
    }
}

/// What a machine is to do when it finds a wrong page or block. It does not keep `run` alive, which
/// keeps the machine alive.
pub(super) fn on_fault(run: &Arc<RunControl>) -> impl Fn(Fault) + Send + Sync + 'static {
    let run = Arc::downgrade(run);
    move |fault| {
        if let Some(run) = run.upgrade() {
            run.panic(fault);
        }
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("run", &self.run.state()).finish_non_exhaustive()
    }
}
