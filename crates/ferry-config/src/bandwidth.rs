//! The bandwidth that one migration may use.

use std::fmt;

use ferry_units::BytesPerSecond;
use serde::{Deserialize, Serialize};

const MIB: u64 = 1 << 20;

/// The bandwidth that one migration may use, all its connections together.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Bandwidth {
    /// As much as the link gives.
    #[default]
    Unlimited,
    /// Never more than this on average. Never zero.
    AtMost(BytesPerSecond),
    /// Less than nothing: a migration with it fails before any memory moves.
    // PARITY: pkg/virt-launcher/virtwrap/converter/vcpu/vcpu.go#QuantityToByte
    BelowZero,
}

impl Bandwidth {
    /// What the hypervisor is given for a limit of `bytes` per second: 0 is unlimited, and any
    /// other limit is a whole number of MiB/s, at least one, rounded half up.
    ///
    /// ```
    /// use ferry_config::Bandwidth;
    /// use ferry_units::BytesPerSecond;
    ///
    /// assert_eq!(Bandwidth::from_bytes_per_second(0), Bandwidth::Unlimited);
    /// let limit = Bandwidth::from_bytes_per_second(217 << 10);
    /// assert_eq!(limit, Bandwidth::AtMost(BytesPerSecond::from_mib(1)));
    /// ```
    // PARITY: pkg/virt-launcher/virtwrap/converter/vcpu/vcpu.go#QuantityToMebiByte
    pub fn from_bytes_per_second(bytes: u64) -> Self {
        match bytes {
            0 => Self::Unlimited,
            1..MIB => Self::AtMost(BytesPerSecond::from_mib(1)),
            _ => {
                let half_up = u64::from(bytes % MIB >= MIB / 2);
                Self::AtMost(BytesPerSecond::from_mib(bytes / MIB + half_up))
            }
        }
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str("unlimited"),
            Self::AtMost(rate) => rate.fmt(f),
            Self::BelowZero => f.write_str("below zero"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_a_limit_is_whole_mib_per_second_rounded_half_up() {
        for (bytes, mib) in [
            (1, 1),
            (217 << 10, 1),
            ((1 << 20) - 1, 1),
            (1 << 20, 1),
            (1536 << 10, 2),
            ((1536 << 10) - 1, 1),
            (2500 << 10, 2),
            (64_000_000, 61),
            (2 << 30, 2048),
        ] {
            assert_eq!(
                Bandwidth::from_bytes_per_second(bytes),
                Bandwidth::AtMost(BytesPerSecond::from_mib(mib)),
                "{bytes}"
            );
        }
    }

    #[test]
    fn the_largest_limit_does_not_overflow() {
        let Bandwidth::AtMost(rate) = Bandwidth::from_bytes_per_second(u64::MAX) else { panic!() };
        assert_eq!(rate, BytesPerSecond::new(u64::MAX));
    }
}
