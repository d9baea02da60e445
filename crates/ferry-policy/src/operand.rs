//! The KubeVirt object that HyperConverged stands for, whole.
//!
//! Its section about migrations is [`hyperconverged`](crate::hyperconverged)'s. This is the rest of it, and
//! the annotation that patches the result.

use std::error::Error;
use std::fmt;
use std::slice;

use ferry_api::hco::v1beta1::HyperConverged;
use ferry_api::kubevirt::{DeveloperConfiguration, KubeVirtConfiguration, KubeVirtSpec};
use json_patch::{Patch, PatchOperation};
use serde_json::{Value, json};

use crate::hyperconverged::{JSON_PATCH_ANNOTATION, to_kubevirt};

/// HyperConverged's gates, and what KubeVirt calls them.
// PARITY: hyperconverged-cluster-operator controllers/handlers/kubevirt.go#getKvFeatureGateList
const GATES: [(&str, &str); 6] = [
    ("alignCPUs", "AlignCPUs"),
    ("decentralizedLiveMigration", "DecentralizedLiveMigration"),
    ("disableMDevConfiguration", "DisableMDEVConfiguration"),
    ("downwardMetrics", "DownwardMetrics"),
    ("persistentReservation", "PersistentReservation"),
    ("videoConfig", "VideoConfig"),
];

/// What is wrong with the annotation that patches KubeVirt, in the words of HyperConverged's operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPatch(String);

impl InvalidPatch {
    fn because(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for InvalidPatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "invalid jsonPatch in the {JSON_PATCH_ANNOTATION} annotation: {}", self.0)
    }
}

impl Error for InvalidPatch {}

/// What KubeVirt's spec is to be.
///
/// # Errors
/// What is wrong with the annotation that patches it.
// PARITY: hyperconverged-cluster-operator controllers/handlers/kubevirt.go#NewKubeVirt
pub fn of(platform: &HyperConverged) -> Result<KubeVirtSpec, InvalidPatch> {
    let spec = &platform.spec;
    let gates: Vec<&str> = GATES
        .into_iter()
        .filter(|(gate, _)| spec.feature_gates.iter().flatten().any(|(key, on)| key == gate && *on))
        .map(|(_, name)| name)
        .collect();
    let number = |section: &str, field: &str| spec.other.get(section)?.get(field)?.as_i64();
    let mut developer = DeveloperConfiguration {
        cpu_allocation_ratio: number("resourceRequirements", "vmiCPUAllocationRatio"),
        memory_overcommit: number("higherWorkloadDensity", "memoryOvercommitPercentage"),
        ..DeveloperConfiguration::default()
    };
    if !gates.is_empty() {
        developer.other.insert("featureGates".to_owned(), json!(gates));
    }
    let wanted = KubeVirtSpec {
        configuration: Some(KubeVirtConfiguration {
            migrations: spec.live_migration_config.as_ref().map(to_kubevirt),
            eviction_strategy: spec.eviction_strategy.clone(),
            developer_configuration: Some(developer),
            ..KubeVirtConfiguration::default()
        }),
        ..KubeVirtSpec::default()
    };
    let annotations = platform.metadata.annotations.as_ref();
    match annotations.and_then(|all| all.get(JSON_PATCH_ANNOTATION)) {
        None => Ok(wanted),
        Some(text) => patched(&wanted, text),
    }
}

/// How many operations may copy or move something: each may make the result twice as large or deep.
const MOST_MOVED: usize = 16;

/// How many names a path may have. KubeVirt's own fields are less deep.
const DEEPEST: usize = 64;

/// How many bytes what was copied may make of the result.
const LARGEST: usize = 1 << 20;

// PARITY: hyperconverged-cluster-operator controllers/common/jsonpatch.go#ApplyPatchToSpec
fn patched(wanted: &KubeVirtSpec, text: &str) -> Result<KubeVirtSpec, InvalidPatch> {
    let Patch(operations) = serde_json::from_str(text).map_err(InvalidPatch::because)?;
    if operations.iter().any(|one| one.path().as_str().matches('/').count() > DEEPEST) {
        return Err(InvalidPatch::because(format!("a path has more than {DEEPEST} names")));
    }
    let is_moving =
        |one: &PatchOperation| matches!(one, PatchOperation::Copy(_) | PatchOperation::Move(_));
    if operations.iter().filter(|one| is_moving(one)).count() > MOST_MOVED {
        let message = format!("more than {MOST_MOVED} operations copy or move something");
        return Err(InvalidPatch::because(message));
    }
    let mut object = json!({ "spec": wanted });
    for operation in &operations {
        json_patch::patch(&mut object, slice::from_ref(operation))
            .map_err(InvalidPatch::because)?;
        if is_moving(operation) && object.to_string().len() > LARGEST {
            return Err(InvalidPatch::because(format!("it copies more than {LARGEST} bytes")));
        }
    }
    let spec = object.get_mut("spec").map(Value::take).unwrap_or_default();
    serde_json::from_value(spec).map_err(InvalidPatch::because)
}
