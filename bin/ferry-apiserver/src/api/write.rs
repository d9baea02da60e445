//! Creating, replacing and changing objects.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use ferry_registry::{
    Answer as Written, Body, Document, Draft, FieldValidation, ObjectKey, OnConflict, Parsed, Part,
    Patch, Refusal, Request, Revision, Stored, Target, Write, WriteOptions,
};
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Api;
use super::answer::{self, Answer};
use super::backend::{Backend, Process};
use super::lens::{self, ALIAS_API_VERSION, Carried, Lens};
use super::negotiate::{Format, Offer, PatchForm, Shape, StrategicPatches, patch_form};
use super::options::{WriteKind, write_options};
use super::path::{Alias, ObjectsPath};
use super::request::{Asked, yaml};
use super::work::{self, Length};

/// How many operations a JSON patch may have.
// PARITY: apiserver/pkg/endpoints/handlers/patch.go#applyJSPatch
const MOST_OPERATIONS: usize = 10_000;

/// How many oddities of a patch are told, as of those of any other body.
const MOST_TOLD: usize = 100;

/// How a client wants to see what it has written.
#[derive(Clone, Copy)]
struct Shown {
    format: Format,
    carried: Carried,
}

impl<B: Backend, P: Process> Api<B, P> {
    /// A new object.
    pub(super) async fn create(
        &self,
        asked: &Asked<'_>,
        path: &ObjectsPath,
        body: Bytes,
    ) -> Result<Answer, Refusal> {
        let options = write_options(WriteKind::Create, asked.headers, &asked.query)?;
        let target = target(path, Part::Main);
        let draft = draft(asked, path, &target, body, options.unknown_fields).await?;
        self.write(asked, path, target, Write::Create(draft), options).await
    }

    /// Another content for an object, or for a part of it.
    pub(super) async fn update(
        &self,
        asked: &Asked<'_>,
        path: &ObjectsPath,
        part: Part,
        body: Bytes,
    ) -> Result<Answer, Refusal> {
        let mut options = write_options(WriteKind::Update, asked.headers, &asked.query)?;
        options.creation = self.creation(asked);
        let target = target(path, part);
        let draft = draft(asked, path, &target, body, options.unknown_fields).await?;
        self.write(asked, path, target, Write::Update(draft), options).await
    }

    /// Changes to an object, or to a part of it.
    pub(super) async fn patch(
        &self,
        asked: &Asked<'_>,
        path: &ObjectsPath,
        part: Part,
        body: Bytes,
    ) -> Result<Answer, Refusal> {
        let form = patch_form(asked.headers, strategic_patches(path))?;
        let kind = if form == PatchForm::Apply { WriteKind::Apply } else { WriteKind::Patch };
        let mut options = write_options(kind, asked.headers, &asked.query)?;
        let conflicts =
            if asked.query.flag("force") { OnConflict::TakeOver } else { OnConflict::Refuse };
        let alias = path.clone();
        let length = Length::of_reading(&body);
        let read = work::done(&asked.user.name, length, move || {
            read_patch(&alias, form, conflicts, &body)
        });
        let Changes { patch: changes, duplicates, unknown_members } = read.await?;
        options.duplicates = duplicates;
        options.unknown_members = unknown_members;
        if form == PatchForm::Apply {
            options.creation = self.creation(asked);
        }
        self.write(asked, path, target(path, part), Write::Patch(changes), options).await
    }

    /// Does a write and answers with what became of the object.
    pub(super) async fn write(
        &self,
        asked: &Asked<'_>,
        path: &ObjectsPath,
        target: Target,
        write: Write,
        options: WriteOptions,
    ) -> Result<Answer, Refusal> {
        // Whoever cannot be answered writes nothing.
        let format = asked.format(Offer::Objects)?;
        let carried = Carried::read(&asked.query, format.shape)?;
        let shown = Shown { format, carried };
        let served = target.served;
        let key = target.key();
        let request = Request { user: Arc::clone(asked.user), target, write, options };
        let written = self.backend.write(request).await?;
        let mut answer = match written.answer {
            Written::Created(json) => self.written(path, shown, StatusCode::CREATED, key, json),
            Written::Object(json) => self.written(path, shown, StatusCode::OK, key, json),
            Written::Done => answer::document(StatusCode::CREATED, format, &success(None)),
            Written::Deleted { name, uid } => {
                let details = deleted_details(served, &name, &uid);
                answer::document(StatusCode::OK, format, &success(Some(details)))
            }
        };
        answer::warn(&mut answer, written.warnings.iter().map(String::as_str));
        Ok(answer)
    }

    /// An object that was written, as the path shows it.
    fn written(
        &self,
        path: &ObjectsPath,
        Shown { format, carried }: Shown,
        code: StatusCode,
        key: ObjectKey,
        json: Bytes,
    ) -> Answer {
        let lens = Lens::new(path);
        if lens.is_clear() && format.shape == Shape::Object {
            return answer::json(code, format, json);
        }
        // Its revision stands in the JSON, which is all that is shown here.
        let Ok(object) = Stored::from_json(key, Revision(0), json.clone()) else {
            return answer::json(code, format, json);
        };
        match format.shape {
            Shape::Object => answer::json(code, format, lens.json(&object)),
            Shape::Partial(version) => {
                answer::document(code, format, &lens::partial_of(&object, version))
            }
            Shape::Table(version) => {
                let row = lens.row(&object, version, carried, self.backend.now());
                let table = lens::table(version, Map::new(), lens.columns(), vec![row]);
                answer::document(code, format, &table)
            }
        }
    }
}

