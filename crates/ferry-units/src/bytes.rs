//! A size in bytes.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::BytesPerSecond;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

/// A size in bytes, such as guest memory or what remains to be sent.
///
/// Addition saturates: the largest size there is, 16 EiB, is far beyond any guest, and a sum that
/// stays at the top is a better answer than a wrapped one.
///
/// ```
/// use ferry_units::Bytes;
///
/// assert_eq!(Bytes::from_mib(1536).to_string(), "1.5 GiB");
/// assert_eq!(Bytes::from_gib(6) + Bytes::from_mib(1), Bytes::new(6 * (1 << 30) + (1 << 20)));
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Bytes(u64);

impl Bytes {
    /// No bytes at all.
    pub const ZERO: Self = Self(0);

    /// A size of `bytes` bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// A size of `kib` × 1024 bytes, at most the largest size there is.
    pub const fn from_kib(kib: u64) -> Self {
        Self(kib.saturating_mul(KIB))
    }

    /// A size of `mib` × 1024² bytes, at most the largest size there is.
    pub const fn from_mib(mib: u64) -> Self {
        Self(mib.saturating_mul(MIB))
    }

    /// A size of `gib` × 1024³ bytes, at most the largest size there is.
    pub const fn from_gib(gib: u64) -> Self {
        Self(gib.saturating_mul(GIB))
    }

    /// The number of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether there is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// `self - other`, or nothing where `other` is larger.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `self - other`, or `None` where `other` is larger.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(bytes) => Some(Self(bytes)),
            None => None,
        }
    }

    /// How long this many bytes take at `rate`, to the nanosecond and rounded up; `None` at a rate
    /// of zero, where they never arrive.
    pub fn transfer_time(self, rate: BytesPerSecond) -> Option<Duration> {
        let nanos = (u128::from(self.0) * 1_000_000_000).checked_div(u128::from(rate.get()))?;
        let exact = nanos * u128::from(rate.get()) == u128::from(self.0) * 1_000_000_000;
        Some(duration_from_nanos(if exact { nanos } else { nanos + 1 }))
    }

    /// The average rate at which this many bytes moved within `elapsed`, rounded down; `None` for
    /// an empty interval.
    pub fn per(self, elapsed: Duration) -> Option<BytesPerSecond> {
        let rate = (u128::from(self.0) * 1_000_000_000).checked_div(elapsed.as_nanos())?;
        Some(BytesPerSecond::new(u64::try_from(rate).unwrap_or(u64::MAX)))
    }
}

/// `Duration` holds 64 bits of seconds; anything above is cut to its largest value.
fn duration_from_nanos(nanos: u128) -> Duration {
    let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
    let rest = u32::try_from(nanos % 1_000_000_000).expect("a remainder of 10^9 fits 32 bits");
    Duration::new(seconds, rest)
}

impl Add for Bytes {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Bytes {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

/// Prints for people: the largest binary unit that keeps at least one whole, with up to two
/// decimals (`6 GiB`, `1.5 GiB`, `617 B`).
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            TIB.. => (TIB, "TiB"),
            GIB.. => (GIB, "GiB"),
            MIB.. => (MIB, "MiB"),
            KIB.. => (KIB, "KiB"),
            _ => return write!(f, "{} B", self.0),
        };
        let hundredths = u128::from(self.0) * 100 / u128::from(unit);
        let (whole, part) = (hundredths / 100, hundredths % 100);
        match part {
            0 => write!(f, "{whole} {name}"),
            part if part % 10 == 0 => write!(f, "{whole}.{} {name}", part / 10),
            part => write!(f, "{whole}.{part:02} {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_print_in_the_largest_unit_that_keeps_a_whole() {
        for (bytes, printed) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (1_073_741_824, "1 GiB"),
            (1_073_741_823, "1023.99 MiB"),
            (u64::MAX, "16777215.99 TiB"),
        ] {
            assert_eq!(Bytes::new(bytes).to_string(), printed);
        }
    }

    #[test]
    fn a_transfer_takes_its_bytes_over_the_rate_rounded_up() {
        let rate = BytesPerSecond::new(3);
        assert_eq!(Bytes::new(6).transfer_time(rate), Some(Duration::from_secs(2)));
        assert_eq!(Bytes::new(1).transfer_time(rate), Some(Duration::from_nanos(333_333_334)));
        assert_eq!(Bytes::new(1).transfer_time(BytesPerSecond::new(0)), None);
        assert!(Bytes::new(u64::MAX).transfer_time(BytesPerSecond::new(1)).is_some());
    }

    #[test]
    fn an_average_rate_needs_time_to_pass() {
        assert_eq!(Bytes::new(10).per(Duration::ZERO), None);
        assert_eq!(Bytes::new(10).per(Duration::from_secs(4)), Some(BytesPerSecond::new(2)));
    }

    #[test]
    fn sums_stay_at_the_top_instead_of_wrapping() {
        assert_eq!(Bytes::new(u64::MAX) + Bytes::new(1), Bytes::new(u64::MAX));
        assert_eq!(Bytes::new(1).checked_sub(Bytes::new(2)), None);
        assert_eq!(Bytes::new(1).saturating_sub(Bytes::new(2)), Bytes::ZERO);
    }
}
