//! A virtual machine as a user defines it, running or not.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kubevirt::{Condition, VirtualMachineInstanceSpec};
use crate::object::{Unmodelled, kubernetes_object, null_as_default};
use crate::schema::without_default;

kubernetes_object! {
    /// A virtual machine, running or not. While it runs, a VirtualMachineInstance of the same name
    /// exists, made from the template at the moment the machine was started.
    VirtualMachine in
        "kubevirt.io", "v1", "virtualmachines", NamespaceResourceScope, also served as "v1alpha3";
    spec: VirtualMachineSpec;
    status: VirtualMachineStatus
}

/// What the machine is, and when it runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMachineSpec {
    /// Whether it runs. Deprecated upstream in favour of runStrategy; only one of the two may be
    /// set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<bool>,
    /// When it runs: Always, Halted, Manual, RerunOnFailure, Once or WaitAsReceiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_strategy: Option<String>,
    /// A named shape (CPUs, memory) that the template is completed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instancetype: Option<InstancetypeMatcher>,
    /// Named preferences that the template is completed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preference: Option<InstancetypeMatcher>,
    /// Volumes that are created with the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_volume_templates: Option<Vec<Value>>,
    /// What a VirtualMachineInstance of this machine is made from.
    pub template: VirtualMachineInstanceTemplate,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}

/// What a VirtualMachineInstance is made from. Its labels are what policies see.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMachineInstanceTemplate {
    /// Labels and annotations of the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<ObjectMeta>,
    /// The instance. It is written even where it is empty.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(transform = without_default)]
    pub spec: VirtualMachineInstanceSpec,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}

/// The name of an instance type or a preference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstancetypeMatcher {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its kind, such as VirtualMachineInstancetype; cluster-wide ones by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}

/// What the controller reports of the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMachineStatus {
    /// Whether the instance exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<bool>,
    /// Whether the guest runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
    /// The machine's state in one word, such as Running, Stopped or Migrating.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub printable_status: Option<String>,
    /// Ready, LiveMigratable, RestartRequired and others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<Condition>>,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}
