//! Changes to an object that is there.

use std::borrow::Cow;

use ferry_api::{FieldError, FieldPath, KindVersion};
use serde_json::Value;

use crate::admission::Admission;
use crate::convert::{self, Layouts};
use crate::decide::{Job, Owning, create, finish, part, with_warnings};
use crate::document::{meta_text, metadata, metadata_mut, text};
use crate::draft::{
    Origin, check_name, check_namespace, check_part, drop_duplicate_owners, fit, normalise, prune,
};
use crate::fields;
use crate::object::{Document, Part, Stored};
use crate::patch;
use crate::refusal::{QualifiedKind, Refusal};
use crate::request::{Decision, FieldValidation, OnConflict, Patch};

/// The formats of patches that custom kinds take.
const CUSTOM_FORMATS: [&str; 3] =
    ["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"];

/// Changes the object at the request's target as `patch` says.
pub(super) fn patch<A: Admission>(job: &Job<'_, A>, patch: &Patch) -> Result<Decision, Refusal> {
    if let Patch::Apply { config, conflicts } = patch {
        let warnings = report_applied(job)?;
        return with_warnings(&warnings, apply(job, config, *conflicts));
    }
    let live = job.live()?;
    let served = job.target().served;
    let before = job.read(live);
    let seen = as_served(job, &before);
    let mut after = match patch {
        Patch::Merge(patch) => patch::merge(&seen, patch)?,
        Patch::Json(patch) => patch::json(&seen, patch)?,
        Patch::Strategic(_) if served.kind().is_custom() => {
            let accepted = CUSTOM_FORMATS.map(str::to_owned).to_vec();
            return Err(Refusal::UnsupportedMediaType { accepted });
        }
        Patch::Strategic(patch) => patch::strategic(served.schema(), &seen, patch)?,
        Patch::Apply { config, conflicts } => return apply(job, config, *conflicts),
    };
    let mut value = Value::Object(std::mem::take(&mut after));
    normalise(&mut value);
    if let Value::Object(normal) = value {
        after = normal;
    }
    check_identity(job, &mut after)?;
    check_revision(job, live, &after)?;
    let unknown = prune(served.schema(), &mut after);
    let mut warnings = report(job, patch, unknown)?;
    let (after, twice) = complete(job, &before, after)?;
    warnings.extend(twice);
    with_warnings(&warnings, finish::finish(job, live, &before, after, Owning::Track))
}

/// Checks what a patch made of an object, and converts it to the version that its kind is kept in.
/// Gives what the client should be warned of.
fn complete<A: Admission>(
    job: &Job<'_, A>,
    before: &Document,
    patched: Document,
) -> Result<(Document, Option<String>), Refusal> {
    let (patched, warning) = checked(job, patched)?;
    Ok((part::replaced(job.target(), before, patched), warning))
}

/// The same, without what stays as it is.
fn checked<A: Admission>(
    job: &Job<'_, A>,
    patched: Document,
) -> Result<(Document, Option<String>), Refusal> {
    let target = job.target();
    let served = target.served;
    let storage = KindVersion::storage(served.kind());
    let (mut patched, mut errors) = fit(served, target.part, patched);
    let warning = drop_duplicate_owners(&mut patched, Origin::Patched);
    errors.splice(0..0, check_part(served, target.part, &patched));
    if !errors.is_empty() {
        return Err(job.invalid(&target.name, errors));
    }
    convert::document(served, storage, &mut patched);
    Ok((patched, warning))
}

/// An object in the version that the client speaks.
fn as_served<'a, A: Admission>(job: &Job<'_, A>, object: &'a Document) -> Cow<'a, Document> {
    let served = job.target().served;
    let storage = KindVersion::storage(served.kind());
    if served == storage {
        return Cow::Borrowed(object);
    }
    let mut object = object.clone();
    convert::document(storage, served, &mut object);
    if served == KindVersion::NEW_EVENT {
        convert::time_event(&mut object);
    }
    Cow::Owned(object)
}

/// Checks that a patch left the object what and where it is.
// PARITY: apiserver/pkg/endpoints/handlers/patch.go#applyPatch
fn check_identity<A: Admission>(job: &Job<'_, A>, after: &mut Document) -> Result<(), Refusal> {
    let target = job.target();
    let definition = target.served.definition();
    let api_version = target.served.api_version();
    let message = if text(after, "kind") != definition.kind {
        format!("the patch makes a {:?} of a {}", text(after, "kind"), definition.kind)
    } else if text(after, "apiVersion") != api_version {
        format!(
            "the API version in the data ({}) does not match the expected API version \
             ({api_version})",
            text(after, "apiVersion")
        )
    } else {
        check_namespace(target, after)?;
        return check_name(target, after);
    };
    Err(Refusal::BadRequest { message })
}

/// A patch that names a revision applies to that one only.
fn check_revision<A: Admission>(
    job: &Job<'_, A>,
    live: &Stored,
    after: &Document,
) -> Result<(), Refusal> {
    match meta_text(after, "resourceVersion") {
        "" | "0" => Ok(()),
        given if given == live.revision.to_string() => Ok(()),
        _ => Err(job.modified()),
    }
}

