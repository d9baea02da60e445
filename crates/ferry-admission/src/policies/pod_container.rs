//! What a container of a pod may be.

use std::collections::BTreeSet;

use ferry_api::{FieldError, FieldPath};
use ferry_registry::Document;
use serde_json::Value;

use crate::fields::{at, map, text};
use crate::policies::shape::{
    PROTOCOLS, duplicate, items, no_port, not_found, one_of, port_name_problems, port_problems,
};

const PULL_POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];

/// How a container is asked whether it is well.
const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];

/// Ways to ask a container, and to tell it something.
const ASK: [&str; 4] = ["exec", "httpGet", "tcpSocket", "grpc"];
const TELL: [&str; 4] = ["exec", "httpGet", "tcpSocket", "sleep"];

/// Everything that is wrong with a container but for its name and resources; `is_first` are those
/// that run before the others, and `volumes` are the pod's.
// PARITY: pkg/apis/core/validation/validation.go#validateContainerCommon
pub(super) fn problems(
    container: &Document,
    is_first: bool,
    volumes: &BTreeSet<&str>,
    path: &FieldPath,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let image = text(container, &["image"]).unwrap_or_default();
    if image.is_empty() {
        errors.push(FieldError::required(path.field("image"), ""));
    } else if image.trim() != image {
        let message = "must not have leading or trailing whitespace";
        errors.push(FieldError::invalid(path.field("image"), image.into(), message));
    }
    errors.extend(one_of(container, "imagePullPolicy", &PULL_POLICIES, path));
    errors.extend(check_ports(container, &path.field("ports")));
    errors.extend(check_variables(container, &path.field("env")));
    errors.extend(check_mounts(container, volumes, path));
    errors.extend(check_handlers(container, is_first, path));
    errors
}

// PARITY: pkg/apis/core/validation/validation.go#ValidateEnv
fn check_variables(container: &Document, path: &FieldPath) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (index, variable) in items(container, "env").enumerate() {
        let path = path.index(index).field("name");
        let name = text(variable, &["name"]).unwrap_or_default();
        let fits = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=';
        if name.is_empty() {
            errors.push(FieldError::required(path, ""));
        } else if !name.bytes().all(fits) {
            let message = "a valid environment variable name must consist only of printable ASCII \
                           characters other than '='";
            errors.push(FieldError::invalid(path, name.into(), message));
        }
    }
    errors
}

// PARITY: pkg/apis/core/validation/validation.go#ValidateVolumeMounts
fn check_mounts(
    container: &Document,
    volumes: &BTreeSet<&str>,
    path: &FieldPath,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    // A device is a volume without a file system.
    for (list, place) in [("volumeMounts", "mountPath"), ("volumeDevices", "devicePath")] {
        let mut taken = BTreeSet::new();
        for (index, mount) in items(container, list).enumerate() {
            let path = path.field(list).index(index);
            let name = text(mount, &["name"]).unwrap_or_default();
            if name.is_empty() {
                errors.push(FieldError::required(path.field("name"), ""));
            } else if !volumes.contains(name) {
                errors.push(not_found(path.field("name"), name));
            }
            let path = path.field(place);
            let place = text(mount, &[place]).unwrap_or_default();
            if place.is_empty() {
                errors.push(FieldError::required(path, ""));
            } else if !taken.insert(place) {
                errors.push(FieldError::invalid(path, place.into(), "must be unique"));
            }
        }
    }
    errors
}

/// A container that ends before the others start is neither asked nor told anything.
// PARITY: pkg/apis/core/validation/validation.go#validateInitContainers
fn check_handlers(container: &Document, is_first: bool, path: &FieldPath) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if is_first && text(container, &["restartPolicy"]) != Some("Always") {
        for field in ["lifecycle"].into_iter().chain(PROBES) {
            if at(container, &[field]).is_some() {
                let message = "may not be set for init containers without restartPolicy=Always";
                errors.push(FieldError::forbidden(path.field(field), message));
            }
        }
        return errors;
    }
    for moment in ["postStart", "preStop"] {
        if let Some(handler) = map(container, &["lifecycle", moment]) {
            errors.extend(check_handler(handler, &TELL, &path.field("lifecycle").field(moment)));
        }
    }
    for name in PROBES {
        let path = path.field(name);
        let Some(probe) = map(container, &[name]) else { continue };
        errors.extend(check_handler(probe, &ASK, &path));
        let successes = at(probe, &["successThreshold"]).and_then(Value::as_i64).unwrap_or(1);
        if name != "readinessProbe" && successes != 1 {
            let path = path.field("successThreshold");
            errors.push(FieldError::invalid(path, successes.into(), "must be 1"));
        }
    }
    errors
}

// PARITY: pkg/apis/core/validation/validation.go#validateHandler
fn check_handler(handler: &Document, kinds: &[&str], path: &FieldPath) -> Vec<FieldError> {
    let mut given = kinds.iter().filter(|kind| at(handler, &[**kind]).is_some());
    let Some(&kind) = given.next() else {
        return vec![FieldError::required(path.clone(), "must specify a handler type")];
    };
    let mut errors = Vec::new();
    let command = at(handler, &["exec", "command"]).and_then(Value::as_array);
    if kind == "exec" && command.is_none_or(Vec::is_empty) {
        errors.push(FieldError::required(path.field("exec").field("command"), ""));
    }
    let port_path = path.field(kind).field("port");
    errors.extend(port_problems(at(handler, &[kind, "port"]), &port_path));
    for kind in given {
        let message = "may not specify more than 1 handler type";
        errors.push(FieldError::forbidden(path.field(kind), message));
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
