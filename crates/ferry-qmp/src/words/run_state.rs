//! Whether a guest runs, and why it does not.

use crate::qapi::{qapi_enum, qapi_struct};

qapi_enum! {
    /// Whether a guest runs, and if not, why.
    pub enum RunState: "RunState" {
        /// A debugger has stopped it.
        Debug => "debug",
        /// It waits for an incoming migration.
        Inmigrate => "inmigrate",
        /// Something in the machine has gone wrong.
        InternalError => "internal-error",
        /// A disk has failed, and it was to be stopped then.
        IoError => "io-error",
        /// It was stopped.
        Paused => "paused",
        /// It was moved away.
        Postmigrate => "postmigrate",
        /// It has not been started yet.
        Prelaunch => "prelaunch",
        /// It stands still for the end of its migration.
        FinishMigrate => "finish-migrate",
        /// A snapshot is being restored.
        RestoreVm => "restore-vm",
        /// It runs.
        Running => "running",
        /// A snapshot is being taken.
        SaveVm => "save-vm",
        /// It is shut down.
        Shutdown => "shutdown",
        /// It sleeps.
        Suspended => "suspended",
        /// Its watchdog has stopped it.
        Watchdog => "watchdog",
        /// It has panicked.
        GuestPanicked => "guest-panicked",
        /// It is one half of a pair.
        Colo => "colo",
    }
}

qapi_struct! {
    /// Whether a guest runs.
    #[derive(Copy, Eq)]
    pub struct StatusInfo: "StatusInfo" {
        /// Whether its vCPUs do.
        pub running: bool => "running",
        /// Why or why not.
        pub status: RunState => "status",
    }
}

impl From<RunState> for StatusInfo {
    // PARITY: system/runstate.c#runstate_is_running
    fn from(status: RunState) -> Self {
        Self { running: status == RunState::Running, status }
    }
}

qapi_enum! {
    /// Why a guest is shut down or reset.
    pub enum ShutdownCause: "ShutdownCause" {
        /// It is not.
        None => "none",
        /// Something on the host has failed.
        HostError => "host-error",
        /// `quit`.
        HostQmpQuit => "host-qmp-quit",
        /// `system_reset`.
        HostQmpSystemReset => "host-qmp-system-reset",
        /// A signal, such as `SIGTERM`.
        HostSignal => "host-signal",
        /// A window that was closed.
        HostUi => "host-ui",
        /// The guest has shut itself down.
        GuestShutdown => "guest-shutdown",
        /// The guest has reset itself.
        GuestReset => "guest-reset",
        /// The guest has panicked.
        GuestPanic => "guest-panic",
        /// A part of the machine was reset.
        SubsystemReset => "subsystem-reset",
        /// A snapshot was loaded.
        SnapshotLoad => "snapshot-load",
    }
}

qapi_enum! {
    /// What happens when a guest panics.
    pub enum GuestPanicAction: "GuestPanicAction" {
        /// It is stopped.
        Pause => "pause",
        /// It is shut down.
        Poweroff => "poweroff",
        /// Nothing.
        Run => "run",
    }
}
