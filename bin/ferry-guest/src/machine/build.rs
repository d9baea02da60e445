//! How a guest is put together, from what is new or has arrived, and its threads are started.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ferry_memory::GuestMemory;
use ferry_qmp::WorkloadText;
use ferry_qmp::words::Fault;

use super::content::Place;
use super::control::{Boot, Control};
use super::disk::Disk;
use super::shared::{Cpu, Shared};
use super::state::{Shape, State};
use super::vcpu::Vcpu;
use super::{Inner, MOST_CPUS, Machine, MachineConfig, MachineError, PATIENCE};

/// What a vCPU's thread needs of stack.
const STACK: usize = 256 << 10;

impl Machine {
    pub(super) fn assemble(
        config: MachineConfig,
        memory: GuestMemory,
        disks: Vec<Arc<Disk>>,
        state: State,
        on_fault: Box<dyn Fn(Fault) + Send + Sync>,
    ) -> Self {
        let now = config.clock.now();
        let cpus = state.progress.into_iter().map(|progress| Cpu::new(progress, now)).collect();
        let shared = Shared {
            name: config.name,
            uuid: config.uuid,
            seed: state.seed,
            fill: state.fill,
            serial: config.serial,
            clock: config.clock,
            memory,
            disks,
            pages: state.pages,
            blocks: state.blocks,
            control: Arc::new(Control::new(state.workload, Boot::UnderWay)),
            cpus,
            on_fault,
        };
        if shared.is_filled() && shared.fill.get() > 0 {
            shared.control.change(|orders| orders.boot = Boot::Over);
        }
        Self { inner: Arc::new(Inner { shared: Arc::new(shared), threads: Mutex::default() }) }
    }

    /// Says on the console who it is.
    pub(super) fn introduce(&self, what: &str) {
        let shared = self.shared();
        let (size, cpus) = (shared.memory.ram().size(), shared.cpus.len());
        let (name, uuid, seed, disks) =
            (&shared.name, &shared.uuid, shared.seed, shared.disks.len());
        shared.say(&format!(
            "{what}: {name} {uuid}, {size} of memory, {cpus} vCPUs, {disks} disks, seed {seed}"
        ));
        shared.say("no image is booted: this guest runs a synthetic workload");
        let workload = shared.control.orders().0.workload;
        shared.say(&format!("workload: {}", WorkloadText(&workload)));
    }

    /// Starts the threads.
    pub(super) fn start(self) -> Result<Self, MachineError> {
        let shared = &self.inner.shared;
        for lane in shared.lanes() {
            let shared = Arc::clone(shared);
            let run = move || {
                shared.cpus[lane.cpu as usize].set_thread(thread_id());
                let _alive = shared.control.begin();
                Vcpu::new(shared, lane).run();
            };
            let thread = thread::Builder::new()
                .name(format!("CPU {}/ferry", lane.cpu))
                .stack_size(STACK)
                .spawn(run)
                .map_err(|source| MachineError::Thread { cpu: lane.cpu, source })?;
            self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        let cpus = u32::try_from(shared.cpus.len()).unwrap_or(MOST_CPUS);
        shared.control.wait_alive(cpus, PATIENCE);
        Ok(self)
    }
}

fn thread_id() -> i64 {
    rustix::thread::gettid().as_raw_nonzero().get().into()
}

/// How the guest is made, if a guest can be made like that.
pub(super) fn shape(
    config: &MachineConfig,
    memory: &GuestMemory,
    disks: &[Arc<Disk>],
) -> Result<Shape, MachineError> {
    let (pages, cpus) = (memory.ram().pages(), config.cpus);
    if !(1..=MOST_CPUS).contains(&cpus) || u64::from(cpus) > pages.get() {
        return Err(MachineError::Cpus { given: cpus, most: MOST_CPUS });
    }
    if disks.len() > Place::MOST_DISKS {
        return Err(MachineError::Disks { given: disks.len(), most: Place::MOST_DISKS });
    }
    let disks = disks.iter().map(|disk| disk.blocks()).collect();
    Ok(Shape { memory: pages, cpus, disks })
}
