//! No object, however odd, makes a check panic.

use ferry_admission::Policies;
use ferry_api::{Kind, KindVersion};
use ferry_registry::{Operation, Part, Review, Run, Target};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::common::{World, controller, document, instance, kubevirt, node, now, user};

/// Fields that checks look at.
const FIELDS: &[&str] = &[
    "metadata",
    "spec",
    "status",
    "labels",
    "finalizers",
    "taints",
    "runStrategy",
    "running",
    "template",
    "vmiName",
    "sendTo",
    "receive",
    "migrationID",
    "evictionStrategy",
    "nodeName",
    "migrationState",
    "targetNode",
    "experimental",
    "stallDetector",
    "ewmaAlpha",
    "rules",
    "roleRef",
    "subjects",
    "kind",
    "name",
    "apiGroup",
    "aggregationRule",
    "dataVolumeTemplates",
    "clusterRoleSelectors",
    "bandwidthPerMigration",
    "configuration",
    "migrations",
    "phase",
    "liveMigrationConfig",
    "volumes",
    "kubevirt.io/vmi-name",
    "verbs",
    "nonResourceURLs",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(&["", "vm", "Role", "ClusterRole", "n1", "-1Mi", "Failed", "é"][..])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            object(inner).prop_map(Value::Object),
        ]
    })
}

fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec((select(FIELDS), inner), 0..6).prop_map(|fields| {
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    })
}

proptest! {
    #[test]
    fn no_object_makes_a_check_panic(
        kind in select(&Kind::ALL[..]),
        part in select(&[Part::Main, Part::Status, Part::Binding, Part::Finalize][..]),
        who in 0..3_usize,
        old in object(value()),
        new in object(value()),
        is_new in any::<bool>(),
    ) {
        let world = World::of([
            instance("vm", &json!({ "phase": "Running" })), kubevirt(&json!({})),
        ]);
        let asks = [user("alice"), node("n1"), controller()];
        let target = Target {
            served: KindVersion::storage(kind),
            namespace: "ns".to_owned(),
            name: "x".to_owned(),
            part,
        };
        let review = |operation| Review {
            user: &asks[who], target: &target, operation, run: Run::Real, now: now(),
        };
        let policies = Policies::default();
        let mut completed = new.clone();
        let before = |new| {
            if is_new { Operation::Create { new } } else { Operation::Update { old: &old, new } }
        };
        policies.complete(&review(before(&new)), &mut completed, &world);
        let _ = policies.check(&review(before(&completed)), &world);
        let _ = policies.check(&review(Operation::Delete { old: &old }), &world);
        // What was completed is complete.
        let mut again = completed.clone();
        policies.complete(&review(before(&completed)), &mut again, &world);
        prop_assert_eq!(again, document(&Value::Object(completed)));
    }
}
