//! How far a migration is.

use crate::qapi::qapi_enum;

qapi_enum! {
    /// How far a migration is. Which may follow which is in [`rules`](crate::rules).
    #[derive(Default)]
    pub enum MigrationStatus: "MigrationStatus" {
        /// There has been none.
        #[default]
        None => "none",
        /// It connects.
        Setup => "setup",
        /// It is being cancelled.
        Cancelling => "cancelling",
        /// It was cancelled.
        Cancelled => "cancelled",
        /// Memory is copied while the guest runs at the source.
        Active => "active",
        /// The guest runs at the destination and fetches what it lacks.
        PostcopyActive => "postcopy-active",
        /// The connection was lost in post-copy.
        PostcopyPaused => "postcopy-paused",
        /// It connects again.
        PostcopyRecoverSetup => "postcopy-recover-setup",
        /// The sides agree on what was lost.
        PostcopyRecover => "postcopy-recover",
        /// It is done.
        Completed => "completed",
        /// It has failed.
        Failed => "failed",
        /// The guest runs on both sides.
        Colo => "colo",
        /// The guest stands still, and `migrate-continue` is awaited.
        PreSwitchover => "pre-switchover",
        /// The guest stands still, and its devices are sent.
        Device => "device",
        /// Devices are being unplugged.
        WaitUnplug => "wait-unplug",
    }
}
