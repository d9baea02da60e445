//! A rate in bytes per second.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Bytes;

/// A rate in bytes per second: a link, a limit, or how fast a guest dirties its memory.
///
/// Zero is a rate like any other (nothing moves). "No limit" is not a rate; it is a variant of the
/// type that holds the limit.
///
/// ```
/// use ferry_units::{Bytes, BytesPerSecond};
/// use std::time::Duration;
///
/// let limit = BytesPerSecond::from_mib(64);
/// assert_eq!(limit.over(Duration::from_millis(500)), Bytes::from_mib(32));
/// assert_eq!(limit.to_string(), "64 MiB/s");
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct BytesPerSecond(u64);

impl BytesPerSecond {
    /// `rate` bytes in each second.
    pub const fn new(rate: u64) -> Self {
        Self(rate)
    }

    /// `mib` × 1024² bytes in each second, at most the largest rate there is.
    pub const fn from_mib(mib: u64) -> Self {
        Self(Bytes::from_mib(mib).get())
    }

    /// Bytes in each second.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// What moves at this rate within `elapsed`, rounded down.
    pub fn over(self, elapsed: Duration) -> Bytes {
        let bytes = u128::from(self.0).saturating_mul(elapsed.as_nanos()) / 1_000_000_000;
        Bytes::new(u64::try_from(bytes).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for BytesPerSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", Bytes::new(self.0))
    }
}
