//! The checks and the actions within the registry itself.

use ferry_admission::{Action, ActionAnswer, Policies, Subject, act, bootstrap};
use ferry_api::KindVersion;
use ferry_registry::{
    Context, Decision, Draft, FieldValidation, ObjectKey, OnConflict, Part, Patch, Refusal,
    Request, Revision, State, Target, User, Write, WriteOptions, decide,
};
use serde_json::{Value, json};

use crate::common::{controller, document, instance, machine, member, migration, now, user};

/// A state that writes are decided on and applied to.
pub(crate) struct Cluster {
    state: State,
    uids: u32,
}

pub(crate) fn root() -> User {
    member("root", &["system:masters", "system:authenticated"])
}

pub(crate) fn target(object: &Value, part: Part) -> Target {
    let text = |pointer: &str| {
        object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    Target {
        served: KindVersion::of_document(&text("/apiVersion"), &text("/kind")).unwrap(),
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name"),
        part,
    }
}

impl Cluster {
    pub(crate) fn new() -> Self {
        let mut cluster = Self { state: State::restore(Vec::new(), Revision(1)), uids: 0 };
        cluster
            .create(
                root(),
                &json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "ns" } }),
            )
            .unwrap();
        cluster
    }

    pub(crate) fn write(&mut self, request: &Request) -> Result<Decision, Refusal> {
        self.uids += 1;
        let context = Context {
            now: now(),
            uid: format!("uid-{}", self.uids),
            suffixes: vec![format!("{:05}", self.uids)],
        };
        let decision = decide(&self.state, request, &context, &Policies::default())?;
        if let Some(change) = &decision.change {
            self.state.apply(change.clone(), now());
        }
        Ok(decision)
    }

    pub(crate) fn create(&mut self, user: User, object: &Value) -> Result<Decision, Refusal> {
        let mut target = target(object, Part::Main);
        let draft = Draft::read(&target, document(object).into(), FieldValidation::Strict)?;
        target.name.clear();
        self.write(&request(user, target, Write::Create(draft)))
    }

    fn patch(&mut self, user: User, object: &Value, patch: &Value) -> Result<Decision, Refusal> {
        let write = Write::Patch(Patch::Merge(patch.clone()));
        self.write(&request(user, target(object, Part::Main), write))
    }

    pub(crate) fn apply(
        &mut self,
        user: User,
        part: Part,
        object: &Value,
        conflicts: OnConflict,
    ) -> Result<Decision, Refusal> {
        let write = Write::Patch(Patch::Apply { config: document(object), conflicts });
        let options = WriteOptions { manager: "kubelet".to_owned(), ..WriteOptions::default() };
        self.write(&Request { options, ..request(user, target(object, part), write) })
    }

    fn act(&mut self, user: &User, action: &Action) -> Result<ActionAnswer, Refusal> {
        let outcome = act(action, user, &self.state, now());
        for write in &outcome.writes {
            self.write(write).map_err(|refusal| action.map_refusal(refusal))?;
        }
        outcome.answer
    }

    pub(crate) fn see(&self, object: &Value) -> Value {
        let target = target(object, Part::Main);
        let key = ObjectKey::new(target.served.kind(), target.namespace, target.name);
        Value::Object(self.state.object(&key).expect("it is there").document())
    }
}

pub(crate) fn request(user: User, target: Target, write: Write) -> Request {
    Request { user: user.into(), target, write, options: WriteOptions::default() }
}

fn subject(name: &str) -> Subject {
    Subject { namespace: "ns".to_owned(), name: name.to_owned() }
}

#[test]
fn what_a_cluster_begins_with_can_be_written() {
    let mut cluster = Cluster::new();
    for object in bootstrap::objects() {
        cluster.create(root(), &object).unwrap_or_else(|refusal| panic!("{object}: {refusal}"));
    }
}

