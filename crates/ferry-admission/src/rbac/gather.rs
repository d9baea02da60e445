//! The rules of roles that gather others, written into them.
//!
//! Who may do what is decided without them: the roles that are gathered count as they are. But people
//! read `rules` to know what a role is good for. What is written follows from the roles that gather
//! nothing, so that it is the same in whatever order they change, and no two roles that gather
//! each other go on changing for ever.

use ferry_api::{KindVersion, View};
use ferry_registry::{Part, Patch, Request, Target, User, Write, WriteOptions};
use serde_json::{Map, Value, json};

use crate::identity::MASTERS;
use crate::rbac::Rule;
use crate::rbac::compile::gathering;

const CONTROLLER: &str = "system:serviceaccount:kube-system:clusterrole-aggregation-controller";

/// The writes after which each role that gathers others shows what it comes to; none for those that
/// do.
// PARITY: pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go#syncClusterRole
pub fn gathered(view: &impl View) -> Vec<Request> {
    gathering(view)
        .into_iter()
        .filter(|role| role.shown != role.gathered)
        .map(|role| request(role.name, &role.gathered))
        .collect()
}

fn request(name: String, rules: &[Rule]) -> Request {
    let rules: Vec<Value> = rules.iter().map(rule).collect();
    Request {
        // The rules are those of roles that somebody was allowed to write.
        user: User {
            name: CONTROLLER.to_owned(),
            groups: vec![MASTERS.to_owned()],
            ..User::default()
        }
        .into(),
        target: Target {
            served: KindVersion::of_document("rbac.authorization.k8s.io/v1", "ClusterRole")
                .expect("roles are served"),
            namespace: String::new(),
            name,
            part: Part::Main,
        },
        write: Write::Patch(Patch::Merge(json!({ "rules": rules }))),
        options: WriteOptions {
            manager: "clusterrole-aggregation-controller".to_owned(),
            ..WriteOptions::default()
        },
    }
}

fn rule(rule: &Rule) -> Value {
    let Rule { verbs, groups, resources, names, paths } = rule;
    let mut object = Map::from_iter([("verbs".to_owned(), json!(verbs))]);
    for (key, list) in [
        ("apiGroups", groups),
        ("resources", resources),
        ("resourceNames", names),
        ("nonResourceURLs", paths),
    ] {
        if !list.is_empty() {
            object.insert(key.to_owned(), json!(list));
        }
    }
    Value::Object(object)
}
