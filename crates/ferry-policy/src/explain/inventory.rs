//! What is there: the objects of a set of manifests, as far as they matter for migrations.

use std::collections::BTreeMap;

use ferry_api::hco::HYPERCONVERGED_NAME;
use ferry_api::kubevirt::KubeVirt;
use ferry_api::{FieldError, FieldPath, Filing, Kind, Labels, Object};
use ferry_config::Semantics;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use crate::configuration::EffectiveConfiguration;
use crate::explain::machine::{Definition, Instance, Machine, MachineKey};
use crate::hyperconverged;
use crate::policy::Policy;

/// The namespace of an object that names none, as for `kubectl`.
const DEFAULT_NAMESPACE: &str = "default";

/// The label that says a namespace's name (Kubernetes `staging/src/k8s.io/api/core/v1/types.go`).
const NAMESPACE_NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The objects of a set of manifests, as far as they matter for migrations.
///
/// Objects come in one by one, in the order in which `kubectl apply` would send them.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    pub(super) machines: BTreeMap<MachineKey, Machine>,
    pub(super) policies: BTreeMap<String, Policy>,
    pub(super) namespaces: BTreeMap<String, Labels>,
    hyperconverged: Option<EffectiveConfiguration>,
    /// The KubeVirt object, named by its namespace and name.
    kubevirt: Option<(String, EffectiveConfiguration)>,
}

/// What became of an object that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addition {
    /// It is new.
    New,
    /// It takes the place of an earlier one of the same kind and name.
    Replaced,
    /// It does not matter for migrations.
    Ignored,
}

impl Addition {
    pub(super) const fn replacing<T>(earlier: Option<&T>) -> Self {
        match earlier {
            None => Self::New,
            Some(_) => Self::Replaced,
        }
    }
}

impl Inventory {
    /// Adds an object, or says everything that is wrong with it; then nothing has changed.
    ///
    /// Under [`Semantics::KubeVirt`], a VirtualMachine in MigrationPolicy's group is refused as a
    /// cluster would refuse it.
    pub fn add(
        &mut self,
        object: Object,
        filing: Filing,
        semantics: Semantics,
    ) -> Result<Addition, Vec<FieldError>> {
        refuse_misfiled(filing, semantics)?;
        match object {
            Object::VirtualMachine(vm) => {
                let key = key_of(&vm.metadata);
                let definition = Definition::parse(*vm, filing)?;
                Ok(self.machines.entry(key).or_default().define(definition))
            }
            Object::VirtualMachineInstance(vmi) => {
                let key = key_of(&vmi.metadata);
                let instance = Instance::parse(*vmi)?;
                Ok(self.machines.entry(key).or_default().run(instance))
            }
            Object::MigrationPolicy(policy) => {
                let policy = Policy::parse(&policy)?;
                let earlier = self.policies.insert(policy.name().to_owned(), policy);
                Ok(Addition::replacing(earlier.as_ref()))
            }
            Object::Namespace(namespace) => {
                let name = name_of(&namespace.metadata);
                let mut labels = namespace.metadata.labels.unwrap_or_default();
                // The API server sets it on every namespace.
                labels.insert(NAMESPACE_NAME_LABEL.to_owned(), name.clone());
                Ok(Addition::replacing(self.namespaces.insert(name, labels).as_ref()))
            }
            Object::KubeVirt(kubevirt) => self.put_kubevirt(&kubevirt),
            Object::HyperConvergedV1(hco) => {
                self.put_hyperconverged(&hco.metadata, hyperconverged::of_v1(&hco))
            }
            Object::HyperConvergedV1Beta1(hco) => {
                self.put_hyperconverged(&hco.metadata, hyperconverged::of_v1beta1(&hco))
            }
            Object::VirtualMachineInstanceMigration(_)
            | Object::NetworkAttachmentDefinition(_)
            | Object::Node(_)
            | Object::Pod(_)
            | Object::Event(_)
            | Object::Lease(_)
            | Object::PersistentVolumeClaim(_)
            | Object::ConfigMap(_)
            | Object::Secret(_)
            | Object::Service(_)
            | Object::ServiceAccount(_)
            | Object::ClusterRole(_)
            | Object::ClusterRoleBinding(_)
            | Object::Role(_)
            | Object::RoleBinding(_) => Ok(Addition::Ignored),
        }
    }

