//! Guests do what they are told.

use super::*;

#[test]
fn a_guest_boots_says_so_and_works() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("serial.log");
    let memory = GuestMemory::create("test", SIZE).unwrap();
    let stopped = memory.stop();
    let config = MachineConfig {
        serial: Serial::open(Some(&path)).unwrap(),
        ..config("random,rate=64Mi", Bytes::from_mib(1))
    };
    let machine = Machine::boot(config, memory, Vec::new(), no_faults).unwrap();
    // It stands still until it is let run.
    assert!(!machine.is_booted() && machine.first_instruction().is_none());
    assert_eq!(machine.workload().written, Bytes::ZERO);
    let ids = machine.thread_ids();
    assert!(ids.len() == 2 && ids[0] != ids[1] && ids.iter().all(|id| *id > 0), "{ids:?}");

    let before = u64::try_from(Clock::system().wall().as_nanos()).unwrap();
    stopped.resume();
    until(|| machine.is_booted());
    assert!(machine.first_instruction().unwrap() >= before);
    until(|| machine.workload().written >= Bytes::from_mib(2));
    machine.set_workload(parse_workload("idle").unwrap()).unwrap();
    machine.end();
    let log = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = log.lines().map(|line| line.split_once("] ").unwrap().1).collect();
    assert_eq!(
        lines,
        [
            "boot: test 00000000-0000-0000-0000-000000000001, 4 MiB of memory, 2 vCPUs, 0 disks, \
             seed 4711",
            "no image is booted: this guest runs a synthetic workload",
            "workload: random,rate=64Mi",
            "booted",
            "workload: idle",
        ]
    );
}

#[test]
fn every_pattern_keeps_the_guest_whole() {
    let dir = tempfile::tempdir().unwrap();
    let disks = vec![disk(&dir, 0, 256), disk(&dir, 1, 64)];
    let guest = boot("idle", disks);
    for workload in [
        "sequential,read-share=50",
        "random,contents=mixed,read-share=30",
        "hotspot,hot-writes=90,hot-pages=10,contents=text",
        "zipf,exponent=1.1,working-set=1Mi,read-share=50",
        "disk,disk-rate=8Mi,rate=8Mi,read-share=50,contents=mixed",
        "phased:(random)/5ms+(idle)/5ms",
    ] {
        guest.machine.set_workload(parse_workload(workload).unwrap()).unwrap();
        guest.works(Bytes::from_mib(2));
        let report = guest.verified(Access::Running);
        assert_eq!((report.wrong, report.faults.len()), (0, 0), "{workload}: {report:?}");
        assert_eq!((report.pages, report.blocks), (PageCount(1_024), 80));
    }
    guest.is_well();
    let stats = guest.machine.disks()[0].stats();
    assert!(stats.wr_operations > 0 && stats.failed_wr_operations == 0);
    guest.machine.end();
}

#[test]
fn a_rate_is_kept_and_a_throttle_lowers_it() {
    let guest = boot("random,rate=32Mi", Vec::new());
    until(|| guest.machine.is_booted());
    let clock = Clock::system();
    let written = |span| {
        let before = guest.machine.workload().written;
        let begin = clock.now();
        clock.wait_until(begin + span);
        let bytes = guest.machine.workload().written.saturating_sub(before);
        bytes.per(clock.now().since(begin)).unwrap()
    };
    let rate = written(Duration::from_millis(400));
    // Never faster than it may be and catches up; how slow is up to the machine.
    assert!(rate < BytesPerSecond::from_mib(42) && rate > BytesPerSecond::from_mib(1), "{rate}");
    guest.machine.throttle(75);
    let slow = written(Duration::from_millis(400));
    assert!(slow < BytesPerSecond::from_mib(20), "{slow}");
    guest.machine.throttle(0);
    let rates = guest.machine.vcpu_rates();
    assert!(rates.len() == 2 && rates.iter().all(|rate| rate.get() > 0), "{rates:?}");
    guest.machine.end();
}