#[test]
fn of_two_migrations_of_one_instance_the_second_is_refused() {
    let mut cluster = Cluster::new();
    let guest = instance("vm", &json!({ "phase": "Running", "nodeName": "n1" }));
    cluster.create(root(), &machine("vm", &json!({ "running": true }))).unwrap();
    cluster.create(controller(), &guest).unwrap();
    let options = || serde_json::from_value(json!({ "addedNodeSelector": { "a": "b" } })).unwrap();
    let migrate = Action::MigrateVm(subject("vm"), options());
    assert_eq!(cluster.act(&user("alice"), &migrate), Ok(ActionAnswer::Accepted));
    let made = json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceMigration",
        "metadata": { "name": "kubevirt-migrate-vm-00004", "namespace": "ns" },
    });
    let seen = cluster.see(&made);
    assert_eq!(seen["metadata"]["labels"], json!({ "kubevirt.io/vmi-name": "vm" }));
    assert_eq!(seen["metadata"]["finalizers"], json!(["kubevirt.io/migrationJobFinalize"]));

    let refusal = cluster.act(&user("alice"), &migrate).unwrap_err();
    assert_eq!(refusal.code(), 500);
    assert_eq!(
        refusal.to_string(),
        "Internal error occurred: admission webhook \"migration-create-validator.kubevirt.io\" \
         denied the request: in-flight migration detected. Active migration job (uid-4) is \
         currently already in progress for VMI vm."
    );
    let refusal = cluster.create(user("bob"), &migration("m", "vm")).unwrap_err();
    assert_eq!(refusal.code(), 400);
    let change = json!({ "spec": { "vmiName": "other" } });
    let refusal = cluster.patch(user("bob"), &made, &change).unwrap_err();
    assert_eq!(refusal.code(), 422);
    assert_eq!(refusal.status()["details"]["causes"][0]["reason"], "FieldValueNotSupported");
}

#[test]
fn an_eviction_marks_its_instance_and_only_the_right_ones_take_that_back() {
    let mut cluster = Cluster::new();
    let guest = instance(
        "vm",
        &json!({
            "phase": "Running", "nodeName": "n1",
            "conditions": [{ "type": "LiveMigratable", "status": "True" }],
        }),
    );
    let strategy = json!({ "spec": { "evictionStrategy": "LiveMigrate" } });
    cluster.create(controller(), &crate::common::changed(&guest, &strategy)).unwrap();
    let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "n1" } });
    cluster.create(root(), &node).unwrap();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "p", "namespace": "ns", "labels": { "kubevirt.io": "virt-launcher" },
            "annotations": { "kubevirt.io/domain": "vm" },
        },
        "spec": { "nodeName": "n1", "containers": [{ "name": "compute", "image": "i" }] },
    });
    cluster.create(root(), &pod).unwrap();

    let evict = Action::Evict(subject("p"), serde_json::from_value(json!({})).unwrap());
    let refusal = cluster.act(&root(), &evict).unwrap_err();
    assert_eq!(refusal.code(), 429);
    assert_eq!(cluster.see(&guest)["status"]["evacuationNodeName"], "n1");
    assert!(
        cluster.act(&root(), &evict).unwrap_err().to_string().contains("Evacuation in progress")
    );

    // What a user writes into the status is undone: nothing changes at all.
    let before = cluster.state.revision();
    let forged = json!({ "status": { "evacuationNodeName": null, "phase": "Failed" } });
    let decision = cluster.patch(user("alice"), &guest, &forged).unwrap();
    assert_eq!((decision.change, cluster.state.revision()), (None, before));
    cluster.patch(controller(), &guest, &json!({ "status": { "nodeName": "n1" } })).unwrap();

    let options = serde_json::from_value(json!({ "evacuationNodeName": "n1" })).unwrap();
    let cancel = Action::CancelEvacuation(subject("vm"), options);
    assert_eq!(cluster.act(&user("alice"), &cancel), Ok(ActionAnswer::Done));
    assert_eq!(cluster.see(&guest)["status"].get("evacuationNodeName"), None);
}

