//! A cluster for tests: a registry whose writes are watched, a clock that a test moves, and a control
//! plane that looks and acts until there is nothing to do.

use std::collections::BTreeMap;

use ferry_api::kubevirt::VirtualMachineInstanceMigration;
use ferry_api::{Kind, KindVersion, Modelled, PROVISIONER, STORAGE_PROVISIONER, Selector, View};
use ferry_reconcile::work::{everything, look};
use ferry_reconcile::{Action, Grace, Now, ObjectRef, Part, Plan, Work};
use ferry_registry::{
    Admission, Context, DeleteOptions, Document, Draft, Effect, FieldValidation, Operation, Patch,
    Refusal, Request, Review, Revision, State, Target, User, Write, WriteOptions, decide,
};
use ferry_units::WallTime;
use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};

use crate::causes::Caused;
use crate::objects::text;

/// When tests begin: 2026-11-26T00:00:00Z.
pub(crate) const START: i64 = 1_795_651_200;

/// What admission does for these kinds, as far as reconcilers rely on it.
struct Mutator;

impl Admission for Mutator {
    fn mutate(&self, review: &Review<'_>, object: &mut Document, _: &State) -> Result<(), Refusal> {
        let Operation::Create { .. } = review.operation else { return Ok(()) };
        let mut value = Value::Object(std::mem::take(object));
        match review.target.served.kind() {
            Kind::VirtualMachineInstanceMigration => {
                let instance = value["spec"]["vmiName"].clone();
                value["metadata"]["labels"]["kubevirt.io/vmi-name"] = instance;
                value["metadata"]["finalizers"] = json!(["kubevirt.io/migrationJobFinalize"]);
            }
            Kind::PersistentVolumeClaim if value.pointer("/spec/storageClassName").is_none() => {
                let ours = json!({ STORAGE_PROVISIONER: PROVISIONER });
                value["metadata"]["annotations"] = ours;
            }
            Kind::VirtualMachineInstance if value.pointer("/status/phase").is_none() => {
                value["status"]["phase"] = json!("Pending");
            }
            _ => {}
        }
        if let Value::Object(completed) = value {
            *object = completed;
        }
        Ok(())
    }

    fn validate(&self, review: &Review<'_>, state: &State) -> Result<Vec<String>, Refusal> {
        let Operation::Create { new } = review.operation else { return Ok(Vec::new()) };
        if review.target.served.kind() == Kind::VirtualMachineInstanceMigration {
            let name = new["spec"]["vmiName"].as_str().unwrap_or_default();
            let others: Vec<VirtualMachineInstanceMigration> =
                View::list(state, Some(&review.target.namespace), &Selector::default());
            let is_open = |it: &VirtualMachineInstanceMigration| {
                it.spec.vmi_name == name
                    && !it.status.as_ref().is_some_and(|status| status.phase.is_final())
            };
            if others.iter().any(is_open) {
                return Err(Refusal::BadRequest { message: "in-flight migration".to_owned() });
            }
        }
        Ok(Vec::new())
    }
}

/// Who writes.
pub(crate) const CONTROLLER: &str = "controller";

/// What watches each write: the object before, the object after, and who did it.
pub(crate) type Watcher = fn(&Cluster, &str, Option<&Value>, &Value);

/// A registry and what was said about it.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) state: State,
    pub(crate) seconds: i64,
    pub(crate) events: Vec<String>,
    pub(crate) metrics: Vec<String>,
    pub(crate) caused: Caused,
    uids: u64,
    watcher: Option<Watcher>,
}

impl Cluster {
    /// Three nodes and a namespace `ns`.
    pub(crate) fn new() -> Self {
        let mut cluster = Self {
            state: State::restore([], Revision(1)),
            seconds: START,
            events: Vec::new(),
            metrics: Vec::new(),
            caused: Caused::default(),
            uids: 0,
            watcher: None,
        };
        for name in ["ns", "openshift-cnv", "kube-node-lease"] {
            cluster.create(&json!({
                "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name },
            }));
        }
        for name in ["node-1", "node-2", "node-3"] {
            cluster.create(&crate::objects::node(name));
        }
        cluster
    }

    pub(crate) fn watched(self, watcher: Watcher) -> Self {
        Self { watcher: Some(watcher), ..self }
    }

    pub(crate) fn time(&self) -> WallTime {
        WallTime::from_unix_seconds(self.seconds).unwrap()
    }

    pub(crate) fn now(&self) -> Now {
        Now::at(self.time())
    }

