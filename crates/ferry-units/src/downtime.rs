//! How long a guest may stand still.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How long a guest may stand still while it changes hosts, in whole milliseconds.
///
/// Between 1 and 2,000,000 ms, the range that KubeVirt's schema gives `maxDowntimeMs` and QEMU
/// its `downtime-limit`.
///
/// ```
/// use ferry_units::Downtime;
///
/// assert_eq!(Downtime::from_millis(300).unwrap().to_string(), "300 ms");
/// assert!(Downtime::from_millis(0).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Downtime(u32);

/// A downtime that neither KubeVirt nor QEMU would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a downtime of {millis} ms is outside 1 to {} ms", Downtime::MAX.0)]
pub struct DowntimeError {
    /// What was asked for, in milliseconds.
    pub millis: u64,
}

impl TryFrom<u64> for Downtime {
    type Error = DowntimeError;

    fn try_from(millis: u64) -> Result<Self, DowntimeError> {
        Self::from_millis(millis)
    }
}

impl From<Downtime> for u64 {
    fn from(downtime: Downtime) -> Self {
        downtime.0.into()
    }
}

impl Downtime {
    /// QEMU's largest `downtime-limit`, 2000 s (`migration/options.c`, `MAX_MIGRATE_DOWNTIME`).
    pub const MAX: Self = Self(2_000_000);

    /// A downtime of `millis` milliseconds.
    pub fn from_millis(millis: u64) -> Result<Self, DowntimeError> {
        match u32::try_from(millis) {
            Ok(value @ 1..=2_000_000) => Ok(Self(value)),
            _ => Err(DowntimeError { millis }),
        }
    }

    /// Milliseconds.
    pub const fn millis(self) -> u32 {
        self.0
    }

    /// The same, as a duration.
    pub const fn as_duration(self) -> Duration {
        Duration::from_millis(self.0 as u64)
    }
}

impl fmt::Display for Downtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_downtime_lies_between_one_millisecond_and_two_thousand_seconds() {
        for (millis, fits) in
            [(0, false), (1, true), (2_000_000, true), (2_000_001, false), (u64::MAX, false)]
        {
            assert_eq!(Downtime::from_millis(millis).is_ok(), fits, "{millis}");
        }
    }
}