    fn put_hyperconverged(
        &mut self,
        metadata: &ObjectMeta,
        configuration: Result<EffectiveConfiguration, Vec<FieldError>>,
    ) -> Result<Addition, Vec<FieldError>> {
        let name = name_of(metadata);
        if name != HYPERCONVERGED_NAME {
            return Err(vec![FieldError::invalid(
                FieldPath::of("metadata.name"),
                Value::from(name),
                format!("must be {HYPERCONVERGED_NAME}: a cluster has one HyperConverged"),
            )]);
        }
        Ok(Addition::replacing(self.hyperconverged.replace(configuration?).as_ref()))
    }

    fn put_kubevirt(&mut self, kubevirt: &KubeVirt) -> Result<Addition, Vec<FieldError>> {
        let key = key_of(&kubevirt.metadata).to_string();
        if let Some((first, _)) = &self.kubevirt
            && *first != key
        {
            return Err(vec![FieldError::invalid(
                FieldPath::of("metadata.name"),
                Value::from(key),
                format!("a cluster has one KubeVirt, and {first} is there already"),
            )]);
        }
        let path = FieldPath::of("spec.configuration.migrations");
        let written = kubevirt
            .spec
            .configuration
            .as_ref()
            .and_then(|configuration| configuration.migrations.clone())
            .unwrap_or_default();
        let configuration = EffectiveConfiguration::of_cluster(&written, &path)?;
        Ok(Addition::replacing(self.kubevirt.replace((key, configuration)).as_ref()))
    }

    /// The cluster's configuration: HyperConverged's where there is one, since it overwrites
    /// KubeVirt's, else KubeVirt's, else the defaults.
    pub fn cluster(&self) -> EffectiveConfiguration {
        let kubevirt = self.kubevirt.as_ref().map(|(_, configuration)| configuration);
        self.hyperconverged.as_ref().or(kubevirt).cloned().unwrap_or_default()
    }

    /// Whether a KubeVirt object says something that HyperConverged would overwrite.
    pub(super) fn overwritten_kubevirt(&self) -> Option<&str> {
        let (name, kubevirt) = self.kubevirt.as_ref()?;
        let hyperconverged = self.hyperconverged.as_ref()?;
        (kubevirt.to_wire() != hyperconverged.to_wire()).then_some(name)
    }

    /// The virtual machines, by namespace and name.
    pub fn machine_names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.machines.keys().map(|key| (key.namespace.as_str(), key.name.as_str()))
    }
}

// PARITY: pkg/virt-operator/resource/generate/components/crds.go#NewVirtualMachineCrd
fn refuse_misfiled(filing: Filing, semantics: Semantics) -> Result<(), Vec<FieldError>> {
    match (filing, semantics) {
        (Filing::Right, _) | (Filing::VirtualMachineAsPolicyGroup, Semantics::Documented) => Ok(()),
        (Filing::VirtualMachineAsPolicyGroup, Semantics::KubeVirt) => {
            let version = "migrations.kubevirt.io/v1alpha1";
            let kind = Kind::VirtualMachine;
            Err(vec![FieldError::invalid(
                FieldPath::of("apiVersion"),
                Value::from(version),
                format!(
                    "no matches for kind \"{kind}\" in version \"{version}\"; use kubevirt.io/v1"
                ),
            )])
        }
    }
}

/// The object's name, or the beginning of the one that it will get.
fn name_of(metadata: &ObjectMeta) -> String {
    metadata.name.clone().or_else(|| metadata.generate_name.clone()).unwrap_or_default()
}

fn key_of(metadata: &ObjectMeta) -> MachineKey {
    let namespace = metadata.namespace.clone().filter(|namespace| !namespace.is_empty());
    MachineKey {
        namespace: namespace.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
        name: name_of(metadata),
    }
}
