//! Guests go on elsewhere as if nothing had happened.

use super::*;

fn restored(
    (memory, stopped): (GuestMemory, Stopped),
    disks: Vec<Arc<Disk>>,
    state: &[u8],
) -> (Guest, Stopped) {
    let (tell, faults) = channel();
    // Of its own it has another seed and another workload, which do not count.
    let config = MachineConfig { seed: 1, ..config("idle", Bytes::ZERO) };
    let on_fault = move |fault| tell.send(fault).unwrap();
    let machine = Machine::restore(config, memory, disks, state, on_fault).unwrap();
    (Guest { machine, faults }, stopped)
}

#[test]
fn a_guest_moves_with_its_memory_and_disks_and_works_on() {
    let dir = tempfile::tempdir().unwrap();
    let text = "disk,disk-rate=8Mi,rate=64Mi,read-share=40,contents=mixed";
    let source = boot(text, vec![disk(&dir, 0, 256)]);
    source.works(Bytes::from_mib(3));
    until(|| source.machine.disks()[0].stats().wr_operations > 20);

    let stopped = source.machine.memory().stop();
    source.machine.disks()[0].release();
    let state = source.state(&stopped);
    let here = disk(&dir, 0, 256);
    let (target, still) = restored(copy(source.machine.memory()), vec![here], &state);
    assert_eq!(target.machine.seed(), SEED);
    assert_eq!(target.machine.workload().workload, parse_workload(text).unwrap());
    assert_eq!(target.machine.workload().written, source.machine.workload().written);
    let report = target.verified(Access::Still);
    assert_eq!((report.pages, report.blocks, report.wrong), (PageCount(1_024), 64, 0));
    // And what it would save now is what it was made from.
    assert!(target.state(&still) == state);

    still.resume();
    target.works(Bytes::from_mib(3));
    assert_eq!(target.verified(Access::Running).wrong, 0);
    target.is_well();
    target.machine.end();
    drop(stopped);
    source.machine.end();
}

#[test]
fn a_guest_moves_while_it_boots_and_boots_on() {
    let memory = GuestMemory::create("test", SIZE).unwrap();
    let stopped = memory.stop();
    let source = boot_in(&memory, "idle", Vec::new());
    let state = source.state(&stopped);
    let (target, still) = restored(copy(&memory), Vec::new(), &state);
    assert!(!target.machine.is_booted());
    still.resume();
    until(|| target.machine.is_booted());
    assert_eq!(target.machine.workload().written, Bytes::from_mib(1));
    assert_eq!(target.verified(Access::Running).wrong, 0);
    target.machine.end();
}

#[test]
fn the_same_seed_makes_the_same_guest() {
    let run = || {
        let memory = GuestMemory::create("test", SIZE).unwrap();
        let guest = boot_in(&memory, "idle", Vec::new());
        until(|| guest.machine.is_booted());
        let stopped = memory.stop();
        let mut bytes = vec![0; 4 << 20];
        memory.ram().read(Bytes::ZERO, &mut bytes).unwrap();
        drop(stopped);
        guest.machine.end();
        bytes
    };
    assert!(run() == run());
}

#[test]
fn what_changed_while_it_stood_still_travels_too() {
    let source = boot("sequential", Vec::new());
    source.works(Bytes::from_mib(2));
    until(|| source.machine.is_booted());
    let stopped = source.machine.memory().stop();
    let before = source.state(&stopped);
    source.machine.reset();
    source.machine.set_workload(parse_workload("random,rate=1Mi").unwrap()).unwrap();
    let after = source.state(&stopped);
    assert!(before != after);
    let (target, still) = restored(copy(source.machine.memory()), Vec::new(), &after);
    let text = WorkloadText(&target.machine.workload().workload).to_string();
    assert_eq!(text, "random,rate=1Mi");
    assert!(!target.machine.is_booted());
    still.resume();
    until(|| target.machine.is_booted());
    assert_eq!(target.verified(Access::Running).wrong, 0);
    target.machine.end();
}

#[test]
fn a_proof_that_another_guest_stands_still_is_none() {
    let (one, two) = (boot("idle", Vec::new()), boot("idle", Vec::new()));
    let stopped = one.machine.memory().stop();
    let error = two.machine.save(&stopped, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, MachineError::Memory(MemoryError::AnotherGuest)));
}

#[test]
fn a_disk_that_was_there_before_is_known_again_or_not_judged() {
    let dir = tempfile::tempdir().unwrap();
    let first = boot("disk,disk-rate=32Mi,rate=0", vec![disk(&dir, 0, 64)]);
    let written = || first.machine.disks()[0].stats().wr_operations;
    until(|| written() > 40);
    first.machine.end();
    first.machine.disks()[0].release();
    // One block of somebody else.
    let raw = disk(&dir, 0, 64);
    let run = ferry_units::PageRun::one(ferry_units::PageIndex(3));
    raw.write(run, &[0x5a; 4096]).unwrap();
    drop(raw);

    let second = boot("disk,disk-rate=32Mi,rate=0,read-share=50", vec![disk(&dir, 0, 64)]);
    let report = second.verified(Access::Running);
    assert_eq!(report.wrong, 0, "{report:?}");
    // The strange block is judged like any other once it was written too.
    until(|| second.verified(Access::Running).blocks == 16);
    assert_eq!(second.verified(Access::Running).wrong, 0);
    second.is_well();
    second.machine.end();
}
