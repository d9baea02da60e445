//! Which lists and objects several writers can share, and how strategic patches merge lists.
//!
//! The schemas of Kubernetes' own types that are at hand do not say it, so it is told here, by the
//! end of a field's path. What is not named is shared field by field, and lists are replaced whole.
//!
//! Sources: the markers `+listType`, `+listMapKey`, `+mapType`, `+structType`, `+patchStrategy` and
//! `+patchMergeKey` in Kubernetes `staging/src/k8s.io/api/*/v1/types.go` and KubeVirt
//! `staging/src/kubevirt.io/api/core/v1/types.go`.

use crate::catalog::Kind;
use crate::schema::{MergeStrategy, PatchStrategy, Schema, Shape};

/// The end of a path (`[]` stands for the items of a list), who owns what there, and how a
/// strategic patch treats it.
struct Rule(&'static str, Owned, PatchStrategy);

/// Who owns what of a value that several writers write.
enum Owned {
    Whole,
    Items,
    ItemsBy(&'static [&'static str]),
}

use Owned::{Items, ItemsBy, Whole};
use PatchStrategy::{Merge, MergeBy, MergeRetainingKeys, Replace};

/// The metadata of all kinds. That of a machine's template is not among them: custom kinds do not
/// say what it consists of.
const METADATA: &[Rule] = &[
    Rule("finalizers", Items, Merge),
    Rule("ownerReferences", ItemsBy(&["uid"]), MergeBy("uid")),
    Rule("ownerReferences[]", Whole, Replace),
];

const CONDITIONS: Rule = Rule("status.conditions", ItemsBy(&["type"]), MergeBy("type"));

/// Where a pod may run. Virtual machines say it in the same words.
const PLACEMENT: &[Rule] = &[
    Rule("nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution", Whole, Replace),
    Rule("nodeSelectorTerms[]", Whole, Replace),
    Rule("preferredDuringSchedulingIgnoredDuringExecution[].preference", Whole, Replace),
    Rule("labelSelector", Whole, Replace),
    Rule("namespaceSelector", Whole, Replace),
];

const POD: &[Rule] = &[
    CONDITIONS,
    Rule("spec.nodeSelector", Whole, Replace),
    Rule("spec.containers", ItemsBy(&["name"]), MergeBy("name")),
    Rule("spec.initContainers", ItemsBy(&["name"]), MergeBy("name")),
    Rule("spec.ephemeralContainers", ItemsBy(&["name"]), MergeBy("name")),
    Rule("env", ItemsBy(&["name"]), MergeBy("name")),
    Rule("ports", ItemsBy(&["containerPort", "protocol"]), MergeBy("containerPort")),
    Rule("volumeDevices", ItemsBy(&["devicePath"]), MergeBy("devicePath")),
    Rule("volumeMounts", ItemsBy(&["mountPath"]), MergeBy("mountPath")),
    Rule("volumeMounts[].bindMountOptions", Items, Replace),
    Rule("restartPolicyRules[].exitCodes.values", Items, Replace),
    Rule("resources.claims", ItemsBy(&["name"]), Replace),
    Rule("configMapKeyRef", Whole, Replace),
    Rule("secretKeyRef", Whole, Replace),
    Rule("fileKeyRef", Whole, Replace),
    Rule("fieldRef", Whole, Replace),
    Rule("resourceFieldRef", Whole, Replace),
    Rule("spec.hostAliases", ItemsBy(&["ip"]), MergeBy("ip")),
    Rule("spec.imagePullSecrets", ItemsBy(&["name"]), MergeBy("name")),
    Rule("spec.imagePullSecrets[]", Whole, Replace),
    Rule("spec.evictionResponders", ItemsBy(&["name"]), Replace),
    Rule("spec.resourceClaims", ItemsBy(&["name"]), MergeRetainingKeys("name")),
    Rule("spec.schedulingGates", ItemsBy(&["name"]), MergeBy("name")),
    SPREAD,
    Rule("spec.volumes", ItemsBy(&["name"]), MergeRetainingKeys("name")),
    Rule("volumes[].cephfs.secretRef", Whole, Replace),
    Rule("volumes[].cinder.secretRef", Whole, Replace),
    Rule("volumes[].csi.nodePublishSecretRef", Whole, Replace),
    Rule("volumes[].flexVolume.secretRef", Whole, Replace),
    Rule("volumes[].iscsi.secretRef", Whole, Replace),
    Rule("volumes[].rbd.secretRef", Whole, Replace),
    Rule("volumes[].scaleIO.secretRef", Whole, Replace),
    Rule("volumes[].storageos.secretRef", Whole, Replace),
    Rule("volumeClaimTemplate.metadata.finalizers", Items, Merge),
    Rule("volumeClaimTemplate.metadata.ownerReferences", ItemsBy(&["uid"]), MergeBy("uid")),
    Rule("volumeClaimTemplate.metadata.ownerReferences[]", Whole, Replace),
    Rule("volumeClaimTemplate.spec.dataSource", Whole, Replace),
    Rule("volumeClaimTemplate.spec.selector", Whole, Replace),
    // PARITY: staging/src/k8s.io/api/core/v1/types.go#PodStatus
    Rule("status.hostIPs", Whole, MergeBy("ip")),
    Rule("status.podIPs", ItemsBy(&["ip"]), MergeBy("ip")),
    Rule("status.resourceClaimStatuses", ItemsBy(&["name"]), MergeRetainingKeys("name")),
    Rule("allocatedResourcesStatus", ItemsBy(&["name"]), MergeBy("name")),
    Rule("allocatedResourcesStatus[].resources", ItemsBy(&["resourceID"]), Replace),
    Rule("status.nodeAllocatableResourceClaimStatuses", ItemsBy(&["resourceClaimName"]), Replace),
    Rule("nodeAllocatableResourceClaimStatuses[].containers", Items, Replace),
    Rule("nodeAllocatableResourceClaimStatuses[].mapping", ItemsBy(&["name"]), Replace),
    Rule("nodeAllocatableResourceClaimStatuses[].overhead", ItemsBy(&["name"]), Replace),
    Rule("status.volumeHealth", ItemsBy(&["name"]), Replace),
    Rule("volumeHealth[].healthConditions", ItemsBy(&["status"]), Replace),
];

