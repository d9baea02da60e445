//! What a node may write into an instance: what virt-handler writes there, for as long as the node
//! has to do with it.
//!
//! An instance has no status subresource, so a node that may report on it could write all of it. A
//! node that was broken into would tell lies about machines that have left it, or keep them from being
//! deleted. So it is looked at what the node is to the instance *before* the write, and at each field
//! that changes. Every field of a migration has one writer at a time.

use ferry_registry::{Document, Operation, Review};
use serde_json::Value;

use crate::fields::{at, map, same, text};

const MIGRATION: [&str; 2] = ["status", "migrationState"];

/// What the node writes that the instance leaves.
// PARITY: pkg/virt-handler/migration-source.go#setMigrationProgressStatus
const OF_SOURCE: [&str; 8] = [
    "startTimestamp",
    "mode",
    "completed",
    "failed",
    "failureReason",
    ABORT,
    "endTimestamp",
    "sourceState",
];

/// What has become of an attempt to call it off.
const ABORT: &str = "abortStatus";

/// What the node writes that the instance comes to.
// PARITY: pkg/virt-handler/migration-target.go#updateStatus
const OF_TARGET: [&str; 9] = [
    "targetNodeAddress",
    "targetDirectMigrationNodePorts",
    "targetCPUSet",
    "targetNodeTopology",
    "targetNodeDomainDetected",
    "targetNodeDomainReadyTimestamp",
    "completed",
    "endTimestamp",
    "targetState",
];

/// What the controller and the API server write into the status, and nodes only read.
const OF_OTHERS: [&str; 7] = [
    "activePods",
    "evacuationNodeName",
    "migratedVolumes",
    "qosClass",
    "runtimeUser",
    "topologyHints",
    "virtualMachineRevisionName",
];

/// Where the instance runs, as a label.
const NODE_LABEL: &str = "kubevirt.io/nodeName";

/// Labels and annotations that say something about the node before or about a move that is over. Who
/// has the instance takes them away.
// PARITY: pkg/virt-handler/migration-target.go#ackMigrationCompletion
const LEFT_BEHIND: [&str; 3] = [
    "kubevirt.io/outdatedLauncherImage",
    "kubevirt.io/migrationTargetNodeName",
    "kubevirt.io/eviction-source",
];

/// The part that a node plays in a migration that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Source,
    Target,
}

/// A write of a node to an instance.
struct Report<'a> {
    node: &'a str,
    old: &'a Document,
    new: &'a Document,
    side: Option<Side>,
    /// Whether the instance is the node's when the write is done.
    holds: bool,
}

/// Refuses what is not for `node` to write.
pub(super) fn check(node: &str, review: &Review<'_>) -> Result<(), String> {
    let Operation::Update { old, new } = review.operation else {
        return Err(format!("node {node:?} can only update VMIs"));
    };
    let held = text(old, &["status", "nodeName"]) == Some(node);
    let side = side(node, old, held);
    if !held && side.is_none() {
        return Err(format!(
            "node {node:?} can only update VMIs that run on it or are migrated from or to it"
        ));
    }
    let (before, after) = (text(old, &["status", "nodeName"]), text(new, &["status", "nodeName"]));
    let takes_over = side == Some(Side::Target) && after == Some(node);
    if before != after && !takes_over {
        return Err(format!("node {node:?} can only move VMIs that are migrated to it to itself"));
    }
    let report = Report { node, old, new, side, holds: held || takes_over };
    report.metadata()?;
    report.status()?;
    report.migration()
}

/// What `node` has to do with the migration of an instance, which it `held` or not. Once the end is
/// written, only who has the instance completes the record.
fn side(node: &str, old: &Document, held: bool) -> Option<Side> {
    let state = map(old, &MIGRATION)?;
    let is_set = |field| state.get(field).and_then(Value::as_bool).unwrap_or_default();
    let has_ended = at(state, &["endTimestamp"]).is_some();
    if is_set("completed") || is_set("failed") || has_ended && !held {
        return None;
    }
    if text(state, &["targetNode"]) == Some(node) {
        Some(Side::Target)
    } else if text(state, &["sourceNode"]) == Some(node) {
        Some(Side::Source)
    } else {
        None
    }
}

impl Report<'_> {
    fn metadata(&self) -> Result<(), String> {
        const FINALIZERS: [&str; 2] = ["metadata", "finalizers"];
        if !same(at(self.old, &FINALIZERS), at(self.new, &FINALIZERS)) {
            return Err(self.refused("metadata.finalizers"));
        }
        for part in ["labels", "annotations"] {
            let [old, new] = [self.old, self.new].map(|it| map(it, &["metadata", part]));
            for key in changed(old, new) {
                let value = new.and_then(|it| it.get(key));
                let is_right = match value.and_then(Value::as_str) {
                    None => LEFT_BEHIND.contains(&key),
                    Some(value) => part == "labels" && key == NODE_LABEL && value == self.node,
                };
                if !is_right || !self.holds {
                    return Err(self.refused(&format!("metadata.{part}[{key}]")));
                }
            }
        }
        Ok(())
    }

    fn status(&self) -> Result<(), String> {
        let [old, new] = [self.old, self.new].map(|it| map(it, &["status"]));
        for key in changed(old, new) {
            let is_right = match key {
                // They are looked at by themselves.
                "nodeName" | "migrationState" => true,
                // The wish to leave the node has been granted.
                "evacuationNodeName" => {
                    let is_gone = new.is_none_or(|it| at(it, &[key]).is_none());
                    is_gone && self.holds && self.side == Some(Side::Target)
                }
                key => self.holds && !OF_OTHERS.contains(&key),
            };
            if !is_right {
                return Err(self.refused(&format!("status.{key}")));
            }
        }
        Ok(())
    }

    fn migration(&self) -> Result<(), String> {
        let own: &[&str] = match self.side {
            Some(Side::Source) => &OF_SOURCE,
            Some(Side::Target) => &OF_TARGET,
            None => &[],
        };
        let [old, new] = [self.old, self.new].map(|it| map(it, &MIGRATION));
        let abort_is = |state: Option<&Document>, status: &str| {
            state.is_some_and(|state| text(state, &[ABORT]) == Some(status))
        };
        // Who has the guest knows that it was called off too late, and says so as it takes it.
        let came_too_late = self.side == Some(Side::Target)
            && self.holds
            && abort_is(old, "Aborting")
            && abort_is(new, "Failed");
        let is_own = |key: &str| own.contains(&key) || key == ABORT && came_too_late;
        match changed(old, new).into_iter().find(|key| !is_own(key)) {
            None => Ok(()),
            Some(key) => Err(self.refused(&format!("status.migrationState.{key}"))),
        }
    }

    fn refused(&self, field: &str) -> String {
        format!("node {:?} is not allowed to change {field} of a VMI", self.node)
    }
}

/// The keys under which two maps do not say the same.
fn changed<'a>(old: Option<&'a Document>, new: Option<&'a Document>) -> Vec<&'a str> {
    let keys = |it: Option<&'a Document>| it.into_iter().flat_map(Document::keys);
    let value = |it: Option<&'a Document>, key: &str| it.and_then(|it| it.get(key));
    let mut changed: Vec<&str> = keys(old)
        .chain(keys(new))
        .map(String::as_str)
        .filter(|key| !same(value(old, key), value(new, key)))
        .collect();
    changed.sort_unstable();
    changed.dedup();
    changed
}
