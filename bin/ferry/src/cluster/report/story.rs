//! What a report says. Its JSON is a contract: `docs/cli.md` lists the fields.

use std::collections::BTreeMap;

use ferry_rpc::Story;
use ferry_units::WallTime;
use serde::Serialize;
use serde_json::Value;

/// The story of a migration.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) namespace: String,
    pub(super) migration: String,
    pub(super) uid: String,
    pub(super) vm: String,
    pub(super) phase: String,
    pub(super) created: Option<WallTime>,
    pub(super) source_node: Option<String>,
    pub(super) target_node: Option<String>,
    /// How memory crosses, or crossed at last: PreCopy, Paused, PostCopy.
    pub(super) mode: Option<String>,
    /// Why it has failed, if it has.
    pub(super) reason: Option<String>,
    /// Somebody asked to cancel it.
    pub(super) abort_requested: bool,
    /// What came of that.
    pub(super) abort_status: Option<String>,
    /// What it waits for, as long as it does.
    pub(super) waiting: Option<String>,
    /// The labels that the target node had to have.
    pub(super) added_node_selector: BTreeMap<String, String>,
    /// The MigrationPolicy that applied.
    pub(super) policy: Option<String>,
    pub(super) settings: BTreeMap<String, Setting>,
    pub(super) phases: Vec<PhaseEntered>,
    pub(super) events: Vec<Told>,
    /// What the source node knows: passes, milestones, figures.
    pub(super) transfer: Option<Story>,
    /// What is not known, and why.
    pub(super) missing: Vec<String>,
}

/// A setting that the migration ran with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Setting {
    pub(super) value: Value,
    /// Where it came from: default, cluster, policy/NAME.
    pub(super) origin: Option<String>,
}

/// When a phase was entered.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PhaseEntered {
    pub(super) phase: String,
    pub(super) at: WallTime,
}

/// An Event of the migration.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    pub(super) at: Option<WallTime>,
    #[serde(rename = "type")]
    pub(super) type_: String,
    pub(super) reason: String,
    pub(super) message: String,
}
