//! Whether the guest runs, and everything that changes it.
//!
//! There is one [`RunControl`], and nobody else lets vCPUs run or stops them. It holds the proof
//! that the guest stands still while it does, so that the state and the truth cannot differ:
//!
//! ```text
//!   inmigrate ──arrive──► running ◄──cont── paused, prelaunch, postmigrate
//!                          │  ▲ │
//!        begin_switchover  │  │ └──stop──► paused      a wrong page ──► guest-panicked
//!                          ▼  │ take_back
//!                    finish-migrate ──complete──► postmigrate
//! ```

mod inner;
mod requests;
mod switchover;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ferry_memory::Stopped;
use ferry_qmp::rules::Refusal;
use ferry_qmp::words::{Fault, GuestPanicAction, RunState, ShutdownCause};
use ferry_qmp::{Event, GuestEnd, GuestPanicked, WireError};
use ferry_runtime::Clock;

use crate::machine::Machine;
use crate::monitor::Events;

use inner::{Inner, Left};
pub use requests::End;
use requests::{Request, Requests};
pub use switchover::Switchover;

/// Whether the guest runs as soon as it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtStart {
    /// It does.
    Run,
    /// It waits for `cont` (`-S` of QEMU).
    StayPaused,
}

/// Whether a guest that arrives was running at its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arriving {
    /// It was, and runs on here.
    Running,
    /// It stood still, and does so here.
    Paused,
}

/// The one who knows whether the guest runs.
#[derive(Debug)]
pub struct RunControl {
    events: Events,
    clock: Clock,
    inner: Mutex<Inner>,
    requests: Requests,
}

/// How long an arrival waits for a vCPU to say when it has executed its first instruction. One that
/// has nothing to do says it late or never.
const FIRST_INSTRUCTION: Duration = Duration::from_millis(2);

impl RunControl {
    /// Of a machine without a guest yet: in `prelaunch` if it is about to boot, in `inmigrate` if
    /// the guest is to arrive.
    pub fn new(events: Events, clock: Clock, initial: RunState, at_start: AtStart) -> Arc<Self> {
        let inner = Mutex::new(Inner::new(initial, at_start));
        Arc::new(Self { events, clock, inner, requests: Requests::default() })
    }

    /// Whether the guest runs, and why it does not.
    pub fn state(&self) -> RunState {
        self.lock().state()
    }

    /// The guest; `None` as long as it has not arrived.
    pub fn machine(&self) -> Option<Machine> {
        self.lock().machine.clone()
    }

    /// A new guest is here, as `stopped` proves still. It runs, unless it was to stay paused. No
    /// event tells that, since nobody listens yet.
    pub fn boot(&self, machine: Machine, stopped: Stopped) {
        let mut inner = self.lock();
        inner.hold(machine, stopped, self.wall());
        match inner.at_start {
            AtStart::Run => inner.run(),
            AtStart::StayPaused => {}
        }
    }

    /// An incoming guest is here, as `stopped` proves still. It runs if it was running at its source
    /// and was not to stay paused here. Returns when it has executed its first instruction, in
    /// nanoseconds since 1970; for one that stays paused, when it was here.
    // PARITY: migration/migration.c#process_incoming_migration_bh
    #[expect(clippy::needless_pass_by_value, reason = "it belongs to this from now on")]
    pub fn arrive(&self, machine: Machine, stopped: Stopped, runs: Arriving) -> u64 {
        let mut inner = self.lock();
        inner.hold(machine.clone(), stopped, self.wall());
        // Written before the first instruction: whoever finds no such line knows that there was none.
        machine.say("goes on here");
        match (inner.at_start, runs) {
            (AtStart::Run, Arriving::Running) => {}
            (AtStart::StayPaused, Arriving::Running | Arriving::Paused)
            | (AtStart::Run, Arriving::Paused) => {
                inner.enter(RunState::Paused);
                return self.wall();
            }
        }
        self.events.emit(Event::Resume);
        inner.run();
        let resumed = self.wall();
        drop(inner);
        machine.wait_first_instruction(FIRST_INSTRUCTION).unwrap_or(resumed)
    }

