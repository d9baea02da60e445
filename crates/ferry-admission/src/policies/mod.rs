//! What each kind demands of its objects beyond its schema, and what they are completed with.
//!
//! Each file holds the rules of one kind. All of them are functions over a [`View`], so that what
//! the API server decides can be asked anywhere else too.

mod claim;
mod config;
mod defaults;
mod event;
mod guest;
mod hyperconverged;
mod instance;
mod kubevirt;
mod lease;
mod machine;
mod migration;
mod migration_policy;
mod node;
mod node_instance;
mod node_restriction;
mod pod;
mod pod_change;
mod pod_container;
mod pod_resources;
mod pod_shape;
mod rbac;
mod rbac_shape;
mod service;
mod shape;
mod spelling;
mod toleration;

use ferry_api::{Kind, View};
use ferry_registry::{Admission, Document, Operation, Refusal, Review, State};

pub use hyperconverged::OPERATOR_NAMESPACE;

/// The rules of all kinds.
#[derive(Clone, Debug)]
pub struct Policies {
    operator_namespace: String,
}

impl Default for Policies {
    fn default() -> Self {
        Self { operator_namespace: OPERATOR_NAMESPACE.to_owned() }
    }
}

impl Policies {
    /// The rules where HyperConverged lives in `namespace`.
    pub fn with_operator_namespace(namespace: impl Into<String>) -> Self {
        Self { operator_namespace: namespace.into() }
    }

    /// Completes an object before it is checked.
    pub fn complete<V: View>(&self, review: &Review<'_>, object: &mut Document, view: &V) {
        match review.target.served.kind() {
            Kind::VirtualMachine => machine::complete(review, object),
            Kind::VirtualMachineInstance => instance::complete(review, object, view),
            Kind::VirtualMachineInstanceMigration => migration::complete(review, object),
            Kind::HyperConverged => hyperconverged::complete(review, object, view),
            Kind::ClusterRoleBinding | Kind::RoleBinding => rbac_shape::complete(object),
            Kind::Event => event::complete(review, object),
            Kind::Service => service::complete(review, object),
            Kind::PersistentVolumeClaim => claim::complete(review, object),
            Kind::MigrationPolicy
            | Kind::KubeVirt
            | Kind::NetworkAttachmentDefinition
            | Kind::Node
            | Kind::Namespace
            | Kind::Pod
            | Kind::Lease
            | Kind::ConfigMap
            | Kind::Secret
            | Kind::ServiceAccount
            | Kind::ClusterRole
            | Kind::Role => {}
        }
    }

    /// Accepts a write, with warnings, or refuses it.
    ///
    /// # Errors
    /// A [`Refusal`] ends the write.
    pub fn check<V: View>(&self, review: &Review<'_>, view: &V) -> Result<Vec<String>, Refusal> {
        node_restriction::check(review)?;
        match review.target.served.kind() {
            Kind::VirtualMachine => {
                machine::check(review, view)?;
                return Ok(machine::warnings(review));
            }
            Kind::VirtualMachineInstance => instance::check(review, view)?,
            Kind::VirtualMachineInstanceMigration => migration::check(review, view)?,
            Kind::MigrationPolicy => migration_policy::check(review, view)?,
            Kind::KubeVirt => kubevirt::check(review, view)?,
            Kind::HyperConverged => hyperconverged::check(review, &self.operator_namespace, view)?,
            Kind::Node => node::check(review)?,
            Kind::Pod => pod::check(review)?,
            Kind::Lease => lease::check(review)?,
            Kind::Event => event::check(review)?,
            Kind::ConfigMap | Kind::Secret => config::check(review)?,
            Kind::ClusterRole | Kind::Role | Kind::ClusterRoleBinding | Kind::RoleBinding => {
                rbac::check(review, view)?;
            }
            Kind::PersistentVolumeClaim => claim::check(review)?,
            Kind::Service => service::check(review)?,
            Kind::NetworkAttachmentDefinition | Kind::Namespace | Kind::ServiceAccount => {}
        }
        Ok(Vec::new())
    }
}

impl Admission for Policies {
    fn mutate(
        &self,
        review: &Review<'_>,
        object: &mut Document,
        state: &State,
    ) -> Result<(), Refusal> {
        self.complete(review, object, state);
        Ok(())
    }

    fn validate(&self, review: &Review<'_>, state: &State) -> Result<Vec<String>, Refusal> {
        self.check(review, state)
    }
}

/// The object as it will be, and as it was if it was.
fn states<'a>(review: &Review<'a>) -> Option<(Option<&'a Document>, &'a Document)> {
    match review.operation {
        Operation::Create { new } => Some((None, new)),
        Operation::Update { old, new } => Some((Some(old), new)),
        Operation::Delete { .. } => None,
    }
}
