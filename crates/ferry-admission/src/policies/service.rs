//! Services: ports that can be told apart, of a kind that there is.
//!
//! Nothing here allocates addresses or ports, or carries traffic; a service is kept for whoever does.

use core::net::IpAddr;
use std::collections::BTreeSet;

use ferry_api::{FieldError, FieldPath, NameRule};
use ferry_registry::{Document, Operation, Refusal, Review};
use serde_json::Value;

use crate::denial::invalid;
use crate::fields::{at, map, map_mut, text};
use crate::policies::shape::{
    PROTOCOLS, added, duplicate, items, misnamed, no_port, not_supported, one_of, port_problems,
};

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const AFFINITIES: [&str; 2] = ["ClientIP", "None"];
const TRAFFIC_POLICIES: [&str; 2] = ["Cluster", "Local"];

/// As long a client may stay with one endpoint: a day, in seconds.
// PARITY: pkg/apis/core/types.go#MaxClientIPServiceAffinitySeconds
const LONGEST_AFFINITY: i64 = 86_400;

/// The port of the kubelet, which is not to be exposed.
const KUBELET_PORT: i64 = 10_250;

pub(super) fn complete(review: &Review<'_>, service: &mut Document) {
    let Operation::Update { old, .. } = review.operation else { return };
    keep_address(old, service);
    drop_policy(old, service);
}

/// How traffic from outside is spread goes with the last way in, unless somebody says it anew. It
/// was filled in, and nobody has to take it back.
// PARITY: pkg/registry/core/service/strategy.go#dropTypeDependentFields
fn drop_policy(old: &Document, service: &mut Document) {
    let policy = ["spec", "externalTrafficPolicy"];
    let was_accessible = map(old, &["spec"]).is_some_and(is_accessible);
    let is_accessible = map(service, &["spec"]).is_some_and(is_accessible);
    if was_accessible && !is_accessible && at(old, &policy) == at(service, &policy) {
        map_mut(service, &["spec"]).remove("externalTrafficPolicy");
    }
}

/// Who replaces a service need not say its address again.
// PARITY: pkg/registry/core/service/storage/storage.go#patchAllocatedValues
fn keep_address(old: &Document, service: &mut Document) {
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
    let mut errors = added(&before.map(problems).unwrap_or_default(), problems(after));
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

/// Whether anybody outside of the cluster reaches it.
// PARITY: pkg/api/service/util.go#ExternallyAccessible
fn is_accessible(spec: &Document) -> bool {
    let has_addresses = || addresses(spec).next().is_some();
    match type_of(spec) {
        "LoadBalancer" | "NodePort" => true,
        "ClusterIP" => has_addresses(),
        _ => false,
    }
}

fn addresses(spec: &Document) -> impl Iterator<Item = &str> {
    let addresses = spec.get("externalIPs").and_then(Value::as_array);
    addresses.into_iter().flatten().filter_map(Value::as_str)
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
    errors.extend(all_port_problems(spec, &path));
    errors.extend(selector_problems(spec, &path.field("selector")));
    errors.extend(affinity_problems(spec, &path));
    for (index, address) in addresses(spec).enumerate() {
        errors.extend(address_problems(address, &path.field("externalIPs").index(index)));
    }
    errors.extend(traffic_problem(spec, &path));
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
fn all_port_problems(spec: &Document, path: &FieldPath) -> Vec<FieldError> {
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
        errors.extend(port_problems(at(port, &["targetPort"]), &path.field("targetPort")));
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

/// Its pods are told by labels.
// PARITY: apimachinery/pkg/apis/meta/v1/validation/validation.go#ValidateLabels
fn selector_problems(spec: &Document, path: &FieldPath) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (key, value) in map(spec, &["selector"]).into_iter().flatten() {
        errors.extend(misnamed(NameRule::LabelKey, key, path));
        let value = value.as_str().unwrap_or_default();
        errors.extend(misnamed(NameRule::LabelValue, value, path));
    }
    errors
}

/// An address outside of the cluster is one that others can mean too.
// PARITY: pkg/apis/core/validation/validation.go#ValidateNonSpecialIP
fn address_problems(address: &str, path: &FieldPath) -> Vec<FieldError> {
    let wrong =
        |message: &str| FieldError::invalid(path.clone(), address.into(), message.to_owned());
    let Ok(ip) = address.parse::<IpAddr>() else {
        return vec![wrong("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")];
    };
    let ip = ip.to_canonical();
    let (is_link_local, is_link_local_multicast) = match ip {
        IpAddr::V4(ip) => (ip.is_link_local(), ip.octets().starts_with(&[224, 0, 0])),
        // Whoever routes looks at the scope alone: ff02, or ff12 for groups that come and go.
        IpAddr::V6(ip) => (ip.is_unicast_link_local(), ip.segments()[0] & 0xff0f == 0xff02),
    };
    let mut errors = Vec::new();
    if ip.is_unspecified() {
        errors.push(wrong(&format!("may not be unspecified ({address})")));
    }
    for (is_special, message) in [
        (ip.is_loopback(), "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (is_link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        (
            is_link_local_multicast,
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
        ),
    ] {
        if is_special {
            errors.push(wrong(message));
        }
    }
    errors
}

// PARITY: pkg/apis/core/validation/validation.go#validateServiceExternalTrafficPolicy
fn traffic_problem(spec: &Document, path: &FieldPath) -> Option<FieldError> {
    let policy = text(spec, &["externalTrafficPolicy"]).filter(|policy| !policy.is_empty())?;
    if is_accessible(spec) {
        return one_of(spec, "externalTrafficPolicy", &TRAFFIC_POLICIES, path);
    }
    let message = "may only be set for externally-accessible services";
    Some(FieldError::invalid(path.field("externalTrafficPolicy"), policy.into(), message))
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
