//! Services: ports that can be told apart, of a kind that there is.
//!
//! Nothing here allocates addresses or ports, or carries traffic; a service is kept for whoever does.

use std::collections::BTreeSet;

use ferry_api::{FieldError, FieldPath, NameRule};
use ferry_registry::{Document, Operation, Refusal, Review};
use serde_json::Value;

use crate::denial::invalid;
use crate::fields::{at, map_mut, text};
use crate::policies::shape::{
    PROTOCOLS, duplicate, items, no_port, not_supported, one_of, port_name_problems,
};

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const AFFINITIES: [&str; 2] = ["ClientIP", "None"];
const TRAFFIC_POLICIES: [&str; 2] = ["Cluster", "Local"];

/// As long a client may stay with one endpoint: a day, in seconds.
// PARITY: pkg/apis/core/types.go#MaxClientIPServiceAffinitySeconds
const LONGEST_AFFINITY: i64 = 86_400;

/// The port of the kubelet, which is not to be exposed.
const KUBELET_PORT: i64 = 10_250;

/// Who replaces a service need not say its address again.
// PARITY: pkg/registry/core/service/storage/storage.go#patchAllocatedValues
pub(super) fn complete(review: &Review<'_>, service: &mut Document) {
    let Operation::Update { old, .. } = review.operation else { return };
    let is_internal = |service| text(service, &["spec", "type"]) != Some("ExternalName");
    if !is_internal(old) || !is_internal(service) {
        return;
    }
    for field in ["clusterIP", "clusterIPs"] {
        let is_open = |value: &Value| *value == "" || value.as_array().is_some_and(Vec::is_empty);
        if let Some(address) = at(old, &["spec", field])
            && at(service, &["spec", field]).is_none_or(is_open)
        {
            map_mut(service, &["spec"]).insert(field.to_owned(), address.clone());
        }
    }
}

pub(super) fn check(review: &Review<'_>) -> Result<(), Refusal> {
    let Some((old, new)) = super::states(review) else { return Ok(()) };
    let none = Document::new();
    let spec = |service| at(service, &["spec"]).and_then(Value::as_object).unwrap_or(&none);
    let (before, after) = (old.map(spec), spec(new));
    let mut errors = problems(after);
    errors.extend(before.and_then(|before| address_problem(before, after)));
    // A port of the node that its former type had goes with it; nothing uses it.
    if before.is_none_or(|before| type_of(before) == "ClusterIP") {
        errors.extend(node_port_problems(after));
    }
    invalid(review.target, errors)
}

fn type_of(spec: &Document) -> &str {
    text(spec, &["type"]).unwrap_or_default()
}

fn is_headless(spec: &Document) -> bool {
    text(spec, &["clusterIP"]) == Some("None")
}

/// Everything that is wrong with the spec of a service.
// PARITY: pkg/apis/core/validation/validation.go#ValidateService
fn problems(spec: &Document) -> Vec<FieldError> {
    let path = FieldPath::of("spec");
    let type_ = type_of(spec);
    let mut errors = Vec::new();
    let has_ports = items(spec, "ports").next().is_some();
    if !has_ports && !is_headless(spec) && type_ != "ExternalName" {
        errors.push(FieldError::required(path.field("ports"), ""));
    }
    match type_ {
        "ExternalName" => errors.extend(external_name_problems(spec, &path)),
        "LoadBalancer" | "NodePort" if is_headless(spec) => {
            let message = format!("may not be set to 'None' for {type_} services");
            let path = path.field("clusterIPs").index(0);
            errors.push(FieldError::invalid(path, "None".into(), message));
        }
        _ => {}
    }
    errors.extend(port_problems(spec, &path));
    errors.extend(affinity_problems(spec, &path));
    errors.extend(one_of(spec, "externalTrafficPolicy", &TRAFFIC_POLICIES, &path));
    errors.extend(one_of(spec, "internalTrafficPolicy", &TRAFFIC_POLICIES, &path));
    if type_.is_empty() {
        errors.push(FieldError::required(path.field("type"), ""));
    } else if !TYPES.contains(&type_) {
        errors.push(not_supported(path.field("type"), type_, &TYPES));
    }
    errors
}

fn external_name_problems(spec: &Document, path: &FieldPath) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if text(spec, &["clusterIP"]).is_some_and(|address| !address.is_empty()) {
        let message = "may not be set for ExternalName services";
        errors.push(FieldError::forbidden(path.field("clusterIPs"), message));
    }
    let path = path.field("externalName");
    let name = text(spec, &["externalName"]).unwrap_or_default();
    // A dot at the end says that nothing is to be put after it.
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() {
        errors.push(FieldError::required(path, ""));
    } else if let Err(error) = NameRule::DnsSubdomain.check(name) {
        for message in error.messages() {
            errors.push(FieldError::invalid(path.clone(), name.into(), message.clone()));
        }
    }
    errors
}

