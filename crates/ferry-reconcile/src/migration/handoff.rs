//! Hand-off: everything that the nodes need to know of a migration, in one write.
//!
//! It happens once. The settings are those of this moment: a policy that is changed later is for later
//! migrations. The whole state is written anew, so that nothing of an earlier migration is taken for
//! one of this.

use ferry_api::kubevirt::{MigrationState, VirtualMachineInstance};
use ferry_policy::{EffectiveConfiguration, Policy, PolicySet, Subject, resolve};
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use super::Observed;
use crate::instance::facts;
use crate::objects::{change, set_annotation, set_label, uid};
use crate::plan::{Part, Patch};
use crate::{pods, words};

/// Hand-off, ready to be written.
pub(super) struct Handoff {
    /// The instance as it is when the nodes have the migration.
    pub(super) instance: VirtualMachineInstance,
    /// Notes on the migration where its settings come from; nothing where that is noted. It comes
    /// first: after hand-off nobody asks the policies again.
    pub(super) origins: Option<Patch>,
}

/// What hands the migration over; nothing where the guest is on no node.
// PARITY: pkg/virt-controller/watch/migration/migration.go#handleTargetPodHandoff
pub(super) fn handed_over(
    seen: &Observed,
    instance: &VirtualMachineInstance,
    target: &Pod,
) -> Option<Handoff> {
    let target_node = pods::node(target)?;
    let source_node = facts::node(instance)?;
    let source = facts::current_pod(instance, &seen.pods);
    let mut after = instance.clone();
    set_label(&mut after.metadata, words::TARGET_NODE_NAME, target_node);

    // Policies may select by the nodes that the guest leaves and goes to.
    let vm_labels = after.metadata.labels.clone().unwrap_or_default();
    let subject = Subject { vm_labels: &vm_labels, namespace_labels: &seen.namespace_labels };
    // Admission lets no other policies in.
    let sound = seen.policies.iter().filter_map(|policy| Policy::parse(policy).ok());
    let policies: PolicySet = sound.collect();
    let resolution = resolve(&subject, &policies, &seen.cluster.migrations, seen.now.semantics);

    let mut noted = seen.migration.clone();
    set_annotation(&mut noted.metadata, words::ORIGINS, &origins(&resolution.configuration));
    let origins = change(Part::Main, &seen.migration, &noted);

    after.status.get_or_insert_default().migration_state = Some(MigrationState {
        migration_uid: Some(uid(&seen.migration).to_owned()),
        source_node: Some(source_node.to_owned()),
        source_pod: source.and_then(|pod| pod.metadata.name.clone()),
        target_node: Some(target_node.to_owned()),
        target_pod: target.metadata.name.clone(),
        // PARITY: pkg/virt-controller/watch/migration/migrationpolicy.go#matchMigrationPolicy
        migration_policy_name: resolution
            .applied
            .filter(|policy| !policy.overrides_nothing())
            .map(|policy| policy.name().to_owned()),
        migration_configuration: Some(resolution.configuration.to_wire()),
        ..MigrationState::default()
    });
    Some(Handoff { instance: after, origins })
}

/// A JSON object: where each setting comes from, by its name.
fn origins(configuration: &EffectiveConfiguration) -> String {
    let origins = configuration.origins().into_iter();
    let named = origins.map(|(setting, origin)| (setting.to_owned(), origin.to_string().into()));
    Value::Object(named.collect()).to_string()
}