/// Warns of fields that the patch brought and that there are not, and of keys that stand in it
/// twice, or refuses them.
// PARITY: apiserver/pkg/endpoints/handlers/patch.go#applyJSPatch
fn report<A: Admission>(
    job: &Job<'_, A>,
    patch: &Patch,
    mut unknown: Vec<String>,
) -> Result<Vec<String>, Refusal> {
    unknown.sort_unstable();
    let of = if matches!(patch, Patch::Json(_)) { "json patch " } else { "" };
    let options = &job.request.options;
    let twice = options.duplicates.iter().map(|path| format!("{of}duplicate field \"{path}\""));
    let members = options.unknown_members.iter();
    let members = members.map(|path| format!("{of}unknown field \"{path}\""));
    let unknown = unknown.iter().map(|path| format!("unknown field \"{path}\""));
    let problems: Vec<_> = members.chain(twice).chain(unknown).collect();
    match options.unknown_fields {
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Warn => Ok(problems),
        FieldValidation::Strict if problems.is_empty() => Ok(problems),
        FieldValidation::Strict => {
            let shown = match patch {
                Patch::Merge(patch) | Patch::Strategic(patch) => patch.to_string(),
                Patch::Json(patch) => patch.to_string(),
                Patch::Apply { config, .. } => Value::Object(config.clone()).to_string(),
            };
            let message = format!("strict decoding error: {}", problems.join(", "));
            let error = FieldError::invalid(FieldPath::of("patch"), Value::from(shown), message);
            Err(job.invalid(&job.target().name, vec![error]))
        }
    }
}

/// Warns of keys that stand twice in what is applied, or refuses them. Undeclared fields are
/// refused in any case.
// PARITY: apiserver/pkg/endpoints/handlers/patch.go#applyPatchToCurrentObject
fn report_applied<A: Admission>(job: &Job<'_, A>) -> Result<Vec<String>, Refusal> {
    let options = &job.request.options;
    let twice = options.duplicates.iter().map(|path| format!("key \"{path}\" already set in map"));
    let problems: Vec<_> = twice.collect();
    match options.unknown_fields {
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Strict if !problems.is_empty() => {
            let message = format!("error strict decoding YAML: {}", problems.join(", "));
            Err(Refusal::BadRequest { message })
        }
        FieldValidation::Strict | FieldValidation::Warn => Ok(problems),
    }
}

/// Server-side apply.
fn apply<A: Admission>(
    job: &Job<'_, A>,
    config: &Document,
    conflicts: OnConflict,
) -> Result<Decision, Refusal> {
    let mut config = config.clone();
    check_config(job, &mut config)?;
    let target = job.target();
    let live = job.state.object(&target.key());
    if live.is_none() && target.part != Part::Main {
        return Err(job.not_found());
    }
    let reach = part::reach(target);
    fields::keep_within(reach, &mut config);
    let manager = job.manager(fields::Operation::Apply);
    let (versions, now) = (Layouts::of(job.kind()), job.context.now);
    let Some(live) = live else {
        check_new(job, &config)?;
        let made = fields::apply(&versions, None, &config, &manager, reach, conflicts, now)?;
        let (made, twice) = checked(job, made)?;
        return with_warnings(twice.as_slice(), create::create(job, &made, Owning::Noted));
    };
    check_revision(job, live, &config)?;
    let before = job.read(live);
    let seen = as_served(job, &before);
    let name = Value::from(target.name.as_str());
    metadata_mut(&mut config).insert("name".to_owned(), name);
    let mut after =
        fields::apply(&versions, Some(&seen), &config, &manager, reach, conflicts, now)?;
    check_identity(job, &mut after)?;
    let (after, twice) = complete(job, &before, after)?;
    with_warnings(twice.as_slice(), finish::finish(job, live, &before, after, Owning::Noted))
}

/// Checks that what is applied may come to be.
fn check_new<A: Admission>(job: &Job<'_, A>, config: &Document) -> Result<(), Refusal> {
    check_name(job.target(), config)?;
    // PARITY: apiserver/pkg/endpoints/handlers/patch.go#createNewObject
    let uid = meta_text(config, "uid");
    if !uid.is_empty() {
        return Err(job.conflict(format!(
            "uid mismatch: the provided object specified uid {uid}, and no existing object was \
             found"
        )));
    }
    job.check_creation()
}

/// Checks what a manager applies, and writes the namespace of the URL into it.
// PARITY: apiserver/pkg/endpoints/handlers/patch.go#applyPatchToObject, #applyPatch
fn check_config<A: Admission>(job: &Job<'_, A>, config: &mut Document) -> Result<(), Refusal> {
    let target = job.target();
    let refuse = |message: String| Err(Refusal::BadRequest { message });
    if job.request.options.manager.is_empty() {
        let what = "is required for apply patch";
        return Err(Refusal::Invalid {
            kind: QualifiedKind {
                kind: "PatchOptions".to_owned(),
                group: "meta.k8s.io".to_owned(),
            },
            name: String::new(),
            errors: vec![FieldError::required(FieldPath::of("fieldManager"), what)],
        });
    }
    let expected = target.served.api_version();
    let (api_version, kind) = (text(config, "apiVersion"), text(config, "kind"));
    if api_version != expected {
        return refuse(format!(
            "Incorrect version specified in apply patch. Specified patch version: {api_version}, \
             expected: {expected}"
        ));
    }
    if kind != target.served.definition().kind {
        return refuse(format!(
            "{kind} in version {:?} cannot be handled as a {}",
            target.served.version(),
            target.served.definition().kind
        ));
    }
    if metadata(config).is_some_and(|it| it.get("managedFields").is_some_and(|it| !it.is_null())) {
        return refuse("metadata.managedFields must be nil".to_owned());
    }
    check_namespace(target, config)?;
    // An object that is there has a name already.
    if meta_text(config, "name").is_empty() { Ok(()) } else { check_name(target, config) }
}
