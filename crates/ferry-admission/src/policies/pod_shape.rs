//! What a pod's spec may be, as far as it does not need a container to find out.

use std::collections::BTreeSet;

use ferry_api::{FieldError, FieldPath, NameRule};
use ferry_registry::Document;
use serde_json::Value;

use crate::fields::{at, text};
use crate::policies::pod_container;
use crate::policies::shape::{duplicate, items, misnamed, one_of};

const RESTART_POLICIES: [&str; 3] = ["Always", "OnFailure", "Never"];
const DNS_POLICIES: [&str; 4] = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

/// As many seconds a pod may live at most.
pub(super) const LONGEST: i64 = i32::MAX as i64;

/// Everything that is wrong with the spec of a pod.
// PARITY: pkg/apis/core/validation/validation.go#ValidatePodSpec
pub(super) fn problems(pod: &Document) -> Vec<FieldError> {
    let none = Document::new();
    let spec = at(pod, &["spec"]).and_then(Value::as_object).unwrap_or(&none);
    let path = FieldPath::of("spec");
    let mut errors = check_volumes(spec, &path);
    let volumes: BTreeSet<&str> =
        items(spec, "volumes").filter_map(|volume| text(volume, &["name"])).collect();
    let mut names = BTreeSet::new();
    if items(spec, "containers").next().is_none() {
        errors.push(FieldError::required(path.field("containers"), ""));
    }
    for list in ["containers", "initContainers"] {
        for (index, container) in items(spec, list).enumerate() {
            let path = path.field(list).index(index);
            errors.extend(check_name(container, &path, &mut names));
            let is_first = list == "initContainers";
            errors.extend(pod_container::problems(container, is_first, &volumes, &path));
        }
    }
    errors.extend(one_of(spec, "restartPolicy", &RESTART_POLICIES, &path));
    errors.extend(one_of(spec, "dnsPolicy", &DNS_POLICIES, &path));
    for (field, range, message) in [
        ("terminationGracePeriodSeconds", 0..=i64::MAX, "must be greater than or equal to 0"),
        ("activeDeadlineSeconds", 1..=LONGEST, "must be between 1 and 2147483647, inclusive"),
    ] {
        if let Some(value) = at(spec, &[field])
            && value.as_i64().is_some_and(|seconds| !range.contains(&seconds))
        {
            errors.push(FieldError::invalid(path.field(field), value.clone(), message));
        }
    }
    errors
}

/// A name of one item of a list, which is a DNS label and there once.
fn check_name<'d>(
    object: &'d Document,
    path: &FieldPath,
    seen: &mut BTreeSet<&'d str>,
) -> Vec<FieldError> {
    let path = path.field("name");
    let name = text(object, &["name"]).unwrap_or_default();
    if name.is_empty() {
        return vec![FieldError::required(path, "")];
    }
    let mut errors = misnamed(NameRule::DnsLabel, name, &path);
    if !seen.insert(name) {
        errors.push(duplicate(path, name));
    }
    errors
}

// PARITY: pkg/apis/core/validation/validation.go#ValidateVolumes
fn check_volumes(spec: &Document, path: &FieldPath) -> Vec<FieldError> {
    let mut names = BTreeSet::new();
    let volumes = items(spec, "volumes").enumerate();
    volumes
        .flat_map(|(index, volume)| {
            check_name(volume, &path.field("volumes").index(index), &mut names)
        })
        .collect()
}
