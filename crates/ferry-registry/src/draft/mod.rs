//! Objects as clients send them, checked before the writer sees them.
//!
//! All that needs only the object and its schema is done here, where many requests can be worked on
//! at once: is it what the URL says, which of its fields are there at all, what do the others
//! default to, are they what they should be. What needs the state is left to
//! [`crate::decide()`].

mod body;
mod built_in;
mod identity;
mod metadata;
mod owners;
mod path;
mod structs;
mod surrogates;
#[cfg(test)]
mod tests;
mod unknown;
mod values;

use ferry_api::schema::Shape;
use ferry_api::{FieldError, FieldPath, Kind, KindVersion, Problem, Schema, StatusSubresource};
use serde_json::Value;

pub use body::{Body, Parsed};

pub(crate) use built_in::complete_pod;
pub(crate) use identity::{check_name, check_namespace};
pub(crate) use metadata::{check_name_of, check_new_spec_finalizers};
pub(crate) use owners::{Origin, drop_duplicate_owners};
pub(crate) use unknown::prune;
pub(crate) use values::{canonicalise, normalise};

use crate::convert;
use crate::kinds::{status_leaves, status_takes_metadata};
use crate::object::{Document, Part, Target};
use crate::refusal::Refusal;
use crate::request::FieldValidation;

/// An object that a client sent and that was checked: it is of the kind that the URL names, has
/// only fields of its schema, with their defaults, and is in the version that its kind is kept in.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    object: Document,
    warnings: Vec<String>,
}

impl Draft {
    /// Checks what a client sent to `target`.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] for a body that contradicts the URL, or has unknown fields where
    /// `validation` is strict; [`Refusal::Invalid`] for an object that does not fit its schema.
    pub fn read(target: &Target, body: Body, validation: FieldValidation) -> Result<Self, Refusal> {
        let Body { mut object, duplicates } = body;
        if target.part == Part::Binding {
            identity::check_binding(target, &object)?;
            return Ok(Self { object: binding(target.served, object)?, warnings: Vec::new() });
        }
        let mut warnings = identity::identify(target, &mut object)?;
        let schema = target.served.schema();
        let unknown = prune(schema, &mut object);
        warnings.extend(report(target, &duplicates, unknown, validation)?);
        identity::keep_part(target, &mut object);
        let (object, twice) = complete(target, object)?;
        warnings.extend(twice);
        Ok(Self { object, warnings })
    }

    /// What the client is warned of.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The object, in the version that its kind is kept in.
    pub fn object(&self) -> &Document {
        &self.object
    }

    /// An object that was taken from the state and changed by the registry itself.
    pub(crate) fn of_stored(object: Document) -> Self {
        Self { object, warnings: Vec::new() }
    }
}

/// What binds a pod, whose metadata is that of any object: some of it becomes the pod's.
fn binding(pod: KindVersion, object: Document) -> Result<Document, Refusal> {
    let mut value = Value::Object(object);
    as_go_reads(pod, &mut value, values::simplify);
    let mut unread = fit_section(pod.schema(), "metadata", &mut value);
    if value.get("target").is_some_and(|it| !it.is_object() && !it.is_null()) {
        let message = "must be an object";
        unread.push(FieldError::invalid(FieldPath::of("target"), value["target"].clone(), message));
    }
    match value {
        Value::Object(object) if unread.is_empty() => Ok(object),
        _ => {
            let unread: Vec<_> = unread.iter().map(ToString::to_string).collect();
            let unread = unread.join(", ");
            Err(Refusal::BadRequest {
                message: format!(
                    "Binding in version \"v1\" cannot be handled as a Binding: json: cannot \
                     unmarshal {unread}"
                ),
            })
        }
    }
}

/// Warns of fields that are unknown or stand twice, or refuses them.
// PARITY: apimachinery/pkg/runtime/error.go#strictDecodingError,
// apiserver/pkg/endpoints/handlers/create.go#transformDecodeError
fn report(
    target: &Target,
    duplicates: &[String],
    mut unknown: Vec<String>,
    validation: FieldValidation,
) -> Result<Vec<String>, Refusal> {
    if validation == FieldValidation::Ignore {
        return Ok(Vec::new());
    }
    unknown.sort_unstable();
    // Go's types of built-in kinds are read field by field, and what is in an unknown one is passed over.
    let is_told = |path: &&String| {
        target.served.kind().is_custom() || !unknown.iter().any(|field| is_within(field, path))
    };
    let duplicates = duplicates.iter().filter(is_told);
    let duplicates = duplicates.map(|path| format!("duplicate field \"{path}\""));
    let unknown = unknown.iter().map(|path| format!("unknown field \"{path}\""));
    let problems: Vec<_> = duplicates.chain(unknown).collect();
    match validation {
        FieldValidation::Strict if !problems.is_empty() => {
            let (kind, version) = (target.served.definition().kind, target.served.version());
            let message = format!(
                "{kind} in version \"{version}\" cannot be handled as a {kind}: strict decoding \
                 error: {}",
                problems.join(", ")
            );
            Err(Refusal::BadRequest { message })
        }
        FieldValidation::Strict | FieldValidation::Warn | FieldValidation::Ignore => Ok(problems),
    }
}

/// Whether a path is that of a field, or of something in it.
fn is_within(field: &str, path: &str) -> bool {
    path.strip_prefix(field)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || rest.starts_with('['))
}