    /// Moves the clock. Nodes that are alive renew their leases in that time.
    pub(crate) fn pass(&mut self, seconds: i64) {
        self.seconds += seconds;
        let nodes: Vec<Node> = self.all();
        for node in nodes {
            let is_silent = node.metadata.annotations.is_some_and(|it| it.contains_key("silent"));
            let name = node.metadata.name.unwrap();
            if !is_silent {
                let heartbeat = self.time().to_string();
                let conditions = json!([{
                    "type": "Ready", "status": "True", "lastHeartbeatTime": heartbeat,
                }]);
                let patch = json!({ "status": { "conditions": conditions } });
                self.patch(&name, "Node", Part::Status, &name, &patch);
            }
        }
    }

    pub(crate) fn write(&mut self, by: &str, target: Target, write: Write) -> Result<(), Refusal> {
        self.uids += 1;
        let context = Context {
            now: self.time(),
            uid: format!("uid-{:04}", self.uids),
            suffixes: vec![format!("{:05}", self.uids)],
        };
        let before = self.state.object(&target.key()).map(|it| Value::Object(it.document()));
        let request = Request {
            user: User { name: by.to_owned(), ..User::default() }.into(),
            target,
            write,
            options: WriteOptions::default(),
        };
        let decision = decide(&self.state, &request, &context, &Mutator)?;
        let Some(change) = decision.change else { return Ok(()) };
        let after = match &change.effect {
            Effect::Put(object) => Value::Object(object.document()),
            Effect::Deleted(_) => Value::Null,
        };
        self.state.apply(change, self.time());
        self.caused.by(&self.state, before.as_ref(), &after);
        if let Some(watcher) = self.watcher {
            watcher(self, by, before.as_ref(), &after);
        }
        Ok(())
    }

    pub(crate) fn try_create(&mut self, by: &str, object: &Value) -> Result<(), Refusal> {
        let mut target = target_of(object, ferry_registry::Part::Main);
        let document = object.as_object().unwrap().clone();
        let draft = Draft::read(&target, document.into(), FieldValidation::Strict)?;
        target.name.clear();
        self.write(by, target, Write::Create(draft))
    }

    pub(crate) fn create(&mut self, object: &Value) {
        self.try_create("user", object).unwrap_or_else(|refusal| panic!("{object}: {refusal}"));
    }

    /// Makes an object though admission would refuse it: as another one, which is then changed.
    pub(crate) fn force(&mut self, object: &Value) {
        let mut other = object.clone();
        other["spec"]["vmiName"] = json!("nobody");
        self.create(&other);
        let (name, kind) = (text(object, "/metadata/name"), text(object, "/kind"));
        self.patch("user", kind, Part::Main, name, object);
    }

    /// A merge patch; nothing happens where the object is not there.
    pub(crate) fn patch(&mut self, by: &str, kind: &str, part: Part, name: &str, patch: &Value) {
        let target = target(kind, name, part);
        match self.write(by, target, Write::Patch(Patch::Merge(patch.clone()))) {
            Ok(()) | Err(Refusal::NotFound { .. }) => {}
            Err(refusal) => panic!("{kind} {name}: {refusal}"),
        }
    }

    pub(crate) fn delete(&mut self, kind: &str, name: &str) {
        self.delete_with(kind, name, None);
    }

    pub(crate) fn delete_with(&mut self, kind: &str, name: &str, grace: Option<i64>) {
        let options = DeleteOptions { grace_period_seconds: grace, ..DeleteOptions::default() };
        match self.write("user", target(kind, name, Part::Main), Write::Delete(options)) {
            Ok(()) | Err(Refusal::NotFound { .. }) => {}
            Err(refusal) => panic!("{kind} {name}: {refusal}"),
        }
    }

    /// The object of that name, or null.
    pub(crate) fn get(&self, kind: &str, name: &str) -> Value {
        let target = target(kind, name, Part::Main);
        self.state.object(&target.key()).map_or(Value::Null, |it| Value::Object(it.document()))
    }

    pub(crate) fn all<T: Modelled>(&self) -> Vec<T> {
        View::list(&self.state, None, &Selector::default())
    }

    pub(crate) fn phase(&self, kind: &str, name: &str) -> String {
        text(&self.get(kind, name), "/status/phase").to_owned()
    }

