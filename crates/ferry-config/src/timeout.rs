//! When a migration has taken too long, and when it is stuck.
//!
//! Both semantics ask whether a span is *longer than* its limit. KubeVirt counts whole seconds
//! (`elapsed / time.Second > limit`), so a limit of 400 s fires once 401 s have passed. The
//! documentation says "if it has not completed in this time", which is exact, and so is ferry
//! unless it was told to be KubeVirt.

use std::fmt;
use std::time::Duration;

use ferry_units::{Bytes, CompletionTimeout, ExactSeconds, SecondsPerGiB};

use crate::Semantics;
use serde::{Deserialize, Serialize};

/// What a migration has to move, for its completion timeout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TransferSize {
    /// The guest's memory.
    pub memory: Bytes,
    /// The disks that move with the guest; nothing where they are shared.
    pub disks: Bytes,
}

/// The completion timeout of one migration, which knows how its semantics compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CompletionLimit {
    timeout: CompletionTimeout,
    semantics: Semantics,
}

/// `progressTimeout`: how long a migration may go without progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProgressTimeout {
    /// It may stand still as long as it likes (`0` on the wire).
    Disabled,
    /// This many seconds. A negative number is over at the first look.
    After(i64),
}

impl TransferSize {
    /// Memory and disks together.
    pub fn total(self) -> Bytes {
        self.memory + self.disks
    }
}

impl CompletionLimit {
    /// The limit of `per_gib` for `size`: exactly by GiB of 2³⁰ bytes under
    /// [`Semantics::Documented`], by begun GB of 10⁹ bytes under [`Semantics::KubeVirt`].
    pub fn new(per_gib: SecondsPerGiB, size: TransferSize, semantics: Semantics) -> Self {
        let timeout = match semantics {
            Semantics::Documented => per_gib.per_gib_of(size.total()),
            Semantics::KubeVirt => per_gib.per_begun_gb_of(size.total()),
        };
        Self { timeout, semantics }
    }

    /// When it fires.
    pub const fn timeout(self) -> CompletionTimeout {
        self.timeout
    }

    /// Whether a migration that runs for `elapsed` has taken too long.
    pub fn is_exceeded_by(self, elapsed: Duration) -> bool {
        match self.timeout {
            CompletionTimeout::Never => false,
            CompletionTimeout::After(limit) => {
                limit.is_exceeded_by(counted(elapsed, self.semantics))
            }
        }
    }

    /// The budget of a guest that was paused: twice as long.
    #[must_use]
    pub fn doubled(self) -> Self {
        Self { timeout: self.timeout.doubled(), semantics: self.semantics }
    }
}

impl ProgressTimeout {
    /// The wire's number of seconds.
    pub const fn from_seconds(seconds: i64) -> Self {
        if seconds == 0 { Self::Disabled } else { Self::After(seconds) }
    }

    /// The wire's number of seconds.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Disabled => 0,
            Self::After(seconds) => seconds,
        }
    }

    /// Whether a migration that made no progress for `delay` is stuck.
    pub fn is_exceeded_by(self, delay: Duration, semantics: Semantics) -> bool {
        match self {
            Self::Disabled => false,
            Self::After(seconds) => {
                ExactSeconds::from_seconds(seconds).is_exceeded_by(counted(delay, semantics))
            }
        }
    }
}

/// The part of a span that a semantics looks at.
// PARITY: pkg/virt-launcher/virtwrap/live-migration-source.go#shouldTriggerTimeout
fn counted(span: Duration, semantics: Semantics) -> Duration {
    match semantics {
        Semantics::Documented => span,
        Semantics::KubeVirt => Duration::from_secs(span.as_secs()),
    }
}

impl fmt::Display for CompletionLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.timeout {
            CompletionTimeout::Never => f.write_str("never"),
            CompletionTimeout::After(limit) => write!(f, "{limit} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(per_gib: i64, memory: Bytes, disks: Bytes, semantics: Semantics) -> CompletionLimit {
        CompletionLimit::new(SecondsPerGiB::new(per_gib), TransferSize { memory, disks }, semantics)
    }

    #[test]
    fn parity_a3_the_size_factor_differs_between_the_semantics() {
        let six = Bytes::from_gib(6);
        for (semantics, printed) in
            [(Semantics::Documented, "4800 s"), (Semantics::KubeVirt, "5600 s")]
        {
            assert_eq!(limit(800, six, Bytes::ZERO, semantics).to_string(), printed);
        }
    }

    #[test]
    fn parity_a6_disks_that_move_count_like_memory() {
        let (memory, disks) = (Bytes::from_gib(2), Bytes::from_gib(10));
        for (semantics, printed) in
            [(Semantics::Documented, "1800 s"), (Semantics::KubeVirt, "1950 s")]
        {
            assert_eq!(limit(150, memory, disks, semantics).to_string(), printed);
        }
    }

    #[test]
    fn parity_kubevirt_compares_whole_seconds_and_the_documentation_exact_ones() {
        let memory = Bytes::new(500_000_000);
        let documented = limit(400, Bytes::from_gib(1), Bytes::ZERO, Semantics::Documented);
        let kubevirt = limit(400, memory, Bytes::ZERO, Semantics::KubeVirt);
        for (millis, by_documented, by_kubevirt) in [
            (399_999, false, false),
            (400_000, false, false),
            (400_001, true, false),
            (400_999, true, false),
            (401_000, true, true),
        ] {
            let elapsed = Duration::from_millis(millis);
            assert_eq!(documented.is_exceeded_by(elapsed), by_documented, "{millis}");
            assert_eq!(kubevirt.is_exceeded_by(elapsed), by_kubevirt, "{millis}");
        }
    }

    #[test]
    fn zero_never_fires_and_a_negative_timeout_fires_at_once() {
        for semantics in Semantics::ALL {
            let never = limit(0, Bytes::from_gib(1), Bytes::ZERO, semantics);
            assert!(!never.is_exceeded_by(Duration::MAX));
            assert_eq!(never.to_string(), "never");
            let at_once = limit(-1, Bytes::from_gib(1), Bytes::ZERO, semantics);
            assert!(at_once.is_exceeded_by(Duration::ZERO));
            assert!(!ProgressTimeout::from_seconds(0).is_exceeded_by(Duration::MAX, semantics));
            assert!(ProgressTimeout::from_seconds(-1).is_exceeded_by(Duration::ZERO, semantics));
        }
    }
}
