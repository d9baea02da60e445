//! What has happened in a migration, in numbers.

use std::time::Duration;

use ferry_units::{Bytes, BytesPerSecond, PageCount};

/// How many passes are remembered: the first ones. A migration that has not converged by then does
/// not become clearer by more.
pub const MAX_PASSES: usize = 1000;

/// What has happened in a migration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The pass that is going on, from 1; 0 before the first.
    pub pass: u64,
    /// The passes that are over, the first [`MAX_PASSES`] of them.
    pub passes: Vec<PassRecord>,
    /// Pages that were sent, each time that they were.
    pub pages: PageCount,
    /// Pages of zeros that were named instead.
    pub zero_pages: PageCount,
    /// What was sent while the guest ran at the source, frames included.
    pub pre_copy: Bytes,
    /// What was sent while it stood still.
    pub downtime: Bytes,
    /// What was sent while it ran at the destination.
    pub post_copy: Bytes,
    /// Pages that vCPUs of the destination waited for.
    pub requests: u64,
    /// How many pages the guest dirties in a second, lately.
    pub dirty_pages_rate: PageCount,
    /// How much crosses in a second, lately.
    pub bandwidth: Option<BytesPerSecond>,
    /// How long the guest would have stood still, had it been stopped when that was last reckoned.
    pub expected_downtime: Option<Duration>,
}

/// A pass over what was dirty when it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassRecord {
    /// Which one, from 1.
    pub number: u64,
    /// Pages that were sent.
    pub pages: PageCount,
    /// Pages of zeros.
    pub zero_pages: PageCount,
    /// What was sent, frames included.
    pub bytes: Bytes,
    /// How long it took.
    pub took: Duration,
    /// What was dirty at its end.
    pub remaining: Bytes,
}

impl PassRecord {
    /// How fast was sent.
    pub fn bandwidth(&self) -> BytesPerSecond {
        self.bytes.per(self.took).unwrap_or_default()
    }

    /// How fast the guest dirtied its memory meanwhile, each page counted once.
    pub fn dirty_rate(&self) -> BytesPerSecond {
        self.remaining.per(self.took).unwrap_or_default()
    }
}

impl Stats {
    /// Everything that was sent.
    pub fn transferred(&self) -> Bytes {
        self.pre_copy + self.downtime + self.post_copy
    }
}
