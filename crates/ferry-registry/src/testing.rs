//! A cluster for tests: a state, a clock that a test moves, and requests as clients send them.

use std::sync::Arc;

use ferry_api::{Kind, KindVersion};
use ferry_units::WallTime;
use serde_json::Value;

use crate::admission::{Admission, Review};
use crate::draft::{Body, Draft};
use crate::object::{Document, Effect, Part, Stored, Target};
use crate::refusal::Refusal;
use crate::request::{
    Answer, Context, Creation, Decision, DeleteOptions, FieldValidation, OnConflict, Patch,
    Propagation, Request, Run, User, Write, WriteOptions,
};
use crate::state::State;
use crate::{Change, decide};

/// When tests begin: 2026-11-26T00:00:00Z.
const START: i64 = 1_795_651_200;

/// Lets everything in.
pub(crate) struct Open;

impl Admission for Open {
    fn mutate(&self, _: &Review<'_>, _: &mut Document, _: &State) -> Result<(), Refusal> {
        Ok(())
    }

    fn validate(&self, _: &Review<'_>, _: &State) -> Result<Vec<String>, Refusal> {
        Ok(Vec::new())
    }
}

/// A cluster with a namespace `a`.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) state: State,
    pub(crate) now: WallTime,
    pub(crate) suffixes: Vec<String>,
    pub(crate) run: Run,
    pub(crate) validation: FieldValidation,
    pub(crate) duplicates: Vec<String>,
    pub(crate) unknown_members: Vec<String>,
    pub(crate) manager: String,
    pub(crate) creation: Creation,
    pub(crate) uids: u64,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        let mut cluster = Self {
            state: State::default(),
            now: WallTime::from_unix_seconds(START).unwrap(),
            suffixes: vec!["bbbbb".to_owned(), "ccccc".to_owned()],
            run: Run::Real,
            validation: FieldValidation::Warn,
            duplicates: Vec::new(),
            unknown_members: Vec::new(),
            manager: "test".to_owned(),
            creation: Creation::Allowed,
            uids: 0,
        };
        let namespace = serde_json::json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "a" },
        });
        cluster.create(&namespace).unwrap();
        cluster
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now = WallTime::from_unix_seconds(self.now.unix_seconds() + seconds).unwrap();
    }

    /// Decides and applies.
    pub(crate) fn send(&mut self, request: &Request) -> Result<Decision, Refusal> {
        self.uids += 1;
        let context = Context {
            now: self.now,
            uid: format!("uid-{}", self.uids),
            suffixes: self.suffixes.clone(),
        };
        let decision = decide(&self.state, request, &context, &Open)?;
        if let Some(change) = &decision.change {
            self.apply(change.clone());
        }
        Ok(decision)
    }

    /// Keeps an object as it is, as an older server may have done.
    pub(crate) fn keep(&mut self, object: &Value) {
        let mut document = object.as_object().unwrap().clone();
        let (key, revision) = (target_of(object).key(), self.state.revision().next());
        let stored = Arc::new(Stored::new(key, revision, &mut document));
        self.apply(Change { revision, effect: Effect::Put(stored) });
    }

    fn apply(&mut self, change: Change) {
        assert_eq!(change.revision, self.state.revision().next());
        self.state.apply(change, self.now);
    }

    pub(crate) fn request(&self, target: Target, write: Write) -> Request {
        Request {
            user: User { name: "alice".to_owned(), ..User::default() }.into(),
            target,
            write,
            options: WriteOptions {
                run: self.run,
                unknown_fields: self.validation,
                duplicates: self.duplicates.clone(),
                unknown_members: self.unknown_members.clone(),
                manager: self.manager.clone(),
                creation: self.creation.clone(),
            },
        }
    }

    fn draft(&self, target: &Target, object: &Value) -> Result<Draft, Refusal> {
        let json = serde_json::to_vec(object).unwrap();
        Draft::read(target, Body::json(&json)?, self.validation)
    }

    /// POST to the collection that the object says it belongs to.
    pub(crate) fn create(&mut self, object: &Value) -> Result<Decision, Refusal> {
        let target = Target { name: String::new(), ..target_of(object) };
        self.create_at(target, object)
    }

    pub(crate) fn create_at(
        &mut self,
        target: Target,
        object: &Value,
    ) -> Result<Decision, Refusal> {
        let draft = self.draft(&target, object)?;
        self.send(&self.request(target, Write::Create(draft)))
    }

    /// PUT to the path that the object says it has.
    pub(crate) fn update(&mut self, object: &Value) -> Result<Decision, Refusal> {
        self.update_at(target_of(object), object)
    }

    pub(crate) fn update_status(&mut self, object: &Value) -> Result<Decision, Refusal> {
        self.update_at(Target { part: Part::Status, ..target_of(object) }, object)
    }

    pub(crate) fn update_at(
        &mut self,
        target: Target,
        object: &Value,
    ) -> Result<Decision, Refusal> {
        let draft = self.draft(&target, object)?;
        self.send(&self.request(target, Write::Update(draft)))
    }

    pub(crate) fn merge(&mut self, target: Target, patch: Value) -> Result<Decision, Refusal> {
        self.send(&self.request(target, Write::Patch(Patch::Merge(patch))))
    }

    pub(crate) fn server_side_apply(
        &mut self,
        target: Target,
        config: &Value,
        conflicts: OnConflict,
    ) -> Result<Decision, Refusal> {
        let config = config.as_object().unwrap().clone();
        self.send(&self.request(target, Write::Patch(Patch::Apply { config, conflicts })))
    }

    pub(crate) fn delete(&mut self, target: Target) -> Result<Decision, Refusal> {
        self.delete_with(target, DeleteOptions::default())
    }

    pub(crate) fn delete_with(
        &mut self,
        target: Target,
        options: DeleteOptions,
    ) -> Result<Decision, Refusal> {
        self.send(&self.request(target, Write::Delete(options)))
    }

    pub(crate) fn get(&self, target: &Target) -> Option<Value> {
        let object = self.state.object(&target.key())?;
        Some(serde_json::from_slice(&object.json).unwrap())
    }

    /// Has namespaces tell what they wait for; how many did.
    pub(crate) fn tell_what_remains(&mut self) -> usize {
        let remaining = self.state.remaining(self.now);
        for request in &remaining {
            self.send(request).unwrap();
        }
        remaining.len()
    }

    /// Does what is wanted, and what that makes wanted, until nothing is.
    pub(crate) fn clean(&mut self) -> usize {
        let mut writes = 0;
        for _ in 0..100 {
            let chores = self.state.chores(self.now);
            let lookers = self.state.clone().without_chores();
            assert_eq!(lookers.chores(self.now), []);
            // Whoever begins anew finds what was found write by write.
            assert_eq!(lookers.speculative().chores(self.now), chores);
            if chores.is_empty() {
                return writes;
            }
            let before = self.state.revision();
            for chore in &chores {
                // One that was overtaken by another of the same round is asked for again.
                match self.send(chore) {
                    Ok(_)
                    | Err(
                        Refusal::Precondition { .. }
                        | Refusal::Conflict { .. }
                        | Refusal::NotFound { .. },
                    ) => writes += 1,
                    Err(refusal) => panic!("{chore:?}: {refusal}"),
                }
            }
            assert!(self.state.revision() > before, "chores that change nothing: {chores:?}");
        }
        panic!("there is always something to do: {:?}", self.state.chores(self.now));
    }
}

