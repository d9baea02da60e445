//! The state of a guest and the proof that goes with it.

use ferry_memory::Stopped;
use ferry_qmp::words::RunState;

use super::AtStart;
use crate::machine::Machine;

/// The state of a guest and the proof that goes with it: as long as the guest is here and does not
/// run, either this or a [`Switchover`](super::Switchover) holds it.
#[derive(Debug)]
pub(super) struct Inner {
    state: RunState,
    pub(super) machine: Option<Machine>,
    pub(super) stopped: Option<Stopped>,
    /// When it was last asked to stop, in nanoseconds since 1970.
    pub(super) stopped_at: u64,
    pub(super) at_start: AtStart,
    /// The state to which the guest returns if its migration fails.
    pub(super) return_to: RunState,
    pub(super) left: Left,
    button: Button,
    reset: Reset,
    end: EndSeen,
}

/// Whether what is here is what the guest left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// It never left, or has run here again.
    No,
    /// It has left and executed nothing here since.
    Behind,
}

/// The power button, as the guest finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Button {
    Untouched,
    Pressed,
}

/// Whether a guest that stands still for its migration was reset meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reset {
    None,
    Pending,
}

/// Whether the machine ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndSeen {
    NotYet,
    Seen,
}

impl Inner {
    pub(super) fn new(state: RunState, at_start: AtStart) -> Self {
        Self {
            state,
            machine: None,
            stopped: None,
            stopped_at: 0,
            at_start,
            return_to: state,
            left: Left::No,
            button: Button::Untouched,
            reset: Reset::None,
            end: EndSeen::NotYet,
        }
    }

    pub(super) fn state(&self) -> RunState {
        self.state
    }

    /// A guest that stands still.
    pub(super) fn hold(&mut self, machine: Machine, stopped: Stopped, at: u64) {
        self.machine = Some(machine);
        self.stopped = Some(stopped);
        self.stopped_at = at;
    }

    /// Changes the state, to one that may follow.
    pub(super) fn enter(&mut self, state: RunState) {
        assert!(self.state.successors().contains(&state), "{state} does not follow {}", self.state);
        tracing::debug!(from = %self.state, to = %state, "run state");
        self.state = state;
    }

    /// Lets the guest run.
    pub(super) fn run(&mut self) {
        self.enter(RunState::Running);
        if let Some(machine) = &self.machine {
            machine.arm_first_instruction();
        }
        self.left = Left::No;
        self.stopped = None;
    }

    /// Has the guest stand still.
    pub(super) fn halt(&mut self, state: RunState, at: u64) {
        let machine = self.machine.as_ref().expect("a guest that runs is here");
        self.stopped = Some(machine.memory().stop());
        self.stopped_at = at;
        self.enter(state);
    }

    // PARITY: system/runstate.c#main_loop_should_exit
    pub(super) fn reset(&mut self) {
        self.button = Button::Untouched;
        match self.state {
            RunState::Inmigrate => return,
            // Its content must not change while it is sent.
            RunState::FinishMigrate => {
                self.reset = Reset::Pending;
                if self.return_to != RunState::Running {
                    self.return_to = RunState::Prelaunch;
                }
                return;
            }
            RunState::Running | RunState::Prelaunch => {}
            RunState::Debug
            | RunState::InternalError
            | RunState::IoError
            | RunState::Paused
            | RunState::Postmigrate
            | RunState::RestoreVm
            | RunState::SaveVm
            | RunState::Shutdown
            | RunState::Suspended
            | RunState::Watchdog
            | RunState::GuestPanicked
            | RunState::Colo => self.enter(RunState::Prelaunch),
        }
        self.reset_machine();
    }

    pub(super) fn reset_if_pending(&mut self) {
        if self.reset == Reset::Pending {
            self.reset = Reset::None;
            self.reset_machine();
        }
    }

    /// What was asked of a guest that lives elsewhere now.
    pub(super) fn forget_wishes(&mut self) {
        if self.reset == Reset::Pending || self.button == Button::Pressed {
            tracing::warn!("the guest was moved away before it could be reset or shut down");
        }
        self.reset = Reset::None;
        self.button = Button::Untouched;
    }

    fn reset_machine(&self) {
        if let Some(machine) = &self.machine {
            machine.reset();
        }
    }

    /// A guest that has not arrived, or lives elsewhere now, has no button here.
    pub(super) fn press_button(&mut self) {
        if !matches!(self.state, RunState::Inmigrate | RunState::Postmigrate) {
            self.button = Button::Pressed;
        }
    }

    /// Whether the button was pressed, once.
    pub(super) fn take_button(&mut self) -> bool {
        std::mem::replace(&mut self.button, Button::Untouched) == Button::Pressed
    }

    /// Whether this is the first time.
    pub(super) fn end_once(&mut self) -> bool {
        std::mem::replace(&mut self.end, EndSeen::Seen) == EndSeen::NotYet
    }

    /// Has the guest stand still for good, and what it wrote to its disks written.
    pub(super) fn rest(&mut self) {
        let Some(machine) = &self.machine else { return };
        if self.stopped.is_none() {
            self.stopped = Some(machine.memory().stop());
        }
        for disk in machine.disks() {
            if let Err(error) = disk.flush() {
                tracing::error!(disk = disk.id(), %error, "a disk could not be flushed");
            }
        }
    }
}
