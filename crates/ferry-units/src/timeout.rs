//! How long a migration may take: seconds per GiB, and what comes of it for one guest.
//!
//! The result is exact. A guest need not be a whole number of GiB (`129 MiB` × 1 s/GiB is
//! 0.1259765625 s), and a limit that is printed, compared and multiplied must not drift, so
//! [`ExactSeconds`] counts in units of 2⁻³⁰ s: one second per GiB for one byte.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::Bytes;

const FRACTION_BITS: u32 = 30;
const ONE_SECOND: i128 = 1 << FRACTION_BITS;
const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// `completionTimeoutPerGiB`: seconds that a migration may take for each GiB that it moves.
///
/// Signed as on the wire, where `0` means "never times out" and a negative number times out at the
/// first look (KubeVirt `api/core/v1/types.go`, `MigrationConfiguration`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct SecondsPerGiB(i64);

/// A span of seconds with a binary fraction, exact to 2⁻³⁰ s and signed.
///
/// ```
/// use ferry_units::{Bytes, ExactSeconds};
/// use std::time::Duration;
///
/// let limit = ExactSeconds::from_seconds(400);
/// assert!(limit.is_exceeded_by(Duration::from_millis(400_001)));
/// assert!(!limit.is_exceeded_by(Duration::from_secs(400)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExactSeconds(i128);

/// When a migration has taken too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CompletionTimeout {
    /// It may take as long as it likes.
    Never,
    /// It must be done within this time; a negative one is over before it starts.
    After(ExactSeconds),
}

impl SecondsPerGiB {
    /// `seconds` for each GiB.
    pub const fn new(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds for each GiB.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The timeout of `size`, taken as GiB of 2³⁰ bytes, exactly.
    pub fn per_gib_of(self, size: Bytes) -> CompletionTimeout {
        CompletionTimeout::of(ExactSeconds(i128::from(self.0) * i128::from(size.get())))
    }

    /// The timeout of `size`, taken as GB of 10⁹ bytes of which a begun one counts whole.
    // PARITY: pkg/virt-launcher/virtwrap/manager.go#getVMIMigrationDataSize
    pub fn per_begun_gb_of(self, size: Bytes) -> CompletionTimeout {
        let begun = size.get().div_ceil(1_000_000_000);
        CompletionTimeout::of(ExactSeconds(
            (i128::from(self.0) * i128::from(begun)).saturating_mul(ONE_SECOND),
        ))
    }
}

impl CompletionTimeout {
    /// No time at all means "never", as for KubeVirt.
    fn of(limit: ExactSeconds) -> Self {
        if limit.0 == 0 { Self::Never } else { Self::After(limit) }
    }

    /// Twice as long, which a paused guest is given to finish.
    #[must_use]
    pub fn doubled(self) -> Self {
        match self {
            Self::Never => Self::Never,
            Self::After(limit) => Self::After(ExactSeconds(limit.0.saturating_mul(2))),
        }
    }
}

impl ExactSeconds {
    /// A whole number of seconds.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(i128::from(seconds) * ONE_SECOND)
    }

    /// Whether `elapsed` is longer than this, to the nanosecond.
    pub fn is_exceeded_by(self, elapsed: Duration) -> bool {
        let Ok(limit) = u128::try_from(self.0) else {
            return true;
        };
        // elapsed > limit, both brought to nanoseconds x 2^30. A duration's nanoseconds fit 94
        // bits, so the left side cannot overflow; a limit that would is longer than any duration.
        match limit.checked_mul(NANOS_PER_SECOND) {
            Some(limit) => (elapsed.as_nanos() << FRACTION_BITS) > limit,
            None => false,
        }
    }

    /// The nearest floating-point number of seconds, for JSON and other reports. Exact while the
    /// limit has at most 53 significant bits, as every sensible one has.
    #[expect(clippy::cast_precision_loss, reason = "documented, and only for reports")]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / ONE_SECOND as f64
    }

    /// The number of seconds, if it is a whole one.
    pub fn whole(self) -> Option<i64> {
        if self.0 % ONE_SECOND == 0 { i64::try_from(self.0 / ONE_SECOND).ok() } else { None }
    }
}

/// Prints all digits and no more: `4800`, `14.6484375`.
impl fmt::Display for ExactSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let one = ONE_SECOND.unsigned_abs();
        if self.0 < 0 {
            write!(f, "-")?;
        }
        write!(f, "{}", magnitude / one)?;
        let mut rest = magnitude % one;
        if rest != 0 {
            write!(f, ".")?;
        }
        while rest != 0 {
            rest *= 10;
            write!(f, "{}", rest / one)?;
            rest %= one;
        }
        Ok(())
    }
}