/// Fills in defaults, checks the part that is written, and converts the object to the version that
/// its kind is kept in. Gives what the client should be warned of.
fn complete(target: &Target, object: Document) -> Result<(Document, Option<String>), Refusal> {
    let served = target.served;
    let (mut object, mut errors) = fit(served, target.part, object);
    check_readable(served, &errors)?;
    let warning = drop_duplicate_owners(&mut object, Origin::Sent);
    // They say more of a name than a schema does.
    errors.splice(0..0, check_part(served, target.part, &object));
    if !errors.is_empty() {
        let name = if target.name.is_empty() {
            crate::document::meta_text(&object, "name").to_owned()
        } else {
            target.name.clone()
        };
        return Err(Refusal::Invalid { kind: served.into(), name, errors });
    }
    convert::document(served, KindVersion::storage(served.kind()), &mut object);
    Ok((object, warning))
}

/// What is wrong with the part of an object that is written, beside what its schema says of it.
pub(crate) fn check_part(served: KindVersion, part: Part, object: &Document) -> Vec<FieldError> {
    match part {
        // Only the name is looked at then, which fits the URL.
        Part::Status if !status_takes_metadata(served.kind()) => Vec::new(),
        Part::Main | Part::Status => metadata::check_metadata(served.kind(), object),
        Part::Finalize => metadata::check_spec_finalizers(object),
        Part::Binding => Vec::new(),
    }
}

/// Values of other types than Kubernetes' own kinds have there cannot be read at all, and are no
/// matter of validation.
// PARITY: apiserver/pkg/endpoints/handlers/create.go#transformDecodeError
fn check_readable(served: KindVersion, errors: &[FieldError]) -> Result<(), Refusal> {
    if served.kind().is_custom() {
        return Ok(());
    }
    let unread: Vec<_> = errors
        .iter()
        .filter(|error| matches!(error.problem, Problem::Invalid { .. }))
        .map(ToString::to_string)
        .collect();
    if unread.is_empty() {
        return Ok(());
    }
    let (kind, version) = (served.definition().kind, served.version());
    Err(Refusal::BadRequest {
        message: format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: json: cannot unmarshal \
             {}",
            unread.join(", ")
        ),
    })
}

/// An object with its defaults, and what is wrong with the part of it that is written.
pub(crate) fn fit(
    served: KindVersion,
    part: Part,
    object: Document,
) -> (Document, Vec<FieldError>) {
    let schema = served.schema();
    let mut value = Value::Object(object);
    let errors = match part {
        Part::Main => {
            as_go_reads(served, &mut value, values::simplify);
            structs::fill_all(served, &mut value);
            complete_status(served, &mut value);
            schema.apply_defaults(&mut value);
            built_in::complete(served.kind(), &mut value);
            schema.check(&value)
        }
        Part::Status if status_takes_metadata(served.kind()) => {
            // Whatever is wrong with it.
            if let Some(Value::Object(metadata)) = value.get_mut("metadata") {
                metadata.retain(|name, _| !status_leaves(served.kind()).contains(&name.as_str()));
            }
            as_go_reads(served, &mut value, values::simplify);
            structs::fill_status(served, &mut value);
            complete_status(served, &mut value);
            let mut errors = fit_section(schema, "metadata", &mut value);
            errors.extend(fit_section(schema, "status", &mut value));
            errors
        }
        Part::Status => fit_section(schema, "status", &mut value),
        Part::Finalize => fit_section(schema, "spec", &mut value),
        Part::Binding => Vec::new(),
    };
    if errors.is_empty() {
        as_go_reads(served, &mut value, canonicalise);
    }
    let Value::Object(object) = value else { return (Document::new(), errors) };
    (object, errors)
}

/// Does to an object what reading it into Go's types does: to all of a built-in kind, and to the
/// metadata of a custom one.
fn as_go_reads(served: KindVersion, object: &mut Value, change: fn(&Schema, &mut Value)) {
    let schema = served.schema();
    if !served.kind().is_custom() {
        change(schema, object);
    } else if let Shape::Object(shape) = &schema.shape
        && let Some(schema) = shape.properties.get("metadata")
        && let Some(metadata) = object.get_mut("metadata")
    {
        change(schema, metadata);
    }
}

/// Completes the status of a built-in kind.
fn complete_status(served: KindVersion, object: &mut Value) {
    if let (false, Shape::Object(shape)) = (served.kind().is_custom(), &served.schema().shape)
        && let (Some(schema), Some(status)) =
            (shape.properties.get("status"), object.get_mut("status"))
    {
        values::fill_required(schema, status);
    }
}

fn fit_section(schema: &Schema, name: &str, value: &mut Value) -> Vec<FieldError> {
    let Shape::Object(shape) = &schema.shape else { return Vec::new() };
    let (Some(schema), Some(section)) = (shape.properties.get(name), value.get_mut(name)) else {
        return Vec::new();
    };
    if section.is_null() {
        section.take();
        return Vec::new();
    }
    schema.apply_defaults(section);
    schema.check_at(&FieldPath::of(name), section)
}

/// An object as it was kept, by this version of the server or an older one, with what its kind always
/// has, and without what its schema does not know.
// PARITY: apiextensions-apiserver/pkg/apiserver/customresource_handler.go#schemaCoercingDecoder
pub(crate) fn as_read(kind: Kind, mut object: Document) -> Document {
    let kept = KindVersion::storage(kind);
    if kind.is_custom() {
        prune(kept.schema(), &mut object);
        return object;
    }
    let mut value = Value::Object(object);
    structs::fill_all(kept, &mut value);
    complete_status(kept, &mut value);
    match value {
        Value::Object(object) => object,
        _ => Document::new(),
    }
}

/// Whether status is written through a path of its own.
pub(crate) fn has_status_path(served: KindVersion) -> bool {
    match served.definition().status {
        StatusSubresource::Served => true,
        StatusSubresource::None => false,
    }
}
