//! A share of a whole, in percent.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A share of a whole, 0 to 100 %.
///
/// ```
/// use ferry_units::Percent;
///
/// assert_eq!(Percent::new(20).unwrap().of(4096), 819);
/// assert!(Percent::new(101).is_err());
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "u64", into = "u64")]
pub struct Percent(u8);

/// More than the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{given} % is outside 0 to 100 %")]
pub struct PercentError {
    /// What was asked for.
    pub given: u64,
}

impl TryFrom<u64> for Percent {
    type Error = PercentError;

    fn try_from(percent: u64) -> Result<Self, PercentError> {
        Self::new(percent)
    }
}

impl From<Percent> for u64 {
    fn from(percent: Percent) -> Self {
        percent.0.into()
    }
}

impl Percent {
    /// `percent` hundredths of the whole.
    pub fn new(percent: u64) -> Result<Self, PercentError> {
        match u8::try_from(percent) {
            Ok(value @ 0..=100) => Ok(Self(value)),
            _ => Err(PercentError { given: percent }),
        }
    }

    /// Hundredths of the whole.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// This share of `whole`, rounded down.
    pub fn of(self, whole: u64) -> u64 {
        let share = u128::from(whole) * u128::from(self.0) / 100;
        u64::try_from(share).expect("a share is at most the whole")
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_never_exceeds_the_whole() {
        for (percent, whole, share) in
            [(0, 7, 0), (100, u64::MAX, u64::MAX), (50, 7, 3), (99, 100, 99)]
        {
            assert_eq!(Percent::new(percent).unwrap().of(whole), share);
        }
    }
}
