//! A small cluster to look at, and shorthands for what is asked of it.

use std::collections::BTreeMap;

use ferry_admission::Policies;
use ferry_api::{Kind, KindVersion, Modelled, Selector, View};
use ferry_registry::{Document, Operation, Part, Refusal, Review, Run, Target, User};
use ferry_units::WallTime;
use serde_json::{Value, json};

pub(crate) const NOW: &str = "2026-11-23T08:15:00Z";

/// Objects by kind, namespace and name.
#[derive(Clone, Debug, Default)]
pub(crate) struct World(BTreeMap<(Kind, String, String), Value>);

impl World {
    pub(crate) fn of(objects: impl IntoIterator<Item = Value>) -> Self {
        let mut world = Self::default();
        for object in objects {
            let text = |pointer: &str| {
                object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            let served = KindVersion::of_document(&text("/apiVersion"), &text("/kind"))
                .unwrap_or_else(|| panic!("{object} is of no kind"));
            let key = (served.kind(), text("/metadata/namespace"), text("/metadata/name"));
            world.0.insert(key, object);
        }
        world
    }

    /// The object of that kind and name, wherever it is.
    pub(crate) fn object(&self, kind: &str, name: &str) -> Value {
        let mut found = self.0.values().filter(|it| it["kind"] == kind);
        found.find(|it| it["metadata"]["name"] == name).expect("it is there").clone()
    }

    pub(crate) fn with(mut self, objects: impl IntoIterator<Item = Value>) -> Self {
        self.0.extend(Self::of(objects).0);
        self
    }
}

fn typed<T: Modelled>(object: &Value) -> T {
    serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{object}: {error}"))
}

impl View for World {
    fn get<T: Modelled>(&self, namespace: &str, name: &str) -> Option<T> {
        self.0.get(&(<T as Modelled>::KIND, namespace.to_owned(), name.to_owned())).map(typed)
    }

    fn list<T: Modelled>(&self, namespace: Option<&str>, labels: &Selector) -> Vec<T> {
        self.0
            .iter()
            .filter(|((kind, within, _), _)| {
                *kind == <T as Modelled>::KIND
                    && namespace.is_none_or(|namespace| namespace == within)
            })
            .filter(|(_, object)| {
                let own = object.pointer("/metadata/labels").cloned().unwrap_or(json!({}));
                labels.matches(&serde_json::from_value(own).unwrap())
            })
            .map(|(_, object)| typed(object))
            .collect()
    }
}

pub(crate) fn now() -> WallTime {
    NOW.parse().unwrap()
}

pub(crate) fn user(name: &str) -> User {
    member(name, &["system:authenticated"])
}

pub(crate) fn member(name: &str, groups: &[&str]) -> User {
    User {
        name: name.to_owned(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        ..User::default()
    }
}

pub(crate) fn node(name: &str) -> User {
    member(&format!("system:node:{name}"), &["system:nodes", "system:authenticated"])
}

pub(crate) fn controller() -> User {
    user(ferry_admission::identity::CONTROLLER)
}

pub(crate) fn document(value: &Value) -> Document {
    value.as_object().expect("an object").clone()
}

/// A write to the part of an object, as admission sees it.
pub(crate) struct Attempt<'a> {
    pub(crate) user: User,
    pub(crate) part: Part,
    pub(crate) world: &'a World,
}

impl<'a> Attempt<'a> {
    pub(crate) fn by(user: User, world: &'a World) -> Self {
        Self { user, part: Part::Main, world }
    }

    pub(crate) fn at(self, part: Part) -> Self {
        Self { part, ..self }
    }

    pub(crate) fn create(&self, object: &Value) -> Result<Value, Refusal> {
        self.go(object, None, Some(object))
    }

    pub(crate) fn update(&self, old: &Value, new: &Value) -> Result<Value, Refusal> {
        self.go(new, Some(old), Some(new))
    }

    pub(crate) fn delete(&self, object: &Value) -> Result<Value, Refusal> {
        self.go(object, Some(object), None)
    }

    fn go(
        &self,
        subject: &Value,
        old: Option<&Value>,
        new: Option<&Value>,
    ) -> Result<Value, Refusal> {
        let text = |pointer: &str| {
            subject.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let target = Target {
            served: KindVersion::of_document(&text("/apiVersion"), &text("/kind")).unwrap(),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
            part: self.part,
        };
        let policies = Policies::default();
        let old = old.map(document);
        let mut object = document(subject);
        let written = object.clone();
        if new.is_some() {
            let operation = operation(old.as_ref(), Some(&written));
            let review = self.review(&target, operation);
            policies.complete(&review, &mut object, self.world);
        }
        let operation = operation(old.as_ref(), new.map(|_| &object));
        policies.check(&self.review(&target, operation), self.world)?;
        Ok(Value::Object(object))
    }

    fn review<'b>(&'b self, target: &'b Target, operation: Operation<'b>) -> Review<'b> {
        Review { user: &self.user, target, operation, run: Run::Real, now: now() }
    }
}

fn operation<'a>(old: Option<&'a Document>, new: Option<&'a Document>) -> Operation<'a> {
    match (old, new) {
        (None, Some(new)) => Operation::Create { new },
        (Some(old), Some(new)) => Operation::Update { old, new },
        (Some(old), None) => Operation::Delete { old },
        (None, None) => panic!("neither before nor after"),
    }
}

/// What a check refuses with: its code, what it says, and the field that it blames first.
pub(crate) fn denied(result: Result<Value, Refusal>) -> (u16, String, String) {
    match result {
        Err(Refusal::Denied { code, message, causes, .. }) => {
            let field = causes.first().map(|cause| cause.field.clone()).unwrap_or_default();
            (code, message, field)
        }
        other => panic!("not denied: {other:?}"),
    }
}

/// What somebody is told who may not.
pub(crate) fn forbidden(result: Result<Value, Refusal>) -> String {
    match result {
        Err(Refusal::Forbidden { message, .. }) => message,
        other => panic!("not forbidden: {other:?}"),
    }
}

/// What is said of an object that cannot be so.
pub(crate) fn invalid(result: Result<Value, Refusal>) -> Vec<String> {
    match result {
        Err(Refusal::Invalid { errors, .. }) => errors.iter().map(ToString::to_string).collect(),
        other => panic!("not invalid: {other:?}"),
    }
}

pub(crate) fn machine(name: &str, spec: &Value) -> Value {
    let mut machine = json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": { "name": name, "namespace": "ns", "uid": format!("{name}-vm") },
        "spec": { "template": { "spec": { "domain": { "devices": {} } } } },
    });
    merge(&mut machine["spec"], spec);
    machine
}

pub(crate) fn instance(name: &str, status: &Value) -> Value {
    json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstance",
        "metadata": { "name": name, "namespace": "ns", "uid": format!("{name}-vmi") },
        "spec": { "domain": { "devices": {}, "memory": { "guest": "1Gi" } } },
        "status": status,
    })
}

pub(crate) fn migration(name: &str, instance: &str) -> Value {
    json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstanceMigration",
        "metadata": { "name": name, "namespace": "ns", "uid": format!("{name}-uid") },
        "spec": { "vmiName": instance },
    })
}

pub(crate) fn kubevirt(configuration: &Value) -> Value {
    json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "KubeVirt",
        "metadata": { "name": "kubevirt", "namespace": "kubevirt" },
        "spec": { "configuration": configuration },
    })
}

pub(crate) fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// The object with something else in it.
pub(crate) fn changed(object: &Value, change: &Value) -> Value {
    let mut object = object.clone();
    merge(&mut object, change);
    object
}