const SPREAD: Rule = Rule(
    "spec.topologySpreadConstraints",
    ItemsBy(&["topologyKey", "whenUnsatisfiable"]),
    MergeBy("topologyKey"),
);

const NODE: &[Rule] = &[
    CONDITIONS,
    Rule("spec.podCIDRs", Items, Merge),
    Rule("spec.podPreemptionPolicy.disableResizePreemption", Items, Replace),
    Rule("status.addresses", ItemsBy(&["type"]), MergeBy("type")),
];

const EVENT: &[Rule] = &[Rule("involvedObject", Whole, Replace), Rule("related", Whole, Replace)];

const NEW_EVENT: &[Rule] = &[Rule("regarding", Whole, Replace), Rule("related", Whole, Replace)];

const CLAIM: &[Rule] = &[
    CONDITIONS,
    Rule("spec.dataSource", Whole, Replace),
    Rule("spec.selector", Whole, Replace),
    Rule("status.healthStatus.healthConditions", ItemsBy(&["status"]), Replace),
];

const SERVICE: &[Rule] = &[
    CONDITIONS,
    Rule("spec.ports", ItemsBy(&["port", "protocol"]), MergeBy("port")),
    Rule("spec.selector", Whole, Replace),
];

const SERVICE_ACCOUNT: &[Rule] = &[
    Rule("secrets", ItemsBy(&["name"]), MergeBy("name")),
    Rule("secrets[]", Whole, Replace),
    // PARITY: staging/src/k8s.io/api/core/v1/types.go#ServiceAccount
    Rule("imagePullSecrets", Whole, MergeBy("name")),
];

const BINDING: &[Rule] = &[Rule("roleRef", Whole, Replace)];

const INSTANCE: &[Rule] = &[
    Rule("spec.topologySpreadConstraints", ItemsBy(&["topologyKey", "whenUnsatisfiable"]), Replace),
    Rule("spec.resourceClaims", ItemsBy(&["name"]), Replace),
    Rule("spec.utilityVolumes", ItemsBy(&["name"]), Replace),
];

const MACHINE: &[Rule] = &[Rule("spec.resourceClaimTemplates", ItemsBy(&["name"]), Replace)];

const INSTALLATION: &[Rule] =
    &[Rule("configuration.supportContainerResources", ItemsBy(&["type"]), Replace)];

/// What a key of a list's items is where it is not written: without it, such items could not be
/// told apart.
// PARITY: pkg/apis/core/v1/zz_generated.defaults.go#SetObjectDefaults_Pod
const KEY_DEFAULTS: [(&str, &str); 1] = [("protocol", "TCP")];

