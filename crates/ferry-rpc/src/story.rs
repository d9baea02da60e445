//! The whole story of a migration, as its source node keeps it.

use std::time::Duration;

use ferry_units::{Bytes, BytesPerSecond, WallTime};
use serde::{Deserialize, Serialize};

use crate::field::Message;
use crate::{FieldError, GuestName, Progress, millis, wire};

/// The story of a migration. Its JSON is what a node keeps on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Story {
    /// The uid of the migration.
    pub migration_uid: String,
    /// The guest.
    pub guest: GuestName,
    /// The node that it left, or stayed on.
    pub source_node: String,
    /// The node that it went to, or should have gone to.
    pub target_node: String,
    /// The last that was seen of it.
    pub last: Progress,
    /// Each pass, the first first.
    pub passes: Vec<Pass>,
    /// What happened, and when, the first first.
    pub milestones: Vec<Milestone>,
    /// From the guest's last instruction at the source to its first at the target, where that is
    /// known.
    pub blackout_ns: Option<u64>,
    /// When it began.
    pub started: WallTime,
    /// When it ended, if it has.
    pub ended: Option<WallTime>,
}

/// A pass over the guest's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pass {
    /// Which one, from 1.
    pub number: u64,
    /// What crossed.
    pub bytes: Bytes,
    /// How long it took.
    #[serde(rename = "durationMs", with = "millis")]
    pub duration: Duration,
    /// How fast it crossed.
    pub rate: BytesPerSecond,
    /// How fast the guest wrote meanwhile.
    pub dirty_rate: BytesPerSecond,
    /// What remained at its end.
    pub remaining: Bytes,
}

/// Something that happened in a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Milestone {
    /// When.
    pub at: WallTime,
    /// What, in a sentence.
    pub what: String,
}

impl From<Story> for wire::MigrationReport {
    fn from(story: Story) -> Self {
        Self {
            migration_uid: story.migration_uid,
            guest: Some(story.guest.into()),
            source_node: story.source_node,
            target_node: story.target_node,
            last: Some(story.last.into()),
            passes: story.passes.into_iter().map(Into::into).collect(),
            milestones: story.milestones.into_iter().map(Into::into).collect(),
            blackout_ns: story.blackout_ns.unwrap_or(0),
            started_at_ms: millis::since_1970(story.started),
            ended_at_ms: story.ended.map_or(0, millis::since_1970),
        }
    }
}

impl TryFrom<wire::MigrationReport> for Story {
    type Error = FieldError;

    fn try_from(it: wire::MigrationReport) -> Result<Self, FieldError> {
        let message = Message("MigrationReport");
        Ok(Self {
            migration_uid: message.text("migration_uid", it.migration_uid)?,
            guest: message.there("guest", it.guest)?.try_into()?,
            source_node: it.source_node,
            target_node: it.target_node,
            last: message.there("last", it.last)?.try_into()?,
            passes: it.passes.into_iter().map(Into::into).collect(),
            milestones: it.milestones.into_iter().map(Into::into).collect(),
            blackout_ns: Some(it.blackout_ns).filter(|ns| *ns != 0),
            started: millis::wall(it.started_at_ms),
            ended: Some(it.ended_at_ms).filter(|ms| *ms != 0).map(millis::wall),
        })
    }
}

impl From<Pass> for wire::Pass {
    fn from(pass: Pass) -> Self {
        Self {
            number: pass.number,
            bytes: pass.bytes.get(),
            duration_ms: millis::of(pass.duration),
            bytes_per_second: pass.rate.get(),
            dirty_bytes_per_second: pass.dirty_rate.get(),
            remaining_bytes: pass.remaining.get(),
        }
    }
}

impl From<wire::Pass> for Pass {
    fn from(it: wire::Pass) -> Self {
        Self {
            number: it.number,
            bytes: Bytes::new(it.bytes),
            duration: Duration::from_millis(it.duration_ms),
            rate: BytesPerSecond::new(it.bytes_per_second),
            dirty_rate: BytesPerSecond::new(it.dirty_bytes_per_second),
            remaining: Bytes::new(it.remaining_bytes),
        }
    }
}

impl From<Milestone> for wire::Milestone {
    fn from(it: Milestone) -> Self {
        Self { at_ms: millis::since_1970(it.at), what: it.what }
    }
}

impl From<wire::Milestone> for Milestone {
    fn from(it: wire::Milestone) -> Self {
        Self { at: millis::wall(it.at_ms), what: it.what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_survives_the_wire_and_the_disk() {
        let at: WallTime = "2026-11-23T08:15:00.250Z".parse().unwrap();
        let whole = Story {
            migration_uid: "7".to_owned(),
            guest: GuestName::new("shop", "db"),
            source_node: "node-1".to_owned(),
            target_node: "node-2".to_owned(),
            last: Progress::default(),
            passes: vec![Pass {
                number: 1,
                bytes: Bytes::from_mib(64),
                duration: Duration::from_millis(300),
                rate: BytesPerSecond::from_mib(200),
                dirty_rate: BytesPerSecond::from_mib(3),
                remaining: Bytes::from_mib(1),
            }],
            milestones: vec![Milestone { at, what: "it began".to_owned() }],
            blackout_ns: Some(12_345_678),
            started: at,
            ended: Some(at.after(Duration::from_secs(1))),
        };
        let begun = Story { blackout_ns: None, ended: None, ..whole.clone() };
        for story in [whole, begun] {
            let wire = wire::MigrationReport::from(story.clone());
            assert_eq!(Story::try_from(wire), Ok(story.clone()));
            let json = serde_json::to_string(&story).unwrap();
            let back: Story = serde_json::from_str(&json).unwrap();
            assert_eq!(back.passes, story.passes, "{json}");
        }
    }
}
