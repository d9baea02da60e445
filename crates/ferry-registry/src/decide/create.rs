//! A new object.

use serde_json::{Value, json};

use crate::admission::{Admission, Operation};
use crate::decide::{Job, Owning, namespaces, part, qos, size};
use crate::document::{meta_text, metadata_mut, section_mut, text, to_json};
use crate::draft::{check_name_of, check_new_spec_finalizers};
use crate::fields::Reach;
use crate::kinds::has_generation;
use crate::object::{Change, Document, Effect, Stored, Target};
use crate::refusal::Refusal;
use crate::request::{Answer, Decision};

use std::sync::Arc;

use ferry_api::{FieldError, FieldPath, Kind};

/// The longest name that is made from a prefix, without its ending. With it, a name fits into a
/// label.
// PARITY: apiserver/pkg/storage/names/generate.go#GenerateName
const LONGEST_PREFIX: usize = 58;

/// What of an object's metadata is the server's alone.
const SERVER_OWNED: [&str; 7] = [
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
    "selfLink",
];

/// Makes the object that `client` describes.
pub(super) fn create<A: Admission>(
    job: &Job<'_, A>,
    client: &Document,
    owning: Owning,
) -> Result<Decision, Refusal> {
    // What is no number says nothing.
    if meta_text(client, "resourceVersion").parse::<u64>().is_ok_and(|revision| revision != 0) {
        return Err(Refusal::RevisionOfNew);
    }
    namespaces::check_lifecycle(job)?;
    let naming = name(job, client)?;
    let target = Target { name: naming.name().to_owned(), ..job.target().clone() };
    let mut object = client.clone();
    identify(job, &target, &mut object);
    default(job.kind(), &mut object);
    track(job, owning, &mut object);
    prepare(job.kind(), &mut object);
    if job.kind() == Kind::Namespace {
        let errors = check_new_spec_finalizers(&object);
        if !errors.is_empty() {
            return Err(job.invalid(&target.name, errors));
        }
    }

    let review = job.review(&target, Operation::Create { new: client });
    job.admission.mutate(&review, &mut object, job.state)?;
    let review = job.review(&target, Operation::Create { new: &object });
    let warnings = job.admission.validate(&review, job.state)?;
    check_free(job, &target, &naming)?;

    if job.is_dry() {
        let json = size::fit(&mut object, 0, owning, |object| {
            let json = to_json(object);
            (json.len(), json)
        })?;
        return Ok(Decision { change: None, answer: Answer::Created(json), warnings });
    }
    let revision = job.state.revision().next();
    let stored = size::fit(&mut object, 0, owning, |object| {
        let stored = Stored::new(target.key(), revision, object);
        (stored.json.len(), Arc::new(stored))
    })?;
    let answer = Answer::Created(stored.json.clone());
    let change = Some(Change { revision, effect: Effect::Put(stored) });
    Ok(Decision { change, answer, warnings })
}

/// Where an object's name comes from.
enum Naming {
    Given(String),
    Generated(String),
}

impl Naming {
    fn name(&self) -> &str {
        match self {
            Self::Given(name) | Self::Generated(name) => name,
        }
    }
}

/// The name that was given, or a free one that begins as was asked for.
fn name<A: Admission>(job: &Job<'_, A>, client: &Document) -> Result<Naming, Refusal> {
    let given = meta_text(client, "name");
    if !given.is_empty() {
        return Ok(Naming::Given(given.to_owned()));
    }
    let mut prefix = meta_text(client, "generateName");
    if prefix.is_empty() {
        let what = "name or generateName is required";
        let error = FieldError::required(FieldPath::of("metadata.name"), what);
        return Err(job.invalid("", vec![error]));
    }
    if let Some((end, _)) = prefix.char_indices().find(|(at, c)| at + c.len_utf8() > LONGEST_PREFIX)
    {
        prefix = &prefix[..end];
    }
    let mut last = None;
    for suffix in &job.context.suffixes {
        let target = Target { name: format!("{prefix}{suffix}"), ..job.target().clone() };
        let free = job.state.object(&target.key()).is_none();
        last = Some(target.name);
        if free {
            break;
        }
    }
    let Some(name) = last else {
        return Err(Refusal::Internal { message: "no endings for names were drawn".to_owned() });
    };
    if let Err(messages) = check_name_of(job.kind(), &name) {
        let path = FieldPath::of("metadata.name");
        let errors = messages
            .into_iter()
            .map(|message| FieldError::invalid(path.clone(), Value::from(name.as_str()), message))
            .collect();
        return Err(job.invalid(&name, errors));
    }
    Ok(Naming::Generated(name))
}

