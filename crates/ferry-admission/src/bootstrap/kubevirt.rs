//! KubeVirt's roles: who works with machines, and who may move them.
//!
//! Seeing migrations is not making them: `kubevirt.io:migrate` belongs to neither `admin` nor
//! `edit`, and is bound to whom it is meant for.

use serde_json::Value;

use crate::bootstrap::build::{ALL, Origin, READ, role, rule};

const GROUP: &str = "kubevirt.io";
const SUBRESOURCES: &str = "subresources.kubevirt.io";
const POLICIES: &str = "migrations.kubevirt.io";

const MACHINES: &[&str] = &["virtualmachines", "virtualmachineinstances"];
const MIGRATIONS: &[&str] = &["virtualmachineinstancemigrations"];

/// What is asked of machines in a word, but for being migrated.
const COMMANDS: &[&str] = &[
    "virtualmachineinstances/pause",
    "virtualmachineinstances/unpause",
    "virtualmachineinstances/evacuate/cancel",
    "virtualmachines/start",
    "virtualmachines/stop",
    "virtualmachines/restart",
    "virtualmachines/evacuate/cancel",
];

/// All but the end of many at once.
const EDIT: &[&str] = &["get", "delete", "create", "update", "patch", "list", "watch"];

pub(super) fn roles() -> Vec<Value> {
    vec![
        // PARITY: pkg/virt-operator/resource/generate/rbac/cluster.go#newDefaultClusterRole
        role(
            Origin::KubeVirtDefault,
            "kubevirt.io:default",
            &[],
            vec![
                rule(&[GROUP], &["kubevirts"], &["get", "list"]),
                rule(&[SUBRESOURCES], &["version", "guestfs"], &["get", "list"]),
            ],
        ),
        // PARITY: pkg/virt-operator/resource/generate/rbac/cluster.go#newAdminClusterRole
        role(Origin::KubeVirt, "kubevirt.io:admin", &["admin"], work(ALL)),
        // PARITY: pkg/virt-operator/resource/generate/rbac/cluster.go#newEditClusterRole
        role(Origin::KubeVirt, "kubevirt.io:edit", &["edit"], edit()),
        // PARITY: pkg/virt-operator/resource/generate/rbac/cluster.go#newViewClusterRole
        role(
            Origin::KubeVirt,
            "kubevirt.io:view",
            &["view"],
            vec![
                rule(&[GROUP], &["kubevirts"], &["get", "list"]),
                rule(&[GROUP], &[MACHINES, MIGRATIONS].concat(), READ),
                rule(&[POLICIES], &["migrationpolicies"], READ),
            ],
        ),
        // PARITY: pkg/virt-operator/resource/generate/rbac/cluster.go#newMigrateClusterRole
        role(
            Origin::KubeVirt,
            "kubevirt.io:migrate",
            &[],
            vec![
                rule(&[SUBRESOURCES], &["virtualmachines/migrate"], &["update"]),
                rule(
                    &[GROUP],
                    MIGRATIONS,
                    &[
                        "get",
                        "delete",
                        "create",
                        "update",
                        "patch",
                        "list",
                        "watch",
                        "deletecollection",
                    ],
                ),
            ],
        ),
    ]
}

fn edit() -> Vec<Value> {
    let mut rules = work(EDIT);
    rules.push(rule(&[GROUP], &["kubevirts"], &["get", "list"]));
    rules
}

fn work(verbs: &[&str]) -> Vec<Value> {
    vec![
        rule(&[SUBRESOURCES], COMMANDS, &["update"]),
        rule(&[GROUP], MACHINES, verbs),
        rule(&[GROUP], MIGRATIONS, READ),
        rule(&[POLICIES], &["migrationpolicies"], READ),
    ]
}
