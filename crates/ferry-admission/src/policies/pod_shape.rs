//! What a pod's spec may be, as far as it does not need a container to find out.

use std::collections::BTreeSet;

use ferry_api::{FieldError, FieldPath, NameRule};
use ferry_registry::Document;
use serde_json::Value;

use crate::fields::{at, text};
use crate::policies::shape::{PROTOCOLS, duplicate, items, no_port, one_of, port_name_problems};

const RESTART_POLICIES: [&str; 3] = ["Always", "OnFailure", "Never"];
const DNS_POLICIES: [&str; 4] = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
const PULL_POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];

/// Everything that is wrong with the spec of a new pod.
// PARITY: pkg/apis/core/validation/validation.go#ValidatePodSpec
pub(super) fn problems(pod: &Document) -> Vec<FieldError> {
    let none = Document::new();
    let spec = at(pod, &["spec"]).and_then(Value::as_object).unwrap_or(&none);
    let path = FieldPath::of("spec");
    let mut errors = check_volumes(spec, &path);
    let mut names = BTreeSet::new();
    if items(spec, "containers").next().is_none() {
        errors.push(FieldError::required(path.field("containers"), ""));
    }
    for list in ["containers", "initContainers"] {
        for (index, container) in items(spec, list).enumerate() {
            let path = path.field(list).index(index);
            errors.extend(check_container(container, &path, &mut names));
        }
    }
    errors.extend(one_of(spec, "restartPolicy", &RESTART_POLICIES, &path));
    errors.extend(one_of(spec, "dnsPolicy", &DNS_POLICIES, &path));
    for (field, least, message) in [
        ("terminationGracePeriodSeconds", 0, "must be greater than or equal to 0"),
        ("activeDeadlineSeconds", 1, "must be between 1 and 2147483647, inclusive"),
    ] {
        if let Some(value) = at(spec, &[field])
            && value.as_i64().is_some_and(|seconds| seconds < least)
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
    let mut errors = Vec::new();
    if let Err(error) = NameRule::DnsLabel.check(name) {
        for message in error.messages() {
            errors.push(FieldError::invalid(path.clone(), name.into(), message.clone()));
        }
    }
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

// PARITY: pkg/apis/core/validation/validation.go#validateContainerCommon
fn check_container<'d>(
    container: &'d Document,
    path: &FieldPath,
    names: &mut BTreeSet<&'d str>,
) -> Vec<FieldError> {
    let mut errors = check_name(container, path, names);
    let image = text(container, &["image"]).unwrap_or_default();
    if image.is_empty() {
        errors.push(FieldError::required(path.field("image"), ""));
    } else if image.trim() != image {
        let message = "must not have leading or trailing whitespace";
        errors.push(FieldError::invalid(path.field("image"), image.into(), message));
    }
    errors.extend(one_of(container, "imagePullPolicy", &PULL_POLICIES, path));
    errors.extend(check_ports(container, &path.field("ports")));
    let mut mounted = BTreeSet::new();
    for (index, mount) in items(container, "volumeMounts").enumerate() {
        let path = path.field("volumeMounts").index(index).field("mountPath");
        let place = text(mount, &["mountPath"]).unwrap_or_default();
        if place.is_empty() {
            errors.push(FieldError::required(path, ""));
        } else if !mounted.insert(place) {
            errors.push(FieldError::invalid(path, place.into(), "must be unique"));
        }
    }
    errors
}

// PARITY: pkg/apis/core/validation/validation.go#validateContainerPorts
fn check_ports(container: &Document, path: &FieldPath) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut names = BTreeSet::new();
    for (index, port) in items(container, "ports").enumerate() {
        let path = path.index(index);
        if let Some(name) = text(port, &["name"]).filter(|name| !name.is_empty()) {
            for message in port_name_problems(name) {
                errors.push(FieldError::invalid(path.field("name"), name.into(), message));
            }
            if !names.insert(name) {
                errors.push(duplicate(path.field("name"), name));
            }
        }
        match at(port, &["containerPort"]).and_then(Value::as_i64) {
            None | Some(0) => errors.push(FieldError::required(path.field("containerPort"), "")),
            Some(number) => errors.extend(no_port(number, &path.field("containerPort"))),
        }
        let host = at(port, &["hostPort"]).and_then(Value::as_i64).filter(|port| *port != 0);
        errors.extend(host.and_then(|number| no_port(number, &path.field("hostPort"))));
        errors.extend(one_of(port, "protocol", &PROTOCOLS, &path));
    }
    errors
}