#[test]
fn what_is_asked_of_a_machine_is_written_where_its_controller_looks() {
    let mut cluster = Cluster::new();
    let manual = machine("vm", &json!({ "runStrategy": "Manual" }));
    cluster.create(root(), &manual).unwrap();
    let start = Action::StartVm(subject("vm"), serde_json::from_value(json!({})).unwrap());
    assert_eq!(cluster.act(&user("alice"), &start), Ok(ActionAnswer::Accepted));
    assert_eq!(
        cluster.see(&manual)["status"]["stateChangeRequests"],
        json!([{ "action": "Start" }])
    );
    let halted = machine("halted", &json!({ "running": false }));
    let made = cluster.create(root(), &halted).unwrap();
    let deprecated = "spec.running is deprecated, please use spec.runStrategy instead.";
    assert_eq!(made.warnings, [deprecated]);
    let start = Action::StartVm(subject("halted"), serde_json::from_value(json!({})).unwrap());
    assert_eq!(cluster.act(&user("alice"), &start), Ok(ActionAnswer::Accepted));
    assert_eq!(cluster.see(&halted)["spec"]["running"], true);

    let guest = instance("vm", &json!({ "phase": "Running", "nodeName": "n1" }));
    cluster.create(controller(), &guest).unwrap();
    let pause = Action::PauseVmi(subject("vm"), serde_json::from_value(json!({})).unwrap());
    assert_eq!(cluster.act(&user("alice"), &pause), Ok(ActionAnswer::Done));
    assert_eq!(cluster.see(&guest)["status"]["powerRequest"]["state"], "Paused");
    let stop =
        Action::StopVm(subject("vm"), serde_json::from_value(json!({ "gracePeriod": 3 })).unwrap());
    assert_eq!(cluster.act(&user("alice"), &stop), Ok(ActionAnswer::Accepted));
    assert_eq!(cluster.see(&guest)["spec"]["terminationGracePeriodSeconds"], 3);
}

#[test]
fn whoever_wants_volumes_moved_is_told_that_they_are_not() {
    let mut cluster = Cluster::new();
    for (strategy, warnings) in [("Replacement", 0), ("Migration", 1)] {
        let wish = json!({ "runStrategy": "Manual", "updateVolumesStrategy": strategy });
        let made = cluster.create(root(), &machine(&strategy.to_lowercase(), &wish)).unwrap();
        assert_eq!(made.warnings.len(), warnings, "{:?}", made.warnings);
        assert!(made.warnings.iter().all(|it| it.contains("updateVolumesStrategy: Migration")));
    }
}

#[test]
fn an_event_without_a_time_can_be_changed_through_the_group_that_demands_one() {
    let mut cluster = Cluster::new();
    let event = |api_version: &str, about: &str| {
        json!({
            "apiVersion": api_version, "kind": "Event",
            "metadata": { "name": "e", "namespace": "ns" },
            about: { "kind": "Pod", "name": "p", "namespace": "ns" },
        })
    };
    let (core, new) = (event("v1", "involvedObject"), event("events.k8s.io/v1", "regarding"));
    assert!(cluster.create(root(), &new).is_err());
    cluster.create(root(), &core).unwrap();
    let labels = json!({ "metadata": { "labels": { "a": "b" } } });
    cluster.patch(root(), &new, &labels).unwrap();
    let kept = cluster.see(&core);
    assert_eq!(kept["metadata"]["labels"], labels["metadata"]["labels"]);
    assert_eq!(kept.get("eventTime"), None);
    // What it says stays, there.
    let refusal = cluster.patch(root(), &new, &json!({ "note": "other" })).unwrap_err();
    assert!(refusal.to_string().contains("message: Invalid value"), "{refusal}");
    cluster.patch(root(), &core, &json!({ "message": "other" })).unwrap();
}
