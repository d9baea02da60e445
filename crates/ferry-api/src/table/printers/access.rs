//! Who may do what: service accounts, and who has which role.

use ferry_units::WallTime;
use serde_json::Value;

use crate::table::fields::{self, Fields};

pub(super) fn service_account(account: &Fields, now: WallTime) -> Vec<Value> {
    vec![fields::count(account, &["secrets"]).into(), fields::age(account, now)]
}

// PARITY: pkg/printers/internalversion/printers.go#printRoleBinding
pub(super) fn binding(binding: &Fields, now: WallTime) -> Vec<Value> {
    let role = |field| fields::text(binding, &["roleRef", field]);
    vec![
        format!("{}/{}", role("kind"), role("name")).into(),
        fields::age(binding, now),
        subjects(binding, "User").into(),
        subjects(binding, "Group").into(),
        subjects(binding, "ServiceAccount").into(),
    ]
}

fn subjects(binding: &Fields, kind: &str) -> String {
    let named: Vec<String> = fields::items(binding, &["subjects"])
        .filter(|subject| fields::text(subject, &["kind"]) == kind)
        .map(|subject| {
            let name = fields::text(subject, &["name"]);
            match fields::text(subject, &["namespace"]) {
                namespace if kind == "ServiceAccount" && !namespace.is_empty() => {
                    format!("{namespace}/{name}")
                }
                _ => name.to_owned(),
            }
        })
        .collect();
    named.join(", ")
}