/// A JSON number: an integer where it is one, otherwise the nearest double.
impl Serialize for ExactSeconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.whole() {
            Some(seconds) => serializer.serialize_i64(seconds),
            None => serializer.serialize_f64(self.as_f64()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(timeout: CompletionTimeout) -> Option<String> {
        match timeout {
            CompletionTimeout::Never => None,
            CompletionTimeout::After(limit) => Some(limit.to_string()),
        }
    }

    #[test]
    fn a_gib_is_two_to_the_thirty_bytes() {
        for (per_gib, size, expected) in [
            (800, Bytes::from_gib(6), Some("4800")),
            (800, Bytes::from_mib(512), Some("400")),
            (150, Bytes::from_mib(100), Some("14.6484375")),
            (1, Bytes::from_mib(129), Some("0.1259765625")),
            (1, Bytes::new(1), Some("0.000000000931322574615478515625")),
            (-150, Bytes::from_gib(2), Some("-300")),
            (0, Bytes::from_gib(6), None),
            (150, Bytes::ZERO, None),
        ] {
            let timeout = SecondsPerGiB::new(per_gib).per_gib_of(size);
            assert_eq!(seconds(timeout).as_deref(), expected, "{per_gib} x {size}");
        }
    }

    #[test]
    fn parity_kubevirt_counts_begun_decimal_gigabytes() {
        for (per_gib, size, expected) in [
            (800, Bytes::from_gib(6), "5600"),
            (150, Bytes::from_mib(512), "150"),
            (150, Bytes::from_gib(1), "300"),
            (150, Bytes::from_gib(8), "1350"),
            (150, Bytes::from_gib(64), "10350"),
            (150, Bytes::new(1_000_000_000), "150"),
            (150, Bytes::new(1_000_000_001), "300"),
        ] {
            let timeout = SecondsPerGiB::new(per_gib).per_begun_gb_of(size);
            assert_eq!(seconds(timeout).as_deref(), Some(expected), "{per_gib} x {size}");
        }
    }

    #[test]
    fn a_limit_that_is_just_reached_is_not_exceeded() {
        let limit = ExactSeconds::from_seconds(400);
        assert!(!limit.is_exceeded_by(Duration::from_secs(400)));
        assert!(limit.is_exceeded_by(Duration::from_nanos(400_000_000_001)));
    }

    #[test]
    fn a_negative_limit_is_over_before_it_starts() {
        assert!(ExactSeconds::from_seconds(-1).is_exceeded_by(Duration::ZERO));
    }

    #[test]
    fn the_most_extreme_timeouts_neither_panic_nor_wrap() {
        for per_gib in [i64::MIN, -1, 1, i64::MAX] {
            for size in [Bytes::new(1), Bytes::new(u64::MAX)] {
                for timeout in [
                    SecondsPerGiB::new(per_gib).per_gib_of(size),
                    SecondsPerGiB::new(per_gib).per_begun_gb_of(size).doubled(),
                ] {
                    let CompletionTimeout::After(limit) = timeout else { panic!("{timeout:?}") };
                    assert_eq!(limit.is_exceeded_by(Duration::ZERO), per_gib < 0);
                    assert!(!limit.to_string().is_empty());
                }
            }
        }
    }

    proptest! {
        #[test]
        fn exceeding_agrees_with_exact_arithmetic(limit in 0_i64..1_000_000, nanos in 0_u64..) {
            let exceeded = u128::from(nanos) > u128::try_from(limit).unwrap() * NANOS_PER_SECOND;
            prop_assert_eq!(
                ExactSeconds::from_seconds(limit).is_exceeded_by(Duration::from_nanos(nanos)),
                exceeded
            );
        }

        #[test]
        fn a_longer_timeout_is_never_exceeded_sooner(
            per_gib in 1_i64..10_000,
            size in 1_u64..(1 << 45),
            nanos in 0_u64..,
        ) {
            let shorter = SecondsPerGiB::new(per_gib).per_gib_of(Bytes::new(size));
            let (CompletionTimeout::After(short), CompletionTimeout::After(long)) =
                (shorter, shorter.doubled()) else { unreachable!() };
            let elapsed = Duration::from_nanos(nanos);
            prop_assert!(short.is_exceeded_by(elapsed) || !long.is_exceeded_by(elapsed));
        }
    }
}
