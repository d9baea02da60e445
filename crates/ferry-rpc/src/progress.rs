//! Where a migration is, as its source node sees it.

use std::fmt;
use std::time::Duration;

use ferry_units::{Bytes, BytesPerSecond, Percent};
use serde::{Deserialize, Serialize};

use crate::field::Message;
use crate::{FieldError, millis, wire};

/// How a guest moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// It runs at the source.
    PreCopy,
    /// It stands still at the source until its memory has crossed.
    Paused,
    /// It runs at the target and fetches its memory.
    PostCopy,
}

/// How a migration has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ending {
    /// The guest lives at the target.
    Completed,
    /// It does not.
    Failed {
        /// In a sentence.
        why: String,
    },
}

/// Where a migration is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// QEMU's word for it, such as `active` or `postcopy-active`.
    pub status: String,
    /// How the guest moves, once it does.
    pub mode: Option<Mode>,
    /// Memory and disks that there are.
    pub total: Bytes,
    /// What has to cross still.
    pub remaining: Bytes,
    /// What has crossed.
    pub transferred: Bytes,
    /// How fast it crosses.
    pub rate: BytesPerSecond,
    /// How fast the guest writes.
    pub dirty_rate: BytesPerSecond,
    /// Passes over the guest's memory, the present one included.
    pub passes: u64,
    /// How long it has taken.
    #[serde(rename = "elapsedMs", with = "millis")]
    pub elapsed: Duration,
    /// How long the guest would stand still if it were handed over now; after the hand-over, how
    /// long it stood still.
    #[serde(rename = "downtimeMs", with = "millis")]
    pub downtime: Duration,
    /// By how much vCPUs are slowed down.
    pub throttle: Percent,
    /// What the monitor thinks of it, in a sentence.
    pub monitor: String,
    /// How it has ended, if it has: this is the last that is said then.
    pub end: Option<Ending>,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::PreCopy => "PreCopy",
            Self::Paused => "Paused",
            Self::PostCopy => "PostCopy",
        })
    }
}

impl From<Progress> for wire::MigrationProgress {
    fn from(it: Progress) -> Self {
        let mode = match it.mode {
            None => wire::Mode::Unspecified,
            Some(Mode::PreCopy) => wire::Mode::PreCopy,
            Some(Mode::Paused) => wire::Mode::Paused,
            Some(Mode::PostCopy) => wire::Mode::PostCopy,
        };
        Self {
            status: it.status,
            mode: mode.into(),
            total_bytes: it.total.get(),
            remaining_bytes: it.remaining.get(),
            transferred_bytes: it.transferred.get(),
            bytes_per_second: it.rate.get(),
            dirty_bytes_per_second: it.dirty_rate.get(),
            passes: it.passes,
            elapsed_ms: millis::of(it.elapsed),
            downtime_ms: millis::of(it.downtime),
            throttle_percent: it.throttle.get().into(),
            monitor: it.monitor,
            ended: it.end.is_some(),
            failure: match it.end {
                Some(Ending::Failed { why }) => why,
                Some(Ending::Completed) | None => String::new(),
            },
        }
    }
}

impl TryFrom<wire::MigrationProgress> for Progress {
    type Error = FieldError;

    fn try_from(it: wire::MigrationProgress) -> Result<Self, FieldError> {
        let message = Message("MigrationProgress");
        let mode = match wire::Mode::try_from(it.mode) {
            Ok(wire::Mode::Unspecified) => None,
            Ok(wire::Mode::PreCopy) => Some(Mode::PreCopy),
            Ok(wire::Mode::Paused) => Some(Mode::Paused),
            Ok(wire::Mode::PostCopy) => Some(Mode::PostCopy),
            Err(_) => return Err(message.wrong("mode", format!("{} is no mode", it.mode))),
        };
        let throttle = Percent::new(it.throttle_percent.into());
        Ok(Self {
            status: it.status,
            mode,
            total: Bytes::new(it.total_bytes),
            remaining: Bytes::new(it.remaining_bytes),
            transferred: Bytes::new(it.transferred_bytes),
            rate: BytesPerSecond::new(it.bytes_per_second),
            dirty_rate: BytesPerSecond::new(it.dirty_bytes_per_second),
            passes: it.passes,
            elapsed: Duration::from_millis(it.elapsed_ms),
            downtime: Duration::from_millis(it.downtime_ms),
            throttle: throttle
                .map_err(|error| message.wrong("throttle_percent", error.to_string()))?,
            monitor: it.monitor,
            end: match (it.ended, it.failure) {
                (false, _) => None,
                (true, why) if why.is_empty() => Some(Ending::Completed),
                (true, why) => Some(Ending::Failed { why }),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_crosses_the_wire_unchanged() {
        let ends =
            [None, Some(Ending::Completed), Some(Ending::Failed { why: "it is late".to_owned() })];
        let modes = [None, Some(Mode::PreCopy), Some(Mode::Paused), Some(Mode::PostCopy)];
        for (mode, end) in modes.into_iter().flat_map(|mode| ends.clone().map(|end| (mode, end))) {
            let progress = Progress {
                status: "active".to_owned(),
                mode,
                total: Bytes::from_mib(64),
                remaining: Bytes::from_mib(1),
                transferred: Bytes::from_mib(70),
                rate: BytesPerSecond::from_mib(3),
                dirty_rate: BytesPerSecond::from_mib(2),
                passes: 4,
                elapsed: Duration::from_millis(1234),
                downtime: Duration::from_millis(21),
                throttle: Percent::new(20).unwrap(),
                monitor: "running".to_owned(),
                end,
            };
            let wire = wire::MigrationProgress::from(progress.clone());
            assert_eq!(Progress::try_from(wire.clone()), Ok(progress.clone()));
            let json = serde_json::to_string(&progress).unwrap();
            assert_eq!(serde_json::from_str::<Progress>(&json).unwrap(), progress, "{json}");
        }
    }

    #[test]
    fn what_does_not_parse_is_named() {
        let wrong = wire::MigrationProgress { mode: 9, ..Default::default() };
        assert_eq!(Progress::try_from(wrong).unwrap_err().field, "mode");
        let wrong = wire::MigrationProgress { throttle_percent: 101, ..Default::default() };
        assert_eq!(Progress::try_from(wrong).unwrap_err().field, "throttle_percent");
    }
}