/// Where a write to `path` goes.
pub(super) fn target(path: &ObjectsPath, part: Part) -> Target {
    Target {
        served: path.served,
        namespace: path.namespace.clone().unwrap_or_default(),
        name: path.name.clone().unwrap_or_default(),
        part,
    }
}

/// A `Status` of success.
pub(super) fn success(details: Option<Value>) -> Value {
    let mut status =
        json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success" });
    match details {
        Some(details) => status["details"] = details,
        None => status["code"] = Value::from(StatusCode::CREATED.as_u16()),
    }
    status
}

fn deleted_details(served: ferry_api::KindVersion, name: &str, uid: &str) -> Value {
    let mut details = Map::new();
    details.insert("name".to_owned(), Value::from(name));
    if !served.group().is_empty() {
        details.insert("group".to_owned(), Value::from(served.group()));
    }
    details.insert("kind".to_owned(), Value::from(served.definition().plural));
    details.insert("uid".to_owned(), Value::from(uid));
    Value::Object(details)
}

/// What a body makes of an object.
pub(super) async fn draft(
    asked: &Asked<'_>,
    path: &ObjectsPath,
    target: &Target,
    body: Bytes,
    unknown_fields: FieldValidation,
) -> Result<Draft, Refusal> {
    let (path, target) = (path.clone(), target.clone());
    let kind = target.served.definition().kind;
    let made = move |mut body: Body| {
        rename(&path, &mut body.object);
        Draft::read(&target, body, unknown_fields)
    };
    asked.read(kind, body, made).await
}

/// A virtual machine in the group of migration policies becomes one in its own.
fn rename(path: &ObjectsPath, document: &mut Document) {
    let says_alias = |value: &Value| value.as_str() == Some(ALIAS_API_VERSION);
    if path.alias == Alias::VirtualMachine
        && let Some(api_version) = document.get_mut("apiVersion").filter(|it| says_alias(it))
    {
        *api_version = Value::from(path.served.api_version());
    }
}

/// Kubernetes' own kinds take strategic patches, custom ones do not.
fn strategic_patches(path: &ObjectsPath) -> StrategicPatches {
    match path.served.group() {
        "" => StrategicPatches::Taken,
        group if group.ends_with(".k8s.io") => StrategicPatches::Taken,
        _ => StrategicPatches::Refused,
    }
}

/// The changes that a body asks for, and what is odd about it.
struct Changes {
    patch: Patch,
    /// Where keys stand twice.
    duplicates: Vec<String>,
    /// What operations do not have.
    unknown_members: Vec<String>,
}

fn read_patch(
    path: &ObjectsPath,
    form: PatchForm,
    conflicts: OnConflict,
    body: &Bytes,
) -> Result<Changes, Refusal> {
    if form == PatchForm::Apply {
        let Body { object: mut config, duplicates } = applied(body)?;
        rename(path, &mut config);
        let read = Patch::Apply { config, conflicts };
        return Ok(Changes { patch: read, duplicates, unknown_members: Vec::new() });
    }
    let Parsed { value, duplicates } = Parsed::json(body).map_err(|error| undecoded(&error))?;
    let unknown_members =
        if form == PatchForm::Json { unknown_members(&value) } else { Vec::new() };
    let read = match form {
        PatchForm::Json => Patch::Json(operations(path, value)?),
        PatchForm::Merge => Patch::Merge(changes(path, value)?),
        PatchForm::Strategic | PatchForm::Apply => Patch::Strategic(changes(path, value)?),
    };
    Ok(Changes { patch: read, duplicates, unknown_members })
}

/// What is applied is YAML, and mostly JSON, which is read much faster.
fn applied(body: &Bytes) -> Result<Body, Refusal> {
    match Parsed::json(body) {
        Ok(Parsed { value: Value::Object(object), duplicates }) => Ok(Body { object, duplicates }),
        Ok(_) | Err(_) => yaml(body).map(Body::from),
    }
}

fn undecoded(error: &impl fmt::Display) -> Refusal {
    Refusal::BadRequest { message: format!("error decoding patch: {error}") }
}

fn changes(path: &ObjectsPath, value: Value) -> Result<Value, Refusal> {
    let Value::Object(mut changes) = value else { return Err(undecoded(&"it must be an object")) };
    rename(path, &mut changes);
    Ok(Value::Object(changes))
}

/// Members that the operations of a JSON patch do not have.
// PARITY: apiserver/pkg/endpoints/handlers/patch.go#jsonPatchOp
fn unknown_members(operations: &Value) -> Vec<String> {
    let operations = operations.as_array().into_iter().flatten().enumerate();
    let members = operations.flat_map(|(index, operation)| {
        let names = operation.as_object().into_iter().flat_map(Map::keys);
        let unknown =
            names.filter(|name| !matches!(name.as_str(), "op" | "path" | "from" | "value"));
        unknown.map(move |name| format!("[{index}].{name}"))
    });
    members.take(MOST_TOLD).collect()
}

fn operations(path: &ObjectsPath, mut value: Value) -> Result<json_patch::Patch, Refusal> {
    let operations = value.as_array_mut().map(Vec::as_mut_slice).unwrap_or_default();
    if operations.len() > MOST_OPERATIONS {
        return Err(Refusal::Oversized {
            message: format!(
                "The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {}",
                operations.len()
            ),
        });
    }
    // kubectl tests the version that it was shown.
    for operation in operations.iter_mut().filter(|it| it["path"] == "/apiVersion") {
        if path.alias == Alias::VirtualMachine && operation["value"] == ALIAS_API_VERSION {
            operation["value"] = Value::from(path.served.api_version());
        }
    }
    serde_json::from_value(value).map_err(|error| undecoded(&error))
}
