//! What the cluster's configuration says, for the rules that ask it.

use ferry_api::Selector;
use ferry_api::View;
use ferry_api::kubevirt::{KubeVirt, KubeVirtConfiguration, VirtualMachineInstance};

/// What becomes of an instance whose pod is evicted if nobody said anything.
// PARITY: pkg/virt-config/configuration.go#defaultClusterConfig
const DEFAULT_EVICTION_STRATEGY: &str = "None";

/// The taint that empties a node if nobody said anything.
const DEFAULT_DRAIN_TAINT: &str = "kubevirt.io/drain";

/// The one KubeVirt object's configuration.
fn configuration(view: &impl View) -> Option<KubeVirtConfiguration> {
    view.list::<KubeVirt>(None, &Selector::default()).into_iter().next()?.spec.configuration
}

/// The eviction strategy of instances that have none of their own.
pub(crate) fn eviction_strategy(view: &impl View) -> String {
    configuration(view)
        .and_then(|configuration| configuration.eviction_strategy)
        .filter(|strategy| !strategy.is_empty())
        .unwrap_or_else(|| DEFAULT_EVICTION_STRATEGY.to_owned())
}

/// Whether changes of machines wait for their next start. Where nobody said so, they do not.
// PARITY: pkg/virt-config/virt-config.go#IsVMRolloutStrategyLiveUpdate
pub(crate) fn is_rolled_out_in_stages(view: &impl View) -> bool {
    configuration(view).is_some_and(|configuration| {
        configuration.other.get("vmRolloutStrategy").and_then(|it| it.as_str()) == Some("Stage")
    })
}

/// The key of the taint that empties a node.
pub(crate) fn drain_taint(view: &impl View) -> String {
    configuration(view)
        .and_then(|configuration| configuration.migrations?.node_drain_taint_key)
        .unwrap_or_else(|| DEFAULT_DRAIN_TAINT.to_owned())
}

/// Whether one of these feature gates is open.
pub(crate) fn has_gate(view: &impl View, gates: &[&str]) -> bool {
    configuration(view).is_some_and(|configuration| has_gate_in(&configuration, gates))
}

/// Whether `configuration` opens one of these feature gates.
pub(crate) fn has_gate_in(configuration: &KubeVirtConfiguration, gates: &[&str]) -> bool {
    let open = configuration
        .developer_configuration
        .as_ref()
        .and_then(|developer| developer.other.get("featureGates")?.as_array());
    open.into_iter().flatten().filter_map(|gate| gate.as_str()).any(|gate| gates.contains(&gate))
}

/// The status of an instance's condition `kind`, if it has that condition.
pub(crate) fn condition<'a>(
    instance: &'a VirtualMachineInstance,
    kind: &str,
) -> Option<&'a ferry_api::kubevirt::Condition> {
    let conditions = instance.status.as_ref()?.conditions.as_deref()?;
    conditions.iter().find(|condition| condition.type_ == kind)
}
