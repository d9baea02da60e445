//! What objects of Kubernetes' own kinds are completed with when they are read.
//!
//! Whoever looks at a pod or a service finds there what holds, whether or not it was written; field
//! selectors and tables rely on it. Server-side apply fills in the same, and nobody owns that.
//!
//! Source: Kubernetes `pkg/apis/core/v1/defaults.go`.

use ferry_api::Kind;
use serde_json::{Map, Value, json};

use crate::object::Document;

/// Seconds that a pod is given to end by itself.
// PARITY: staging/src/k8s.io/api/core/v1/types.go#DefaultTerminationGracePeriodSeconds
const GRACE_PERIOD_SECONDS: i64 = 30;

/// Seconds for which a client of a service stays with one endpoint, where it does at all: 3 hours.
// PARITY: staging/src/k8s.io/api/core/v1/types.go#DefaultClientIPServiceAffinitySeconds
const AFFINITY_SECONDS: i64 = 10_800;

/// The permissions of files that volumes are made of: 0644.
const FILE_MODE: i64 = 0o644;

/// Seconds that a token in a volume is valid.
const TOKEN_SECONDS: i64 = 3600;

/// Completes an object of `kind`. Values of wrong types are left for the schema to refuse.
pub(super) fn complete(kind: Kind, object: &mut Value) {
    let Some(Value::Object(spec)) = object.get_mut("spec") else { return };
    match kind {
        Kind::Pod => complete_pod(spec),
        Kind::Service => complete_service(spec),
        Kind::PersistentVolumeClaim => fill(spec, "volumeMode", "Filesystem"),
        Kind::VirtualMachine
        | Kind::VirtualMachineInstance
        | Kind::VirtualMachineInstanceMigration
        | Kind::MigrationPolicy
        | Kind::KubeVirt
        | Kind::HyperConverged
        | Kind::NetworkAttachmentDefinition
        | Kind::Node
        | Kind::Namespace
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

/// Completes the spec of a pod.
// PARITY: pkg/apis/core/v1/zz_generated.defaults.go#SetObjectDefaults_Pod
pub(crate) fn complete_pod(spec: &mut Document) {
    fill_text(spec, "dnsPolicy", "ClusterFirst");
    fill_text(spec, "restartPolicy", "Always");
    fill_text(spec, "schedulerName", "default-scheduler");
    fill(spec, "securityContext", json!({}));
    fill(spec, "terminationGracePeriodSeconds", GRACE_PERIOD_SECONDS);
    fill(spec, "enableServiceLinks", true);
    let on_host = spec.get("hostNetwork") == Some(&Value::Bool(true));
    for list in ["initContainers", "containers"] {
        for container in items(spec, list) {
            complete_container(container);
            complete_requests(container);
            for port in items(container, "ports").filter(|_| on_host) {
                let number = port.get("containerPort").cloned().unwrap_or_default();
                fill_count(port, "hostPort", number);
            }
        }
    }
    for container in items(spec, "ephemeralContainers") {
        complete_container(container);
    }
    for volume in items(spec, "volumes") {
        complete_volume(volume);
    }
}

// PARITY: pkg/apis/core/v1/defaults.go#SetDefaults_Container
fn complete_container(container: &mut Document) {
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let policy = if is_latest(image) { "Always" } else { "IfNotPresent" };
    fill_text(container, "imagePullPolicy", policy);
    fill_text(container, "terminationMessagePath", "/dev/termination-log");
    fill_text(container, "terminationMessagePolicy", "File");
    for variable in items(container, "env") {
        let Some(source) = section(variable, "valueFrom") else { continue };
        complete_reference(source);
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(probe) = section(container, probe) else { continue };
        for (field, default) in [
            ("timeoutSeconds", 1),
            ("periodSeconds", 10),
            ("successThreshold", 1),
            ("failureThreshold", 3),
        ] {
            fill_count(probe, field, default);
        }
        complete_action(probe);
    }
    if let Some(lifecycle) = section(container, "lifecycle") {
        for moment in ["postStart", "preStop"] {
            section(lifecycle, moment).map(complete_action).unwrap_or_default();
        }
    }
}

// PARITY: pkg/apis/core/v1/defaults.go#SetDefaults_HTTPGetAction
fn complete_action(handler: &mut Document) {
    if let Some(get) = section(handler, "httpGet") {
        fill_text(get, "path", "/");
        fill_text(get, "scheme", "HTTP");
    }
    if let Some(call) = section(handler, "grpc") {
        fill(call, "service", "");
    }
}

/// Whoever limits a container asks for as much, where he does not say for how much.
// PARITY: pkg/apis/core/v1/defaults.go#SetDefaults_Pod
fn complete_requests(container: &mut Document) {
    let Some(resources) = section(container, "resources") else { return };
    let Some(Value::Object(limits)) = resources.get("limits").cloned() else { return };
    fill(resources, "requests", json!({}));
    if let Some(requests) = section(resources, "requests") {
        for (resource, limit) in limits {
            requests.entry(resource).or_insert(limit);
        }
    }
}

// PARITY: pkg/apis/core/v1/defaults.go#SetDefaults_Volume
fn complete_volume(volume: &mut Document) {
    if volume.iter().all(|(field, value)| field == "name" || value.is_null()) {
        volume.insert("emptyDir".to_owned(), json!({}));
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = section(volume, source) {
            fill(source, "defaultMode", FILE_MODE);
            complete_files(source);
        }
    }
    if let Some(directory) = section(volume, "hostPath") {
        fill(directory, "type", "");
    }
    let Some(projected) = section(volume, "projected") else { return };
    for source in items(projected, "sources") {
        if let Some(token) = section(source, "serviceAccountToken") {
            fill(token, "expirationSeconds", TOKEN_SECONDS);
        }
        section(source, "downwardAPI").map(complete_files).unwrap_or_default();
    }
}

fn complete_files(source: &mut Document) {
    items(source, "items").for_each(complete_reference);
}

/// Completes what a variable or a file takes from its pod. A quantity that nobody wrote is 0.
// PARITY: apimachinery/pkg/api/resource/quantity.go#MarshalJSON
fn complete_reference(source: &mut Document) {
    if let Some(field) = section(source, "fieldRef") {
        fill_text(field, "apiVersion", "v1");
    }
    if let Some(resource) = section(source, "resourceFieldRef") {
        fill(resource, "divisor", "0");
    }
}

/// Whether an image is the newest of its name: it has that tag, or neither a tag nor a digest.
// PARITY: pkg/util/parsers/parsers.go#ParseImageName
fn is_latest(image: &str) -> bool {
    let (named, has_digest) = match image.split_once('@') {
        Some((named, _)) => (named, true),
        None => (image, false),
    };
    let last = named.rsplit('/').next().unwrap_or_default();
    match last.split_once(':') {
        Some((_, tag)) => tag == "latest",
        None => !has_digest && !last.is_empty(),
    }
}

// PARITY: pkg/apis/core/v1/defaults.go#SetDefaults_Service
fn complete_service(spec: &mut Document) {
    fill_text(spec, "sessionAffinity", "None");
    match text(spec, "sessionAffinity") {
        "None" => drop(spec.remove("sessionAffinityConfig")),
        "ClientIP" => {
            let config = spec.get("sessionAffinityConfig");
            let seconds = config.and_then(|config| config.pointer("/clientIP/timeoutSeconds"));
            if seconds.is_none_or(Value::is_null) {
                let config = json!({ "clientIP": { "timeoutSeconds": AFFINITY_SECONDS } });
                spec.insert("sessionAffinityConfig".to_owned(), config);
            }
        }
        _ => {}
    }
    fill_text(spec, "type", "ClusterIP");
    for port in items(spec, "ports") {
        let number = port.get("port").cloned().unwrap_or_default();
        if port.get("targetPort").and_then(Value::as_str) == Some("") {
            port.remove("targetPort");
        }
        fill_count(port, "targetPort", number);
    }
    let type_ = text(spec, "type").to_owned();
    let is_inside = type_ == "ClusterIP";
    let is_outside = ["NodePort", "LoadBalancer"].contains(&type_.as_str());
    let addresses = spec.get("externalIPs").and_then(Value::as_array);
    if is_outside || is_inside && addresses.is_some_and(|addresses| !addresses.is_empty()) {
        fill_text(spec, "externalTrafficPolicy", "Cluster");
    }
    if is_outside || is_inside {
        fill(spec, "internalTrafficPolicy", "Cluster");
    }
    if type_ == "LoadBalancer" {
        fill(spec, "allocateLoadBalancerNodePorts", true);
    }
}

fn text<'d>(object: &'d Document, field: &str) -> &'d str {
    object.get(field).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn section<'d>(object: &'d mut Document, field: &str) -> Option<&'d mut Document> {
    object.get_mut(field)?.as_object_mut()
}

pub(super) fn items<'d>(
    object: &'d mut Document,
    list: &str,
) -> impl Iterator<Item = &'d mut Document> {
    let items = object.get_mut(list).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// Fills in what was not written.
pub(super) fn fill(object: &mut Map<String, Value>, field: &str, default: impl Into<Value>) {
    if object.get(field).is_none_or(Value::is_null) {
        object.insert(field.to_owned(), default.into());
    }
}

/// The same, where an empty text is as good as none.
fn fill_text(object: &mut Map<String, Value>, field: &str, default: &str) {
    if object.get(field).is_none_or(|value| value.is_null() || value.as_str() == Some("")) {
        object.insert(field.to_owned(), default.into());
    }
}

/// The same, where 0 is as good as none.
fn fill_count(object: &mut Map<String, Value>, field: &str, default: impl Into<Value>) {
    let is_open = |value: &Value| value.is_null() || value.as_i64() == Some(0);
    let default = default.into();
    if object.get(field).is_none_or(is_open) && !default.is_null() {
        object.insert(field.to_owned(), default);
    }
}