    /// Whether the guest was moved away and has executed nothing here since, so that its memory is
    /// still what it was then.
    pub fn is_left_behind(&self) -> bool {
        self.lock().left == Left::Behind
    }

    /// Stops the guest if it runs; one that is to arrive stays paused then.
    // PARITY: monitor/qmp-cmds.c#qmp_stop
    pub fn stop(&self) {
        let mut inner = self.lock();
        match inner.state() {
            RunState::Inmigrate => inner.at_start = AtStart::StayPaused,
            state if is_live(state) => self.halt(&mut inner, RunState::Paused),
            _still => {}
        }
    }

    /// Lets the guest run if it can; one that is to arrive runs as soon as it has.
    ///
    /// # Errors
    /// When it was shut down, stands still for its migration, or when a disk is in use elsewhere,
    /// as those of a guest that was moved away are.
    // PARITY: monitor/qmp-cmds.c#qmp_cont
    pub fn cont(&self) -> Result<(), WireError> {
        let mut inner = self.lock();
        match inner.state() {
            state if state.needs_reset() => return Err(Refusal::NeedsReset.into()),
            RunState::FinishMigrate => return Err(Refusal::NotFinalized.into()),
            RunState::Inmigrate => {
                inner.at_start = AtStart::Run;
                return Ok(());
            }
            RunState::Postmigrate => take_disks_back(inner.machine.as_ref())?,
            state if is_live(state) => return Ok(()),
            _still => {}
        }
        self.events.emit(Event::Resume);
        inner.run();
        self.look_at_button(&mut inner);
        Ok(())
    }

    /// Resets the guest: its memory starts over. One that stands still waits for `cont` then.
    // PARITY: system/runstate.c#main_loop_should_exit
    pub fn reset(&self) {
        let mut inner = self.lock();
        let reason = ShutdownCause::HostQmpSystemReset;
        inner.reset();
        self.events.emit(Event::Reset(GuestEnd { guest: false, reason }));
    }

    /// Presses the power button: the guest shuts down as soon as it runs and is told to
    /// [notice](Self::notice_power_button).
    // PARITY: system/runstate.c#qemu_system_powerdown_request
    pub fn powerdown(&self) {
        let mut inner = self.lock();
        self.events.emit(Event::Powerdown);
        inner.press_button();
        if let Some(machine) = &inner.machine {
            machine.say("the power button was pressed");
        }
    }

    /// The guest looks at its power button, and shuts down if it was pressed.
    pub fn notice_power_button(&self) {
        self.look_at_button(&mut self.lock());
    }

    /// Ends the machine: the guest stops for good, and [`supervise`](Self::supervise) returns. Only
    /// the first cause counts.
    pub fn shutdown(&self, cause: ShutdownCause) {
        let guest = match cause {
            ShutdownCause::GuestShutdown
            | ShutdownCause::GuestReset
            | ShutdownCause::GuestPanic => true,
            ShutdownCause::None
            | ShutdownCause::HostError
            | ShutdownCause::HostQmpQuit
            | ShutdownCause::HostQmpSystemReset
            | ShutdownCause::HostSignal
            | ShutdownCause::HostUi
            | ShutdownCause::SubsystemReset
            | ShutdownCause::SnapshotLoad => false,
        };
        self.end(End::Shutdown(cause), || {
            self.events.emit(Event::Shutdown(GuestEnd { guest, reason: cause }));
        });
    }

    /// Ends the process as one that has failed, for instance because the guest that it was started
    /// for cannot arrive. Without an event, as QEMU does.
    // PARITY: migration/migration.c#process_incoming_migration_co
    pub fn fail(&self, why: String) {
        self.end(End::Failure(why), || {});
    }

    /// A vCPU has found a wrong page or block, and executes nothing any more. May be called while
    /// it runs: the guest is stopped a moment later by [`supervise`](Self::supervise).
    pub fn panic(&self, fault: Fault) {
        self.requests.push(Request::Panic(fault));
    }

