//! What changes the state of a guest, and what is told of it.

use ferry_memory::GuestMemory;
use ferry_qmp::words::{Fault, FaultKind};
use ferry_units::Bytes;
use proptest::prelude::*;

use super::*;
use crate::machine::{MachineConfig, Serial};
use crate::monitor::Ear;
use RunState as R;
use ferry_qmp::parse_workload;

struct Stage {
    run: Arc<RunControl>,
    ear: Ear,
}

impl Stage {
    fn new(initial: RunState, at_start: AtStart) -> Self {
        let clock = Clock::system();
        let events = Events::new(clock);
        let ear = events.hear();
        Self { run: RunControl::new(events, clock, initial, at_start), ear }
    }

    fn booted(at_start: AtStart) -> Self {
        let stage = Self::new(R::Prelaunch, at_start);
        let (machine, stopped) = machine();
        stage.run.boot(machine, stopped);
        stage
    }

    /// The state is this, and these events were told since the last look.
    #[track_caller]
    fn check(&self, state: RunState, events: &[&str]) {
        assert_eq!((self.run.state(), self.ear.heard()), (state, to_strings(events)));
        let inner = self.run.lock();
        let runs = inner.machine.is_some() && inner.stopped.is_none();
        assert_eq!(runs, matches!(state, R::Running | R::FinishMigrate), "the proof of {state}");
    }
}

fn to_strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn machine() -> (Machine, Stopped) {
    let config = MachineConfig {
        name: "test".to_owned(),
        uuid: "00000000-0000-4000-8000-000000000000".to_owned(),
        cpus: 2,
        seed: 7,
        workload: parse_workload("idle").unwrap(),
        fill: Bytes::ZERO,
        serial: Serial::open(None).unwrap(),
        clock: Clock::system(),
    };
    let memory = GuestMemory::create("test", Bytes::from_mib(2)).unwrap();
    let stopped = memory.stop();
    let machine = Machine::boot(config, memory, Vec::new(), |_| {}).unwrap();
    (machine, stopped)
}

fn fault() -> Fault {
    Fault { disk: None, index: 3, kind: FaultKind::Lost, generation: 1 }
}

/// What a guest is told, by which name, and what comes of it.
type Step = (fn(&RunControl), RunState, &'static [&'static str]);

#[test]
fn parity_a_guest_is_stopped_and_runs_again_and_both_are_told_once() {
    let stop: fn(&RunControl) = RunControl::stop;
    let cont: fn(&RunControl) = |run| run.cont().unwrap();
    let steps: [Step; 7] = [
        (cont, R::Running, &[]),
        (stop, R::Paused, &["STOP"]),
        (stop, R::Paused, &[]),
        (RunControl::reset, R::Prelaunch, &["RESET"]),
        (cont, R::Running, &["RESUME"]),
        (RunControl::reset, R::Running, &["RESET"]),
        (stop, R::Paused, &["STOP"]),
    ];
    let stage = Stage::booted(AtStart::Run);
    stage.check(R::Running, &[]);
    for (step, state, events) in steps {
        step(&stage.run);
        stage.check(state, events);
    }
}

#[test]
fn a_guest_that_was_to_stay_paused_waits_in_prelaunch() {
    let stage = Stage::booted(AtStart::StayPaused);
    stage.check(R::Prelaunch, &[]);
    stage.run.stop();
    stage.check(R::Prelaunch, &[]);
    stage.run.cont().unwrap();
    stage.check(R::Running, &["RESUME"]);
}

#[test]
fn parity_a_guest_arrives_as_it_was_and_as_this_side_wants() {
    for (at_start, before, runs, state, events) in [
        (AtStart::Run, None, Arriving::Running, R::Running, &["RESUME"][..]),
        (AtStart::Run, None, Arriving::Paused, R::Paused, &[]),
        (AtStart::StayPaused, None, Arriving::Running, R::Paused, &[]),
        (AtStart::StayPaused, Some("cont"), Arriving::Running, R::Running, &["RESUME"]),
        (AtStart::Run, Some("stop"), Arriving::Running, R::Paused, &[]),
    ] {
        let stage = Stage::new(R::Inmigrate, at_start);
        match before {
            None => {}
            Some("stop") => stage.run.stop(),
            Some(_cont) => stage.run.cont().unwrap(),
        }
        stage.check(R::Inmigrate, &[]);
        let (machine, stopped) = machine();
        let before = stage.run.wall();
        let first = stage.run.arrive(machine, stopped, runs);
        assert!((before..=stage.run.wall()).contains(&first), "{at_start:?} {runs:?}");
        stage.check(state, events);
    }
}

#[test]
fn parity_a_switch_over_ends_here_or_there() {
    let stage = Stage::booted(AtStart::Run);
    let before = stage.run.wall();
    let switchover = stage.run.begin_switchover();
    assert!(switchover.was_running());
    assert!((before..=stage.run.wall()).contains(&switchover.stopped_at()));
    stage.check(R::FinishMigrate, &["STOP"]);
    let refusal = stage.run.cont().unwrap_err();
    assert_eq!(refusal.desc, "Migration is not finalized yet");
    stage.run.stop();
    stage.check(R::FinishMigrate, &[]);
    switchover.take_back();
    stage.check(R::Running, &["RESUME"]);

    drop(stage.run.begin_switchover());
    stage.check(R::Running, &["STOP", "RESUME"]);

    stage.run.begin_switchover().complete();
    stage.check(R::Postmigrate, &["STOP"]);
    stage.run.cont().unwrap();
    stage.check(R::Running, &["RESUME"]);
}

