//! Whether ferry follows the documentation or the code of the real system, where they disagree.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Which of the two is right where the documentation of live migration and KubeVirt's code differ.
///
/// They differ in how a tie between policies is broken, in the size that a completion timeout is
/// multiplied by, in whether spans are compared with limits exactly or by whole seconds, in what
/// counts as progress, and in whether a VirtualMachine may carry the group of MigrationPolicy. `docs/parity.md` lists every case.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Semantics {
    /// What the documentation says.
    #[default]
    Documented,
    /// What KubeVirt 1.6 to 1.8 does.
    KubeVirt,
}

/// A text that names neither semantics.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown semantics \"{given}\": use documented or kubevirt")]
pub struct SemanticsError {
    /// The text.
    pub given: String,
}

impl Semantics {
    /// Both, the default first.
    pub const ALL: [Self; 2] = [Self::Documented, Self::KubeVirt];

    /// The name that flags and files use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::KubeVirt => "kubevirt",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Documented => Self::KubeVirt,
            Self::KubeVirt => Self::Documented,
        }
    }
}

impl fmt::Display for Semantics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Semantics {
    type Err = SemanticsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|semantics| semantics.name() == text)
            .ok_or_else(|| SemanticsError { given: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_others_are_refused() {
        for semantics in Semantics::ALL {
            assert_eq!(semantics.name().parse(), Ok(semantics));
            assert_eq!(semantics.other().other(), semantics);
        }
        let error = "Documented".parse::<Semantics>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown semantics \"Documented\": use documented or kubevirt"
        );
    }
}
