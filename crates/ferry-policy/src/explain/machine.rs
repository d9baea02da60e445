//! One virtual machine as manifests describe it: its definition, its running instance, or both.
//!
//! A running instance keeps the labels that it was started with. Where it is known, it is what
//! policies look at; the template only says what they will look at after the next start.

use std::fmt;

use ferry_api::kubevirt::{VirtualMachine, VirtualMachineInstance};
use ferry_api::{FieldError, FieldPath, Filing, Labels};

use crate::explain::inventory::Addition;
use crate::explain::size::{MigrationSize, size_of};

/// The namespace and name of a virtual machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MachineKey {
    pub namespace: String,
    pub name: String,
}

/// A virtual machine's definition, its running instance, or both.
#[derive(Clone, Debug, Default)]
pub(super) struct Machine {
    definition: Option<Definition>,
    instance: Option<Instance>,
}

/// What a VirtualMachine says.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    /// The labels of the VirtualMachine itself, which no policy looks at.
    pub own_labels: Labels,
    /// The labels that its instance is started with.
    pub template_labels: Labels,
    pub filing: Filing,
    pub instancetype: Option<String>,
    size: MigrationSize,
}

/// What a VirtualMachineInstance says.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub labels: Labels,
    /// Why it cannot be migrated, if it says so.
    pub not_migratable: Option<String>,
    size: MigrationSize,
}

impl Definition {
    pub(super) fn parse(vm: VirtualMachine, filing: Filing) -> Result<Self, Vec<FieldError>> {
        let path = FieldPath::of("spec.template.spec");
        let size = size_of(&vm.spec.template.spec, None, &path)?;
        let template = vm.spec.template.metadata.unwrap_or_default();
        Ok(Self {
            own_labels: vm.metadata.labels.unwrap_or_default(),
            template_labels: template.labels.unwrap_or_default(),
            filing,
            instancetype: vm.spec.instancetype.and_then(|matcher| matcher.name),
            size,
        })
    }
}

impl Instance {
    pub(super) fn parse(vmi: VirtualMachineInstance) -> Result<Self, Vec<FieldError>> {
        let size = size_of(&vmi.spec, vmi.status.as_ref(), &FieldPath::of("spec"))?;
        let conditions = vmi.status.and_then(|status| status.conditions).unwrap_or_default();
        let not_migratable = conditions
            .into_iter()
            .find(|condition| condition.type_ == "LiveMigratable" && condition.status == "False")
            .map(|condition| {
                let reason = condition.reason.unwrap_or_else(|| "no reason given".to_owned());
                match condition.message {
                    Some(message) => format!("{reason}: {message}"),
                    None => reason,
                }
            });
        Ok(Self { labels: vmi.metadata.labels.unwrap_or_default(), not_migratable, size })
    }
}

impl Machine {
    pub(super) fn define(&mut self, definition: Definition) -> Addition {
        Addition::replacing(self.definition.replace(definition).as_ref())
    }

    pub(super) fn run(&mut self, instance: Instance) -> Addition {
        Addition::replacing(self.instance.replace(instance).as_ref())
    }

    /// The labels that policies look at.
    pub(super) fn labels(&self) -> &Labels {
        static NONE: Labels = Labels::new();
        match (&self.instance, &self.definition) {
            (Some(instance), _) => &instance.labels,
            (None, Some(definition)) => &definition.template_labels,
            (None, None) => &NONE,
        }
    }

    /// What a migration moves, as far as the manifests tell.
    pub(super) fn size(&self) -> MigrationSize {
        match (&self.instance, &self.definition) {
            (Some(instance), _) => instance.size.clone(),
            (None, Some(definition)) => definition.size.clone(),
            (None, None) => MigrationSize::default(),
        }
    }

    pub(super) const fn definition(&self) -> Option<&Definition> {
        self.definition.as_ref()
    }

    pub(super) const fn instance(&self) -> Option<&Instance> {
        self.instance.as_ref()
    }
}

impl fmt::Display for MachineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
