//! What whoever drives a migration wants of it.

use std::time::Duration;

use ferry_units::BytesPerSecond;

use crate::throttle::ThrottleSettings;

/// What is wanted of a migration. All of it may change while the migration runs, but for
/// [`post_copy`](Self::post_copy), which the other side has to know from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How much may be sent in pre-copy, and in the blackout unless
    /// [`switchover_bandwidth`](Self::switchover_bandwidth) says more; `None` is without limit.
    pub bandwidth: Option<BytesPerSecond>,
    /// How much may be pushed in post-copy. Pages that a vCPU waits for count, but do not wait.
    pub post_copy_bandwidth: Option<BytesPerSecond>,
    /// What to reckon with, and to use, in the blackout; `None` is to measure it.
    pub switchover_bandwidth: Option<BytesPerSecond>,
    /// How long the guest may stand still.
    pub downtime_limit: Duration,
    /// How to slow the guest down if it writes faster than can be sent; `None` is not at all.
    pub throttle: Option<ThrottleSettings>,
    /// Whether the guest may be let run at the destination before its memory is there.
    pub post_copy: PostCopy,
    /// Whether to wait for somebody's word when the guest stands still.
    pub before_switchover: BeforeSwitchover,
}

/// Whether a migration may become a post-copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostCopy {
    /// It may not.
    Off,
    /// It does when it is told to.
    Allowed,
}

/// What happens when the guest stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeforeSwitchover {
    /// The migration goes on.
    Go,
    /// It waits for [`SourceInput::Continue`](crate::SourceInput::Continue).
    Wait,
}

impl Default for Settings {
    /// No limit but 300 ms of downtime, which is QEMU's.
    fn default() -> Self {
        Self {
            bandwidth: None,
            post_copy_bandwidth: None,
            switchover_bandwidth: None,
            downtime_limit: Duration::from_millis(300),
            throttle: None,
            post_copy: PostCopy::Off,
            before_switchover: BeforeSwitchover::Go,
        }
    }
}
