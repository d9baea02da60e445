//! Claims of volumes: what is asked for is said at the beginning, and once it is had it only grows.

use ferry_api::{FieldError, FieldPath, NameRule, PROVISIONER, Quantity, STORAGE_PROVISIONER};
use ferry_registry::{Document, Operation, Part, Refusal, Review};
use serde_json::Value;

use crate::denial::invalid;
use crate::fields::{at, map_mut, same, text};
use crate::policies::shape::{not_supported, one_of, quantity};

const ACCESS_MODES: [&str; 4] =
    ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
const VOLUME_MODES: [&str; 2] = ["Block", "Filesystem"];

/// Where a claim says how much it asks for.
const STORAGE: [&str; 4] = ["spec", "resources", "requests", "storage"];

/// No class of storage says who makes the volumes of this cluster's claims: there is one who does. A
/// claim that was copied from another cluster may name another.
pub(super) fn complete(review: &Review<'_>, claim: &mut Document) {
    match review.operation {
        Operation::Create { .. } | Operation::Update { .. } => {}
        Operation::Delete { .. } => return,
    }
    if review.target.part == Part::Main {
        let annotations = map_mut(claim, &["metadata", "annotations"]);
        annotations.insert(STORAGE_PROVISIONER.to_owned(), PROVISIONER.into());
    }
}

pub(super) fn check(review: &Review<'_>) -> Result<(), Refusal> {
    if review.target.part != Part::Main {
        return Ok(());
    }
    let Some((old, new)) = super::states(review) else { return Ok(()) };
    let mut errors = problems(new);
    if let Some(old) = old {
        errors.extend(change_problems(old, new));
    }
    invalid(review.target, errors)
}

// PARITY: pkg/apis/core/validation/validation.go#ValidatePersistentVolumeClaimSpec
fn problems(claim: &Document) -> Vec<FieldError> {
    let path = FieldPath::of("spec");
    let none = Document::new();
    let spec = at(claim, &["spec"]).and_then(Value::as_object).unwrap_or(&none);
    let mut errors = Vec::new();
    let modes = at(spec, &["accessModes"]).and_then(Value::as_array);
    let modes: Vec<_> = modes.into_iter().flatten().filter_map(Value::as_str).collect();
    if modes.is_empty() {
        let message = "at least 1 access mode is required";
        errors.push(FieldError::required(path.field("accessModes"), message));
    }
    for mode in modes.iter().filter(|mode| !ACCESS_MODES.contains(mode)) {
        errors.push(not_supported(path.field("accessModes"), mode, &ACCESS_MODES));
    }
    let is_alone = |mode: &&str| *mode == "ReadWriteOncePod";
    if modes.iter().any(is_alone) && !modes.iter().all(is_alone) {
        let message = "may not use ReadWriteOncePod with other access modes";
        errors.push(FieldError::forbidden(path.field("accessModes"), message));
    }
    let storage = path.field("resources").key("storage");
    match at(claim, &STORAGE) {
        None => errors.push(FieldError::required(storage, "")),
        Some(size) if quantity(Some(size)).is_none_or(|size| size <= Quantity::default()) => {
            errors.push(FieldError::invalid(storage, size.clone(), "must be greater than zero"));
        }
        Some(_) => {}
    }
    if let Some(class) = text(spec, &["storageClassName"]).filter(|class| !class.is_empty())
        && let Err(error) = NameRule::DnsSubdomain.check(class)
    {
        for message in error.messages() {
            let path = path.field("storageClassName");
            errors.push(FieldError::invalid(path, class.into(), message.clone()));
        }
    }
    errors.extend(one_of(spec, "volumeMode", &VOLUME_MODES, &path));
    errors
}

// PARITY: pkg/apis/core/validation/validation.go#ValidatePersistentVolumeClaimUpdate
fn change_problems(old: &Document, new: &Document) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let is_bound = text(new, &["status", "phase"]) == Some("Bound");
    let fixed = |claim: &Document| {
        let mut claim = claim.clone();
        let spec = map_mut(&mut claim, &["spec"]);
        // Who binds a claim says so in it, and a class that was left open is filled in.
        for field in ["volumeName", "storageClassName"] {
            if at(old, &["spec", field]).is_none_or(|value| *value == "") {
                spec.remove(field);
            }
        }
        // It is there already before a claim is kept with it.
        if at(spec, &["volumeMode"]).is_none() {
            spec.insert("volumeMode".to_owned(), "Filesystem".into());
        }
        if is_bound {
            spec.remove("volumeAttributesClassName");
            if spec.contains_key("resources") {
                map_mut(spec, &["resources", "requests"]).remove("storage");
            }
        }
        claim.remove("spec")
    };
    if !same(fixed(old).as_ref(), fixed(new).as_ref()) {
        errors.push(FieldError::forbidden(
            FieldPath::of("spec"),
            "spec is immutable after creation except resources.requests and \
             volumeAttributesClassName for bound claims",
        ));
    }
    let (was, is) = (quantity(at(old, &STORAGE)), quantity(at(new, &STORAGE)));
    let has = quantity(at(old, &["status", "capacity", "storage"])).unwrap_or_default();
    if let (Some(was), Some(is)) = (was, is)
        && is < was
        && is <= has
    {
        let message = "field can not be less than status.capacity";
        errors.push(FieldError::forbidden(FieldPath::of(&STORAGE.join(".")), message));
    }
    errors
}