/// Writes into the metadata what the server alone decides.
fn identify<A: Admission>(job: &Job<'_, A>, target: &Target, object: &mut Document) {
    let metadata = metadata_mut(object);
    for field in SERVER_OWNED {
        metadata.remove(field);
    }
    for (field, value) in [("name", &target.name), ("namespace", &target.namespace)] {
        if !value.is_empty() && text(metadata, field) != value {
            metadata.insert(field.to_owned(), Value::from(value.as_str()));
        }
    }
    metadata.insert("uid".to_owned(), Value::from(job.context.uid.as_str()));
    metadata.insert("creationTimestamp".to_owned(), Value::from(job.context.now.to_string()));
    if has_generation(job.kind()) {
        metadata.insert("generation".to_owned(), Value::from(1));
    }
}

/// Notes what the creator owns: what it sent and the defaults of that, but nothing that the server
/// is about to write, and no status that has a path of its own.
// PARITY: apiserver/pkg/endpoints/handlers/create.go#createHandler
fn track<A: Admission>(job: &Job<'_, A>, owning: Owning, object: &mut Document) {
    let apart = part::reach(job.target()) == Reach::AllButStatus;
    let status = if apart { object.remove_entry("status") } else { None };
    job.track(owning, None, object);
    object.extend(status);
}

/// What a new object is completed with that its creator comes to own.
fn default(kind: Kind, object: &mut Document) {
    if kind == Kind::Namespace {
        namespaces::label(object);
    } else if kind == Kind::Secret {
        if object.get("type").and_then(Value::as_str).is_none_or(str::is_empty) {
            object.insert("type".to_owned(), Value::from("Opaque"));
        }
        encode_plain(object);
    }
}

/// What a new object of a kind is, whatever its creator says.
// PARITY: pkg/registry/core/pod/strategy.go#PrepareForCreate and its siblings.
fn prepare(kind: Kind, object: &mut Document) {
    match kind {
        Kind::Namespace => namespaces::prepare(object),
        Kind::Pod => {
            let status = json!({ "phase": "Pending", "qosClass": qos::class(object) });
            drop(object.insert("status".to_owned(), status));
        }
        Kind::PersistentVolumeClaim => {
            drop(object.insert("status".to_owned(), json!({ "phase": "Pending" })));
        }
        Kind::Service => {
            drop(object.insert("status".to_owned(), json!({ "loadBalancer": {} })));
        }
        Kind::VirtualMachine
        | Kind::VirtualMachineInstanceMigration
        | Kind::MigrationPolicy
        | Kind::KubeVirt
        | Kind::HyperConverged => drop(object.remove("status")),
        // An instance has no path for its status, and a node introduces itself with its own.
        Kind::VirtualMachineInstance
        | Kind::Node
        | Kind::NetworkAttachmentDefinition
        | Kind::Event
        | Kind::Lease
        | Kind::ConfigMap
        | Kind::Secret
        | Kind::ServiceAccount
        | Kind::ClusterRole
        | Kind::ClusterRoleBinding
        | Kind::Role
        | Kind::RoleBinding => {}
    }
}

/// Moves what a Secret holds as plain text to its data, in base64.
// PARITY: pkg/apis/core/v1/conversion.go#Convert_v1_Secret_To_core_Secret
pub(super) fn encode_plain(secret: &mut Document) {
    use base64::Engine;
    let Some(Value::Object(plain)) = secret.remove("stringData") else { return };
    let data = section_mut(secret, "data");
    for (key, value) in plain {
        let text = value.as_str().unwrap_or_default();
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        data.insert(key, Value::from(encoded));
    }
}

/// Checks that the name is not taken.
fn check_free<A: Admission>(
    job: &Job<'_, A>,
    target: &Target,
    naming: &Naming,
) -> Result<(), Refusal> {
    let Some(existing) = job.state.object(&target.key()) else { return Ok(()) };
    let (served, name) = (target.served, target.name.clone());
    Err(match naming {
        Naming::Generated(_) => Refusal::GeneratedNameTaken { served, name },
        Naming::Given(_) if existing.meta.deleted().is_some() => {
            Refusal::BeingDeleted { served, name }
        }
        Naming::Given(_) => Refusal::AlreadyExists { served, name },
    })
}
