//! The arguments of commands that migrate.

use super::{MigrationCapabilityStatus, MigrationChannel, MigrationStatus};
use crate::qapi::qapi_struct;

qapi_struct! {
    /// Sends the guest to another machine. Returns as soon as it has begun.
    #[derive(Default, Eq)]
    pub struct Migrate: "q_obj_migrate-arg" {
        /// Where to, as one text; or else `channels`.
        pub uri: Option<String> => "uri",
        /// Where to; or else `uri`.
        pub channels: Option<Vec<MigrationChannel>> => "channels",
        /// Means nothing in QMP.
        pub detach: Option<bool> => "detach",
        /// Go on with a migration that is paused in post-copy.
        pub resume: Option<bool> => "resume",
    }
}

qapi_struct! {
    /// Lets a machine that was started with `-incoming defer` listen.
    #[derive(Default, Eq)]
    pub struct MigrateIncoming: "q_obj_migrate-incoming-arg" {
        /// Where to listen, as one text; or else `channels`.
        pub uri: Option<String> => "uri",
        /// Where to listen; or else `uri`.
        pub channels: Option<Vec<MigrationChannel>> => "channels",
        /// Whether the machine exits when the migration fails; it does if it is not said.
        pub exit_on_error: Option<bool> => "exit-on-error",
    }
}

qapi_struct! {
    /// Lets a migration go on that waits in a state.
    #[derive(Copy, Eq)]
    pub struct MigrateContinue: "q_obj_migrate-continue-arg" {
        /// The state it must be in.
        pub state: MigrationStatus => "state",
    }
}

qapi_struct! {
    /// Lets a destination that has lost its source in post-copy listen again.
    #[derive(Eq)]
    pub struct MigrateRecover: "q_obj_migrate-recover-arg" {
        /// Where to listen.
        pub uri: String => "uri",
    }
}

qapi_struct! {
    /// Switches capabilities on and off, all of these or none.
    #[derive(Eq)]
    pub struct MigrateSetCapabilities: "q_obj_migrate-set-capabilities-arg" {
        /// Which, and to what.
        pub capabilities: Vec<MigrationCapabilityStatus> => "capabilities",
    }
}
