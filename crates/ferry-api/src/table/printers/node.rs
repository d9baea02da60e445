//! Nodes: are they ready, what are they for, what runs on them.

use std::collections::BTreeSet;

use ferry_units::WallTime;
use serde_json::Value;

use super::UNKNOWN;
use crate::table::fields::{self, Fields, NONE};

const ROLE_PREFIX: &str = "node-role.kubernetes.io/";
const ROLE_LABEL: &str = "kubernetes.io/role";

// PARITY: pkg/printers/internalversion/printers.go#printNode
pub(super) fn cells(node: &Fields, now: WallTime) -> Vec<Value> {
    let info = |field| fields::text_or(node, &["status", "nodeInfo", field], UNKNOWN);
    vec![
        status(node).into(),
        roles(node).into(),
        fields::age(node, now),
        fields::text(node, &["status", "nodeInfo", "kubeletVersion"]).into(),
        address(node, "InternalIP").into(),
        address(node, "ExternalIP").into(),
        info("osImage").into(),
        info("kernelVersion").into(),
        info("containerRuntimeVersion").into(),
    ]
}

fn status(node: &Fields) -> String {
    let ready = match fields::condition(node, "Ready") {
        Some(condition) if fields::text(condition, &["status"]) == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    let closed = fields::flag(node, &["spec", "unschedulable"]);
    if closed { format!("{ready},SchedulingDisabled") } else { ready.to_owned() }
}

fn roles(node: &Fields) -> String {
    let labels = fields::at(node, &["metadata", "labels"]).and_then(Value::as_object);
    let roles: BTreeSet<&str> = labels
        .into_iter()
        .flatten()
        .filter_map(|(label, value)| match label.strip_prefix(ROLE_PREFIX) {
            Some(role) => Some(role),
            None if label == ROLE_LABEL => value.as_str(),
            None => None,
        })
        .filter(|role| !role.is_empty())
        .collect();
    if roles.is_empty() {
        return NONE.to_owned();
    }
    roles.into_iter().collect::<Vec<_>>().join(",")
}

fn address<'n>(node: &'n Fields, type_: &str) -> &'n str {
    fields::items(node, &["status", "addresses"])
        .find(|address| fields::text(address, &["type"]) == type_)
        .map_or(NONE, |address| fields::text(address, &["address"]))
}
