//! What is done to a guest behind its back is found, named and told apart.

use super::*;
use ferry_memory::Running;
use ferry_qmp::words::FaultKind;
use ferry_units::{PageIndex, PageSet};

/// A guest that stands still after some work, and a copy of its memory that can be spoilt.
fn spoilt(spoil: impl FnOnce(&mut Running<'_>)) -> VerifyReport {
    let source = boot("random,working-set=1Mi", Vec::new());
    source.works(Bytes::from_mib(2));
    let stopped = source.machine.memory().stop();
    let state = source.state(&stopped);
    let (memory, still) = copy(source.machine.memory());
    still.resume();
    spoil(&mut memory.enter());
    let still = memory.stop();
    let config = config("idle", Bytes::ZERO);
    let target = Machine::restore(config, memory, Vec::new(), &state, no_faults).unwrap();
    let report = target.verify(VerifyScope::Memory, Access::Still).unwrap();
    // It must not write over what is wrong before it is looked at again.
    target.set_workload(parse_workload("idle").unwrap()).unwrap();
    drop(still);
    // As it finds while it runs.
    let running = target.verify(VerifyScope::Memory, Access::Running).unwrap();
    assert_eq!((running.wrong, &running.faults), (report.wrong, &report.faults));
    target.end();
    report
}

fn at(page: u64) -> Bytes {
    Bytes::new(page * 4096)
}

#[test]
fn a_byte_that_changed_is_torn() {
    let report = spoilt(|guest| {
        let mut byte = [0];
        guest.read(Bytes::new(5 * 4096 + 77), &mut byte).unwrap();
        guest.write(Bytes::new(5 * 4096 + 77), &[byte[0] ^ 1]).unwrap();
    });
    assert_eq!((report.pages, report.wrong), (PageCount(1_024), 1));
    let [fault] = report.faults.as_slice() else { panic!("{report:?}") };
    assert_eq!((fault.index, fault.kind, &fault.disk), (5, FaultKind::Torn, &None));
    assert!(fault.generation > 0);
}

#[test]
fn a_page_that_is_zero_is_lost_and_one_of_another_page_is_foreign() {
    let report = spoilt(|guest| {
        guest.write(at(7), &[0; 4096]).unwrap();
        let mut page = [0; 4096];
        guest.read(at(8), &mut page).unwrap();
        guest.write(at(9), &page).unwrap();
        // Never written, so anything is too much.
        guest.write(at(900), &page).unwrap();
    });
    let found: Vec<_> = report.faults.iter().map(|fault| (fault.index, fault.kind)).collect();
    let expected = [(7, FaultKind::Lost), (9, FaultKind::Foreign), (900, FaultKind::Foreign)];
    assert_eq!(found, expected);
}

#[test]
fn a_report_lists_sixteen_and_counts_all() {
    let report = spoilt(|guest| {
        for page in 0..100 {
            guest.write(at(page), &[0; 4096]).unwrap();
        }
    });
    assert_eq!((report.wrong, report.faults.len()), (100, 16));
    assert_eq!(report.faults[15].index, 15);
}

#[test]
fn a_page_that_missed_its_last_write_is_stale_and_a_vcpu_that_reads_it_stops() {
    let source = boot("sequential,working-set=64Ki,rate=8Mi", Vec::new());
    source.works(Bytes::from_mib(2));
    let memory = source.machine.memory().clone();
    let mut old = [0; 4096];
    {
        let _stopped = memory.stop();
        memory.ram().read(at(4), &mut old).unwrap();
    }
    source.works(Bytes::from_mib(2));
    let stopped = memory.stop();
    let state = source.state(&stopped);
    let (spoilt, still) = copy(&memory);
    still.resume();
    spoilt.enter().write(at(4), &old).unwrap();
    let still = spoilt.stop();

    let (tell, faults) = channel();
    let on_fault = {
        let memory = spoilt.clone();
        // What a process does with it: the guest stops, by the hand of a vCPU.
        move |fault| tell.send((fault, memory.stop())).unwrap()
    };
    let config = config("idle", Bytes::ZERO);
    let target = Machine::restore(config, spoilt, Vec::new(), &state, on_fault).unwrap();
    let reads = parse_workload("sequential,working-set=64Ki,read-share=100").unwrap();
    target.set_workload(reads).unwrap();
    still.resume();
    let (fault, stopped_by_vcpu) = faults.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!((fault.index, fault.kind), (4, FaultKind::Stale));
    let report = target.verify(VerifyScope::All, Access::Still).unwrap();
    assert_eq!((report.wrong, &report.faults[0]), (1, &fault));
    drop(stopped_by_vcpu);
    target.end();
}

#[test]
fn a_block_that_changed_is_named_with_its_disk() {
    let dir = tempfile::tempdir().unwrap();
    let guest = boot("disk,disk-rate=32Mi,rate=0", vec![disk(&dir, 0, 64), disk(&dir, 1, 64)]);
    let disk = Arc::clone(&guest.machine.disks()[1]);
    until(|| disk.stats().wr_operations > 200);
    let stopped = guest.machine.memory().stop();
    disk.write(ferry_units::PageRun::one(PageIndex(6)), &[1; 4096]).unwrap();
    let report = guest.machine.verify(VerifyScope::Disks, Access::Still).unwrap();
    let [fault] = report.faults.as_slice() else { panic!("{report:?}") };
    assert_eq!((fault.disk.as_deref(), fault.index), (Some("disk1"), 6));
    assert_eq!((report.pages, report.blocks), (PageCount(0), 32));
    drop(stopped);
    guest.machine.end();
}

#[test]
fn a_guest_that_fetches_its_memory_is_checked_when_it_runs_and_not_before() {
    let source = boot("random", Vec::new());
    source.works(Bytes::from_mib(2));
    source.machine.set_workload(parse_workload("idle").unwrap()).unwrap();
    let stopped = source.machine.memory().stop();
    let state = source.state(&stopped);
    let ram = source.machine.memory().ram();
    let loading = Loading::create("copy", ram.size()).unwrap();
    let mut missing = PageSet::empty(ram.pages());
    missing.insert(PageIndex(10));
    let mut page = [0; 4096];
    for index in ram.whole().pages().filter(|index| !missing.contains(*index)) {
        ram.read(at(index.get()), &mut page).unwrap();
        loading.write(at(index.get()), &page).unwrap();
    }
    let (memory, still, arrivals) = loading.finish_but(&missing, |_| ()).unwrap();
    let config = config("idle", Bytes::ZERO);
    let target = Machine::restore(config, memory, Vec::new(), &state, no_faults).unwrap();
    let error = target.verify(VerifyScope::All, Access::Still).unwrap_err();
    assert!(matches!(error, MachineError::Incomplete { missing: PageCount(1) }), "{error}");

    still.resume();
    let report = thread::scope(|scope| {
        let check = scope.spawn(|| target.verify(VerifyScope::All, Access::Running).unwrap());
        let mut claim = arrivals.claim(ferry_units::PageRun::one(PageIndex(10))).unwrap();
        ram.read(at(10), &mut page).unwrap();
        claim.write(at(10), &page).unwrap();
        claim.publish();
        check.join().unwrap()
    });
    assert_eq!((report.wrong, report.pages), (0, PageCount(1_024)));
    target.end();
}
