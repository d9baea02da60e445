//! Services: where they can be reached.

use std::collections::BTreeSet;

use ferry_units::WallTime;
use serde_json::Value;

use crate::table::fields::{self, Fields, NONE};

// PARITY: pkg/printers/internalversion/printers.go#printService
pub(super) fn cells(service: &Fields, now: WallTime) -> Vec<Value> {
    let address = fields::texts(service, &["spec", "clusterIPs"]).next();
    let address = address.unwrap_or_else(|| fields::text_or(service, &["spec", "clusterIP"], NONE));
    let ports: Vec<String> = fields::items(service, &["spec", "ports"]).map(port).collect();
    vec![
        fields::text(service, &["spec", "type"]).into(),
        address.into(),
        outside(service).into(),
        or_none(&ports).into(),
        fields::age(service, now),
        selector(service).into(),
    ]
}

/// The addresses from outside the cluster.
fn outside(service: &Fields) -> String {
    let own: Vec<String> =
        fields::texts(service, &["spec", "externalIPs"]).map(str::to_owned).collect();
    match fields::text(service, &["spec", "type"]) {
        "ClusterIP" | "NodePort" => or_none(&own),
        "LoadBalancer" => {
            let balanced: BTreeSet<String> =
                fields::items(service, &["status", "loadBalancer", "ingress"])
                    .map(|way| fields::text_or(way, &["ip"], fields::text(way, &["hostname"])))
                    .filter(|address| !address.is_empty())
                    .map(str::to_owned)
                    .collect();
            let all: Vec<String> = balanced.into_iter().chain(own).collect();
            if all.is_empty() { "<pending>".to_owned() } else { all.join(",") }
        }
        "ExternalName" => fields::text(service, &["spec", "externalName"]).to_owned(),
        _ => "<unknown>".to_owned(),
    }
}

fn port(port: &Fields) -> String {
    let number = fields::number(port, &["port"]);
    let protocol = fields::text(port, &["protocol"]);
    match fields::number(port, &["nodePort"]) {
        0 => format!("{number}/{protocol}"),
        node_port => format!("{number}:{node_port}/{protocol}"),
    }
}

fn selector(service: &Fields) -> String {
    let labels = fields::at(service, &["spec", "selector"]).and_then(Value::as_object);
    let pairs: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    or_none(&pairs)
}

fn or_none(texts: &[String]) -> String {
    if texts.is_empty() { NONE.to_owned() } else { texts.join(",") }
}