    /// Carries out at most `steps` of a plan, and tells whether all of it was done.
    pub(crate) fn carry_out(&mut self, plan: &Plan, steps: usize) -> bool {
        for action in plan.actions.iter().take(steps) {
            if let Err(refusal) = self.act(action) {
                assert!(
                    matches!(
                        refusal,
                        Refusal::Conflict { .. }
                            | Refusal::Precondition { .. }
                            | Refusal::NotFound { .. }
                            | Refusal::BadRequest { .. }
                    ),
                    "{action:?}: {refusal}"
                );
                return false;
            }
        }
        plan.actions.len() <= steps
    }

    fn act(&mut self, action: &Action) -> Result<(), Refusal> {
        match action {
            Action::Create(create) => match self.try_create(CONTROLLER, &create.body) {
                Err(Refusal::AlreadyExists { .. }) => Ok(()),
                other => other,
            },
            Action::Patch(patch) => {
                let write = Write::Patch(Patch::Merge(patch.merge.clone()));
                self.write(CONTROLLER, target_for(&patch.object, patch.part), write)
            }
            Action::Bind(bind) => {
                let mut target = target_for(&bind.pod, Part::Main);
                target.part = ferry_registry::Part::Binding;
                let binding = json!({
                    "apiVersion": "v1", "kind": "Binding",
                    "metadata": { "name": bind.pod.name, "namespace": bind.pod.namespace },
                    "target": { "kind": "Node", "name": bind.node },
                });
                let document = binding.as_object().unwrap().clone();
                let draft = Draft::read(&target, document.into(), FieldValidation::Strict)?;
                self.write(CONTROLLER, target, Write::Create(draft))
            }
            Action::Delete(delete) => {
                let options = DeleteOptions {
                    uid: Some(delete.object.uid.clone()),
                    grace_period_seconds: match delete.grace {
                        Grace::OfItsOwn => None,
                        Grace::None => Some(0),
                    },
                    ..DeleteOptions::default()
                };
                let target = target_for(&delete.object, Part::Main);
                match self.write(CONTROLLER, target, Write::Delete(options)) {
                    Err(Refusal::NotFound { .. }) => Ok(()),
                    other => other,
                }
            }
            Action::Event(event) => {
                self.events.push(format!(
                    "{}/{} {} {} {}",
                    event.about.kind.definition().kind,
                    event.about.name,
                    event.type_.name(),
                    event.reason,
                    event.message
                ));
                Ok(())
            }
            Action::Metric(metric) => {
                self.metrics.push(format!("{metric:?}"));
                Ok(())
            }
        }
    }

    /// What each reconciler wants done at this moment.
    pub(crate) fn plans(&self) -> BTreeMap<Work, Plan> {
        let plan = |work: Work| (work.clone(), plan(&self.state, &self.now(), &work));
        self.everybody().into_iter().map(plan).collect()
    }

    /// All reconcilers, in the order in which they act.
    pub(crate) fn everybody(&self) -> Vec<Work> {
        everything(&self.state).into_iter().collect()
    }

    /// The events since the last call.
    pub(crate) fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events)
    }
}

/// What a reconciler makes of what there is to see.
pub(crate) fn plan(view: &State, now: &Now, work: &Work) -> Plan {
    joined(look(view, work, now))
}

fn joined(plans: Vec<Plan>) -> Plan {
    Plan {
        revisit: plans.iter().filter_map(|plan| plan.revisit).min(),
        actions: plans.into_iter().flat_map(|plan| plan.actions).collect(),
    }
}

fn target_of(object: &Value, part: ferry_registry::Part) -> Target {
    Target {
        served: KindVersion::of_document(text(object, "/apiVersion"), text(object, "/kind"))
            .unwrap(),
        namespace: text(object, "/metadata/namespace").to_owned(),
        name: text(object, "/metadata/name").to_owned(),
        part,
    }
}

fn target(kind: &str, name: &str, part: Part) -> Target {
    let kind = Kind::ALL.into_iter().find(|it| it.definition().kind == kind).unwrap();
    let namespace = match kind {
        Kind::Node | Kind::Namespace | Kind::MigrationPolicy => "",
        Kind::KubeVirt | Kind::HyperConverged | Kind::NetworkAttachmentDefinition => {
            "openshift-cnv"
        }
        Kind::Lease => "kube-node-lease",
        _ => "ns",
    };
    target_for(
        &ObjectRef {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: String::new(),
        },
        part,
    )
}

fn target_for(object: &ObjectRef, part: Part) -> Target {
    Target {
        served: KindVersion::storage(object.kind),
        namespace: object.namespace.clone(),
        name: object.name.clone(),
        part: match part {
            Part::Main => ferry_registry::Part::Main,
            Part::Status => ferry_registry::Part::Status,
        },
    }
}
