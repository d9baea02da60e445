//! What a migration can be told to do.

use crate::qapi::{qapi_enum, qapi_struct};

qapi_enum! {
    /// What a migration can be told to do. All are off at first.
    pub enum MigrationCapability: "MigrationCapability" {
        /// Send what has changed in a page instead of the page.
        Xbzrle => "xbzrle",
        /// Pin all memory for RDMA.
        RdmaPinAll => "rdma-pin-all",
        /// Slow the vCPUs down until it converges.
        AutoConverge => "auto-converge",
        /// Skip zero blocks. Does nothing.
        ZeroBlocks => "zero-blocks" [Deprecated],
        /// Send `MIGRATION` and `MIGRATION_PASS`.
        Events => "events",
        /// Allow post-copy.
        PostcopyRam => "postcopy-ram",
        /// Keep the guest running on both sides.
        XColo => "x-colo" [Unstable],
        /// Give memory back as soon as it is sent.
        ReleaseRam => "release-ram",
        /// Let the destination answer.
        ReturnPath => "return-path",
        /// Wait for `migrate-continue` before the switch.
        PauseBeforeSwitchover => "pause-before-switchover",
        /// Use several connections.
        Multifd => "multifd",
        /// Move dirty bitmaps of disks along.
        DirtyBitmaps => "dirty-bitmaps",
        /// Measure how long post-copy keeps vCPUs waiting.
        PostcopyBlocktime => "postcopy-blocktime",
        /// Open disks at the destination only when its guest starts.
        LateBlockActivate => "late-block-activate",
        /// Leave out memory that both sides share.
        XIgnoreShared => "x-ignore-shared" [Unstable],
        /// Refuse a destination that was started for another guest.
        ValidateUuid => "validate-uuid",
        /// Save the state of now while the guest runs on.
        BackgroundSnapshot => "background-snapshot",
        /// Let the kernel send from guest memory without a copy.
        ZeroCopySend => "zero-copy-send",
        /// Give requested pages a connection of their own.
        PostcopyPreempt => "postcopy-preempt",
        /// Let the destination say when it is ready for the switch.
        SwitchoverAck => "switchover-ack",
        /// Slow down only the vCPUs that write much.
        DirtyLimit => "dirty-limit",
        /// Give each page its place in a file.
        MappedRam => "mapped-ram",
    }
}

qapi_struct! {
    /// Whether a capability is on.
    #[derive(Copy, Eq)]
    pub struct MigrationCapabilityStatus: "MigrationCapabilityStatus" {
        /// The capability.
        pub capability: MigrationCapability => "capability",
        /// Whether it is on.
        pub state: bool => "state",
    }
}