// PARITY: pkg/apis/core/validation/validation.go#validateServicePort
fn port_problems(spec: &Document, path: &FieldPath) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let (mut names, mut ports) = (BTreeSet::new(), BTreeSet::new());
    let are_several = items(spec, "ports").nth(1).is_some();
    let is_exposed = type_of(spec) == "LoadBalancer";
    for (index, port) in items(spec, "ports").enumerate() {
        let path = path.field("ports").index(index);
        if are_several && text(port, &["name"]).is_none_or(str::is_empty) {
            errors.push(FieldError::required(path.field("name"), ""));
        }
        errors.extend(name_problems(port, &path, &mut names));
        let number = at(port, &["port"]).and_then(Value::as_i64).unwrap_or_default();
        errors.extend(no_port(number, &path.field("port")));
        if is_exposed && number == KUBELET_PORT {
            let message = format!(
                "may not expose port {KUBELET_PORT} externally since it is used by kubelet"
            );
            errors.push(FieldError::invalid(path.clone(), number.into(), message));
        }
        match text(port, &["protocol"]) {
            None | Some("") => errors.push(FieldError::required(path.field("protocol"), "")),
            Some(_) => errors.extend(one_of(port, "protocol", &PROTOCOLS, &path)),
        }
        errors.extend(target_problems(port, &path.field("targetPort")));
        let protocol = text(port, &["protocol"]).unwrap_or_default();
        if !ports.insert((protocol, number)) {
            let value = serde_json::json!({ "port": number, "protocol": protocol });
            errors.push(duplicate(path, value));
        }
    }
    errors
}

fn name_problems<'d>(
    port: &'d Document,
    path: &FieldPath,
    names: &mut BTreeSet<&'d str>,
) -> Vec<FieldError> {
    let path = path.field("name");
    let name = text(port, &["name"]).unwrap_or_default();
    if name.is_empty() {
        return Vec::new();
    }
    let mut errors = Vec::new();
    if let Err(error) = NameRule::DnsLabel.check(name) {
        for message in error.messages() {
            errors.push(FieldError::invalid(path.clone(), name.into(), message.clone()));
        }
    }
    if !names.insert(name) {
        errors.push(duplicate(path, name));
    }
    errors
}

// PARITY: pkg/apis/core/validation/validation.go#ValidatePortNumOrName
fn target_problems(port: &Document, path: &FieldPath) -> Vec<FieldError> {
    match at(port, &["targetPort"]) {
        Some(Value::String(name)) => port_name_problems(name)
            .into_iter()
            .map(|message| FieldError::invalid(path.clone(), name.as_str().into(), message))
            .collect(),
        Some(target) => {
            let number = target.as_i64().unwrap_or_default();
            no_port(number, path).into_iter().collect()
        }
        None => Vec::new(),
    }
}

// PARITY: pkg/apis/core/validation/validation.go#validateClientIPAffinityConfig
fn affinity_problems(spec: &Document, path: &FieldPath) -> Option<FieldError> {
    match text(spec, &["sessionAffinity"]) {
        None | Some("") => return Some(FieldError::required(path.field("sessionAffinity"), "")),
        Some("ClientIP") => {}
        Some(_) => return one_of(spec, "sessionAffinity", &AFFINITIES, path),
    }
    let seconds = at(spec, &["sessionAffinityConfig", "clientIP", "timeoutSeconds"])?;
    let fits = seconds.as_i64().is_some_and(|seconds| (1..=LONGEST_AFFINITY).contains(&seconds));
    (!fits).then(|| {
        let path = path.field("sessionAffinityConfig").field("clientIP").field("timeoutSeconds");
        let message = format!("must be greater than 0 and less than {LONGEST_AFFINITY}");
        FieldError::invalid(path, seconds.clone(), message)
    })
}

/// Only services that are reached from outside have ports of the nodes.
fn node_port_problems(spec: &Document) -> Vec<FieldError> {
    if type_of(spec) != "ClusterIP" {
        return Vec::new();
    }
    let path = FieldPath::of("spec.ports");
    let has_one = |port: &Document| at(port, &["nodePort"]).is_some_and(|port| *port != 0);
    items(spec, "ports")
        .enumerate()
        .filter(|(_, port)| has_one(port))
        .map(|(index, _)| {
            let message = "may not be used when `type` is 'ClusterIP'";
            FieldError::forbidden(path.index(index).field("nodePort"), message)
        })
        .collect()
}

/// Clients remember the address of a service.
// PARITY: pkg/apis/core/validation/validation.go#ValidateServiceClusterIPsRelatedFields
fn address_problem(before: &Document, after: &Document) -> Option<FieldError> {
    let address = |spec| text(spec, &["clusterIP"]).unwrap_or_default().to_owned();
    let (was, is) = (address(before), address(after));
    let has_any = [before, after].iter().all(|spec| type_of(spec) != "ExternalName");
    (has_any && !was.is_empty() && was != is).then(|| {
        let path = FieldPath::of("spec.clusterIPs").index(0);
        FieldError::invalid(path, serde_json::json!([is]), "may not change once set")
    })
}