#[test]
fn a_stopped_guest_writes_nothing_and_an_idle_one_notes_its_first_instruction() {
    let guest = boot("random", Vec::new());
    guest.works(Bytes::from_mib(1));
    let memory = guest.machine.memory().clone();
    let log = memory.log().unwrap();
    let stopped = memory.stop();
    let mut dirty = memory.ram().no_pages();
    ferry_memory::DirtyLog::harvest(&log, memory.ram().whole(), &mut dirty).unwrap();
    let before = (guest.machine.workload().written, guest.state(&stopped));
    guest.machine.set_workload(parse_workload("idle").unwrap()).unwrap();
    guest.machine.arm_first_instruction();
    assert_eq!(guest.machine.wait_first_instruction(Duration::from_millis(20)), None);
    assert_eq!(guest.machine.workload().written, before.0);
    let none = ferry_memory::DirtyLog::harvest(&log, memory.ram().whole(), &mut dirty).unwrap();
    assert_eq!(none, PageCount(0));
    assert_eq!(guest.verified(Access::Still).wrong, 0);
    stopped.resume();
    assert!(guest.machine.wait_first_instruction(Duration::from_secs(60)).is_some());
    guest.machine.end();
}

#[test]
fn a_reset_begins_again_and_an_end_needs_nobody_to_let_go() {
    let guest = boot("sequential", Vec::new());
    guest.works(Bytes::from_mib(2));
    until(|| guest.machine.is_booted());
    guest.machine.reset();
    until(|| guest.machine.is_booted());
    guest.works(Bytes::from_mib(1));
    assert_eq!(guest.verified(Access::Running).wrong, 0);
    guest.is_well();
    let stopped = guest.machine.memory().stop();
    let written = guest.machine.workload().written;
    guest.machine.end();
    drop(stopped);
    guest.machine.end();
    assert_eq!(guest.machine.workload().written, written);
}

#[test]
fn a_disk_is_written_only_while_it_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let guest = boot("disk,disk-rate=32Mi,rate=1Mi", vec![disk(&dir, 0, 256)]);
    let disk = Arc::clone(&guest.machine.disks()[0]);
    let operations = || disk.stats().wr_operations;
    until(|| operations() > 10);
    disk.release();
    let written = operations();
    guest.works(Bytes::from_kib(64));
    assert_eq!(operations(), written);
    disk.take().unwrap();
    until(|| operations() > written);
    assert_eq!(guest.verified(Access::Running).wrong, 0);
    guest.is_well();
    guest.machine.end();
}

#[test]
fn the_dirty_rate_of_a_guest_is_what_it_writes() {
    use ferry_qmp::words::{CalcDirtyRate, DirtyRateStatus, TimeUnit};
    let guest = boot("sequential", Vec::new());
    let rate = DirtyRate::new(Clock::system());
    assert_eq!(rate.info(TimeUnit::Second).dirty_rate, None);
    let calc_time_unit = Some(TimeUnit::Millisecond);
    let ask = CalcDirtyRate { calc_time: 100, calc_time_unit, sample_pages: None, mode: None };
    rate.start(&guest.machine, &ask).unwrap();
    let again = rate.start(&guest.machine, &ask).unwrap_err();
    assert_eq!(again.to_string(), "the dirty rate is already being measured.");
    until(|| rate.status() == DirtyRateStatus::Measured);
    let info = rate.info(TimeUnit::Millisecond);
    // All of 4 MiB in 100 ms, and no page counts twice.
    let found = info.dirty_rate.unwrap();
    assert!((1..=40).contains(&found), "{found}");
    assert!(info.calc_time == 100 && info.start_time > 1_700_000_000);
    guest.machine.end();
}

#[test]
fn what_cannot_be_is_refused_before_anything_starts() {
    let memory = || GuestMemory::create("test", SIZE).unwrap();
    let refused = |config: MachineConfig| {
        Machine::boot(config, memory(), Vec::new(), no_faults).unwrap_err().to_string()
    };
    let none = MachineConfig { cpus: 0, ..config("idle", Bytes::ZERO) };
    assert_eq!(refused(none), "0 vCPUs: give it 1 to 1024, and a page of memory each");
    let more = config("idle", Bytes::from_mib(5));
    let text = "5 MiB of memory to fill at boot, of 4 MiB that there is; fill that much at most";
    assert_eq!(refused(more), text);
    let text = "kind of the workload is disk; give it to a guest that has disks, or another kind";
    assert_eq!(refused(config("disk,disk-rate=1", Bytes::ZERO)), text);
    let guest = boot("idle", Vec::new());
    let workload = parse_workload("random,working-set=1Gi").unwrap();
    assert!(guest.machine.set_workload(workload).is_err());
    assert_eq!(guest.machine.workload().workload, parse_workload("idle").unwrap());
}