pub(crate) fn propagation(propagation: Propagation) -> DeleteOptions {
    DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() }
}

fn target_of(object: &Value) -> Target {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let served =
        KindVersion::of_document(&text(&object["apiVersion"]), &text(&object["kind"])).unwrap();
    let namespace = match served.definition().scope {
        ferry_api::Scope::Cluster => String::new(),
        ferry_api::Scope::Namespaced => match text(&object["metadata"]["namespace"]) {
            none if none.is_empty() => "a".to_owned(),
            some => some,
        },
    };
    Target { served, namespace, name: text(&object["metadata"]["name"]), part: Part::Main }
}

/// The object of that kind and name in namespace `a`, or in the cluster.
pub(crate) fn target(kind: Kind, name: &str) -> Target {
    let namespace = match kind.definition().scope {
        ferry_api::Scope::Cluster => "",
        ferry_api::Scope::Namespaced => "a",
    };
    Target {
        served: KindVersion::storage(kind),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        part: Part::Main,
    }
}

/// What the client is shown.
pub(crate) fn shown(decision: &Decision) -> Value {
    match &decision.answer {
        Answer::Created(json) | Answer::Object(json) => serde_json::from_slice(json).unwrap(),
        Answer::Done | Answer::Deleted { .. } => panic!("nothing is shown: {decision:?}"),
    }
}

/// A virtual machine.
pub(crate) fn vm(name: &str) -> Value {
    serde_json::json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": { "name": name, "namespace": "a" },
        "spec": { "running": true, "template": { "spec": { "domain": { "devices": {} } } } },
    })
}

/// Something plain.
pub(crate) fn config_map(name: &str) -> Value {
    serde_json::json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": name, "namespace": "a" },
        "data": { "k": "v" },
    })
}

/// A pod, bound to a node or not.
pub(crate) fn pod(name: &str, node: &str) -> Value {
    let mut pod = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "namespace": "a" },
        "spec": { "containers": [{ "name": "c", "image": "i" }] },
    });
    if !node.is_empty() {
        pod["spec"]["nodeName"] = Value::from(node);
    }
    pod
}