    /// Stands by until the machine ends: stops the guest when it panics, as a vCPU cannot do itself.
    /// Returns why it ends, with the guest at rest.
    pub fn supervise(&self) -> End {
        loop {
            match self.requests.next() {
                Request::Panic(fault) => self.stop_panicked(fault),
                Request::GuestShutdown => self.shutdown(ShutdownCause::GuestShutdown),
                Request::End(end) => {
                    self.lock().rest();
                    return end;
                }
            }
        }
    }

    /// Stops the vCPUs for a switch-over: the state is `finish-migrate`, and `STOP` is told if the
    /// guest was running.
    ///
    /// # Panics
    /// If no guest is here, or another switch-over is under way; the rules about `migrate` prevent
    /// both.
    pub fn begin_switchover(self: &Arc<Self>) -> Switchover {
        let mut inner = self.lock();
        let before = inner.state();
        assert_ne!(before, RunState::FinishMigrate, "there is one migration at a time");
        if is_live(before) {
            self.halt(&mut inner, RunState::FinishMigrate);
        } else {
            inner.enter(RunState::FinishMigrate);
        }
        inner.return_to = before;
        let stopped = inner.stopped.take().expect("a guest that can be sent is here and still");
        Switchover::new(Arc::clone(self), stopped, inner.stopped_at, before)
    }

    /// The end of a switch-over at which the guest stays here.
    fn take_back(&self, stopped: Stopped) {
        let mut inner = self.lock();
        inner.stopped = Some(stopped);
        inner.reset_if_pending();
        let state = inner.return_to;
        if is_live(state) {
            self.events.emit(Event::Resume);
            inner.run();
            self.look_at_button(&mut inner);
        } else {
            inner.enter(state);
        }
    }

    /// The end of a switch-over at which the guest lives elsewhere.
    fn moved_away(&self, stopped: Stopped) {
        let mut inner = self.lock();
        inner.stopped = Some(stopped);
        inner.forget_wishes();
        inner.left = Left::Behind;
        inner.enter(RunState::Postmigrate);
    }

    // PARITY: system/runstate.c#qemu_system_guest_panicked
    fn stop_panicked(&self, fault: Fault) {
        let mut inner = self.lock();
        self.events.emit(Event::FerryFault(fault));
        let action = GuestPanicAction::Pause;
        self.events.emit(Event::GuestPanicked(GuestPanicked { action }));
        match inner.state() {
            state if is_live(state) => self.halt(&mut inner, RunState::GuestPanicked),
            // It does not run on if it stays here.
            RunState::FinishMigrate => inner.return_to = RunState::GuestPanicked,
            _still => {}
        }
    }

    /// Stops a guest that runs.
    fn halt(&self, inner: &mut Inner, state: RunState) {
        let stopped_at = self.wall();
        inner.halt(state, stopped_at);
        self.events.emit(Event::Stop);
    }

    fn look_at_button(&self, inner: &mut Inner) {
        if is_live(inner.state()) && inner.take_button() {
            self.requests.push(Request::GuestShutdown);
        }
    }

    fn end(&self, end: End, tell: impl FnOnce()) {
        let mut inner = self.lock();
        if inner.end_once() {
            tell();
            self.requests.push(Request::End(end));
        }
    }

    /// Nanoseconds since 1970.
    fn wall(&self) -> u64 {
        u64::try_from(self.clock.wall().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The state and the proof change together, with the mutex in hand, so a panic leaves both.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether vCPUs run in this state.
fn is_live(state: RunState) -> bool {
    state == RunState::Running
}

/// The disks of a guest that was moved away, for one that runs here again.
fn take_disks_back(machine: Option<&Machine>) -> Result<(), WireError> {
    let disks = machine.map(Machine::disks).unwrap_or_default();
    for (taken, disk) in disks.iter().enumerate() {
        if let Err(error) = disk.take() {
            disks[..taken].iter().for_each(|disk| disk.release());
            return Err(WireError::generic(error.to_string()));
        }
    }
    Ok(())
}