#[test]
fn a_guest_that_stood_still_does_so_after_its_migration() {
    let stage = Stage::booted(AtStart::Run);
    stage.run.stop();
    let stopped_at = stage.run.lock().stopped_at;
    assert_eq!(stage.ear.heard(), ["STOP"]);
    let switchover = stage.run.begin_switchover();
    assert!(!switchover.was_running());
    assert_eq!(switchover.stopped_at(), stopped_at);
    stage.check(R::FinishMigrate, &[]);
    switchover.take_back();
    stage.check(R::Paused, &[]);
    stage.run.begin_switchover().complete();
    stage.check(R::Postmigrate, &[]);
}

#[test]
fn a_reset_during_a_switch_over_is_done_when_the_guest_stays() {
    let stage = Stage::booted(AtStart::Run);
    let switchover = stage.run.begin_switchover();
    stage.run.reset();
    stage.check(R::FinishMigrate, &["STOP", "RESET"]);
    switchover.take_back();
    stage.check(R::Running, &["RESUME"]);
}

#[test]
fn a_guest_that_panics_is_stopped_by_whoever_supervises_it() {
    let stage = Stage::booted(AtStart::Run);
    stage.run.panic(fault());
    stage.run.shutdown(ShutdownCause::HostSignal);
    assert_eq!(stage.run.supervise(), End::Shutdown(ShutdownCause::HostSignal));
    stage.check(R::GuestPanicked, &["SHUTDOWN", "__dev.ferry_FAULT", "GUEST_PANICKED", "STOP"]);
}

#[test]
fn a_guest_that_panics_at_its_switch_over_does_not_run_on_here() {
    let stage = Stage::booted(AtStart::Run);
    let switchover = stage.run.begin_switchover();
    stage.run.stop_panicked(fault());
    stage.check(R::FinishMigrate, &["STOP", "__dev.ferry_FAULT", "GUEST_PANICKED"]);
    switchover.take_back();
    stage.check(R::GuestPanicked, &[]);
    stage.run.reset();
    stage.run.cont().unwrap();
    stage.check(R::Running, &["RESET", "RESUME"]);
}

#[test]
fn a_guest_shuts_down_when_it_runs_and_sees_its_button() {
    let stage = Stage::booted(AtStart::Run);
    stage.run.stop();
    stage.run.powerdown();
    stage.run.notice_power_button();
    stage.check(R::Paused, &["STOP", "POWERDOWN"]);
    stage.run.cont().unwrap();
    assert_eq!(stage.run.supervise(), End::Shutdown(ShutdownCause::GuestShutdown));
    assert_eq!(stage.ear.heard(), ["RESUME", "SHUTDOWN"]);
}

#[test]
fn a_machine_ends_for_the_first_reason() {
    let stage = Stage::booted(AtStart::Run);
    stage.run.fail("lost".to_owned());
    stage.run.shutdown(ShutdownCause::HostQmpQuit);
    assert_eq!(stage.run.supervise(), End::Failure("lost".to_owned()));
    assert_eq!(stage.ear.heard(), Vec::<String>::new());
    assert!(stage.run.lock().stopped.is_some(), "it stands still at the end");
}

/// What may happen to a guest, in any order.
#[derive(Clone, Copy, Debug)]
enum Act {
    Stop,
    Cont,
    Reset,
    Powerdown,
    Panic,
    Begin,
    TakeBack,
    Complete,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    use Act::{Begin, Complete, Cont, Panic, Powerdown, Reset, Stop, TakeBack};
    let each = [Stop, Cont, Reset, Powerdown, Panic, Begin, TakeBack, Complete];
    proptest::collection::vec(proptest::sample::select(each.to_vec()), 0..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_happens_state_and_proof_agree_and_stops_and_resumes_alternate(acts in acts()) {
        let stage = Stage::booted(AtStart::Run);
        let run = &stage.run;
        let mut switchover = None;
        let mut told = Vec::new();
        for act in acts {
            match act {
                Act::Stop => run.stop(),
                Act::Cont => prop_assert_eq!(run.cont().is_err(), switchover.is_some()),
                Act::Reset => run.reset(),
                Act::Powerdown => run.powerdown(),
                Act::Panic => run.stop_panicked(fault()),
                // A second migration, or one of a guest that was moved away, is refused.
                Act::Begin if switchover.is_none() && run.state() != R::Postmigrate => {
                    switchover = Some(run.begin_switchover());
                }
                Act::Begin => {}
                Act::TakeBack => drop(switchover.take()),
                Act::Complete => {
                    if let Some(over) = switchover.take() {
                        over.complete();
                    }
                }
            }
            let inner = run.lock();
            prop_assert_eq!(inner.state() == R::FinishMigrate, switchover.is_some());
            let is_held = inner.stopped.is_some() || switchover.is_some();
            prop_assert_eq!(is_held, inner.state() != R::Running);
            drop(inner);
            told.extend(stage.ear.heard());
        }
        let moves: Vec<_> = told.iter().filter(|name| *name == "STOP" || *name == "RESUME").collect();
        for (at, name) in moves.into_iter().enumerate() {
            prop_assert_eq!(name, if at % 2 == 0 { "STOP" } else { "RESUME" });
        }
    }
}