/// Which rules hold for a kind, beside those of its metadata.
const fn rules(kind: Kind) -> &'static [&'static [Rule]] {
    match kind {
        Kind::VirtualMachine => &[MACHINE, INSTANCE, PLACEMENT],
        Kind::VirtualMachineInstance => &[INSTANCE, PLACEMENT],
        Kind::KubeVirt => &[INSTALLATION],
        Kind::Node => &[NODE],
        Kind::Namespace => &[&[CONDITIONS]],
        Kind::Pod => &[POD, PLACEMENT],
        Kind::Event => &[EVENT],
        Kind::PersistentVolumeClaim => &[CLAIM],
        Kind::Service => &[SERVICE],
        Kind::ServiceAccount => &[SERVICE_ACCOUNT],
        Kind::ClusterRoleBinding | Kind::RoleBinding => &[BINDING],
        Kind::VirtualMachineInstanceMigration
        | Kind::MigrationPolicy
        | Kind::HyperConverged
        | Kind::NetworkAttachmentDefinition
        | Kind::Lease
        | Kind::ConfigMap
        | Kind::Secret
        | Kind::ClusterRole
        | Kind::Role => &[],
    }
}

/// Tells the schema of a kind which parts of it can be shared.
pub(super) fn annotate(kind: Kind, schema: &mut Schema) {
    annotate_metadata(schema);
    walk("", schema, rules(kind));
}

/// The same for events in the group of their own.
pub(super) fn annotate_new_event(schema: &mut Schema) {
    annotate_metadata(schema);
    walk("", schema, &[NEW_EVENT]);
}

fn annotate_metadata(schema: &mut Schema) {
    if let Some(metadata) = field(schema, &["metadata"]) {
        walk("", metadata, &[METADATA]);
    }
}

fn walk(path: &str, schema: &mut Schema, rules: &[&[Rule]]) {
    let fitting = rules.iter().flat_map(|rules| *rules).filter(|rule| ends_with(path, rule.0));
    if let Some(Rule(_, owned, patch)) = fitting.max_by_key(|rule| rule.0.len()) {
        schema.merge = match owned {
            Whole => MergeStrategy::Atomic,
            Items => MergeStrategy::Set,
            ItemsBy(keys) => {
                MergeStrategy::Keyed(keys.iter().map(|key| (*key).to_owned()).collect())
            }
        };
        schema.patch = *patch;
        if let ItemsBy(keys) = owned {
            default_keys(keys, schema);
        }
    }
    match &mut schema.shape {
        Shape::Array(items) => walk(&format!("{path}[]"), items, rules),
        Shape::Map(values) => walk(&format!("{path}{{}}"), values, rules),
        Shape::Object(object) => {
            for (name, property) in &mut object.properties {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(&path, property, rules);
            }
        }
        Shape::Anything
        | Shape::Boolean
        | Shape::Integer { .. }
        | Shape::Number
        | Shape::String(_)
        | Shape::IntOrString(_) => {}
    }
}

fn default_keys(keys: &[&str], list: &mut Schema) {
    let Shape::Array(items) = &mut list.shape else { return };
    for (key, default) in KEY_DEFAULTS.iter().filter(|(key, _)| keys.contains(key)) {
        if let Some(property) = field(items, &[key]) {
            property.default = Some((*default).into());
        }
    }
}

/// Whether `path` ends with the whole fields of `end`.
fn ends_with(path: &str, end: &str) -> bool {
    path.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn field<'s>(schema: &'s mut Schema, path: &[&str]) -> Option<&'s mut Schema> {
    let Some((first, rest)) = path.split_first() else { return Some(schema) };
    let Shape::Object(object) = &mut schema.shape else { return None };
    field(object.properties.get_mut(*first)?, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(path: String, schema: &Schema, found: &mut Vec<String>) {
        match &schema.shape {
            Shape::Array(items) => paths(format!("{path}[]"), items, found),
            Shape::Map(values) => paths(format!("{path}{{}}"), values, found),
            Shape::Object(object) => {
                for (name, property) in &object.properties {
                    paths(format!("{path}.{name}"), property, found);
                }
            }
            _ => {}
        }
        found.push(path);
    }

    #[test]
    fn every_rule_is_of_a_field_that_there_is() {
        for kind in Kind::ALL {
            let mut found = Vec::new();
            paths(
                String::new(),
                kind.schema(kind.definition().storage_version).unwrap(),
                &mut found,
            );
            for Rule(end, ..) in [METADATA].iter().chain(rules(kind)).copied().flatten() {
                assert!(found.iter().any(|path| ends_with(path, end)), "{kind} {end}");
            }
        }
    }
}
