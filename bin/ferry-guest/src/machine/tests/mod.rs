//! Whole guests: they run, stop, are saved, move, and find what was done to them.

mod moves;
mod orders;
mod wrongs;

use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use ferry_memory::Loading;
use ferry_qmp::parse_workload;
use ferry_units::PageCount;
use tempfile::TempDir;

use super::*;

const SIZE: Bytes = Bytes::from_mib(4);
const SEED: u64 = 4711;

/// A guest and what it found wrong.
struct Guest {
    machine: Machine,
    faults: Receiver<Fault>,
}

fn config(workload: &str, fill: Bytes) -> MachineConfig {
    MachineConfig {
        name: "test".to_owned(),
        uuid: "00000000-0000-0000-0000-000000000001".to_owned(),
        cpus: 2,
        seed: SEED,
        workload: parse_workload(workload).unwrap(),
        fill,
        serial: Serial::open(None).unwrap(),
        clock: Clock::system(),
    }
}

fn boot(workload: &str, disks: Vec<Arc<Disk>>) -> Guest {
    let memory = GuestMemory::create("test", SIZE).unwrap();
    boot_in(&memory, workload, disks)
}

fn boot_in(memory: &GuestMemory, workload: &str, disks: Vec<Arc<Disk>>) -> Guest {
    let (tell, faults) = channel();
    let config = config(workload, Bytes::from_mib(1));
    let on_fault = move |fault| tell.send(fault).unwrap();
    let machine = Machine::boot(config, memory.clone(), disks, on_fault).unwrap();
    Guest { machine, faults }
}

fn disk(dir: &TempDir, number: usize, kib: u64) -> Arc<Disk> {
    let path = dir.path().join(format!("disk{number}"));
    let spec = DiskSpec { path, size: Some(Bytes::from_kib(kib)), kind: DiskKind::Local };
    let disk = Disk::open(number, &spec).unwrap();
    disk.take().unwrap();
    Arc::new(disk)
}

impl Guest {
    /// Waits until it has written `more` than now.
    fn works(&self, more: Bytes) {
        let goal = self.machine.workload().written + more;
        until(|| self.machine.workload().written >= goal);
    }

    fn verified(&self, access: Access) -> VerifyReport {
        self.machine.verify(VerifyScope::All, access).unwrap()
    }

    fn is_well(&self) {
        assert_eq!(self.faults.try_recv().ok(), None);
    }

    fn state(&self, stopped: &Stopped) -> Vec<u8> {
        let mut state = Vec::new();
        self.machine.save(stopped, &mut state).unwrap();
        state
    }
}

/// Waits for what is bound to come; a test that never sees it ends as one that hangs.
fn until(mut is_so: impl FnMut() -> bool) {
    let clock = Clock::system();
    let limit = clock.now() + Duration::from_secs(60);
    while !is_so() {
        assert!(clock.now() < limit, "it did not come within a minute");
        thread::yield_now();
    }
}

/// A copy of a memory, of a guest that stands still.
fn copy(memory: &GuestMemory) -> (GuestMemory, Stopped) {
    let ram = memory.ram();
    let loading = Loading::create("copy", ram.size()).unwrap();
    let mut bytes = vec![0; 1 << 20];
    for run in ram.whole().pieces(PageCount(256)) {
        let offset = PageSize::KIB_4.offset_of(run.first()).unwrap();
        ram.read(offset, &mut bytes).unwrap();
        loading.write(offset, &bytes).unwrap();
    }
    loading.finish()
}

fn no_faults(_: Fault) {}
