//! KubeVirt: that it is installed, for everybody who waits for that.
//!
//! Upstream an operator deploys virt-api, virt-controller and virt-handler, and says when they are
//! ready. Here whoever writes this is what they come to: an object that can be read was served by the
//! API server, and what carries out this plan is the controller. How a node is says the node.

use ferry_api::View;
use ferry_api::kubevirt::KubeVirt;
use ferry_units::WallTime;
use serde_json::json;

use crate::Key;
use crate::cluster::Now;
use crate::conditions::{self, Said};
use crate::objects::{change, is_leaving};
use crate::plan::{Part, Plan};

/// The condition that everybody waits for.
pub(crate) const AVAILABLE: &str = "Available";
pub(crate) const PROGRESSING: &str = "Progressing";
pub(crate) const DEGRADED: &str = "Degraded";
const CREATED: &str = "Created";

const DEPLOYED: &str = "Deployed";

/// What there is to see of an installation.
#[derive(Clone, Debug)]
pub struct Observed {
    now: WallTime,
    kubevirt: KubeVirt,
}

/// Looks at a KubeVirt object.
pub fn observe(view: &impl View, key: &Key, now: &Now) -> Option<Observed> {
    let kubevirt = view.get(&key.namespace, &key.name)?;
    Some(Observed { now: now.time, kubevirt })
}

/// What is to be done about an installation: to say that it is there.
// PARITY: pkg/virt-operator/kubevirt.go#syncInstallation
pub fn plan(seen: &Observed) -> Plan {
    let mut plan = Plan::idle();
    if is_leaving(&seen.kubevirt) {
        return plan;
    }
    let mut after = seen.kubevirt.clone();
    let status = after.status.get_or_insert_default();
    status.phase = Some(DEPLOYED.to_owned());
    for said in all_is_well() {
        conditions::set(&mut status.conditions, &said, seen.now);
    }
    if let Some(generation) = seen.kubevirt.metadata.generation {
        status.other.insert("observedGeneration".to_owned(), json!(generation));
    }
    plan.actions.extend(change(Part::Status, &seen.kubevirt, &after).map(Into::into));
    plan
}

// PARITY: pkg/virt-operator/util/client.go#UpdateConditionsCreated, #UpdateConditionsAvailable
fn all_is_well() -> [Said; 4] {
    let created = "All resources were created.";
    let ready = |type_, status| {
        Said::because(type_, status, "AllComponentsReady", "All components are ready.")
    };
    [
        Said::because(CREATED, "True", "AllResourcesCreated", created),
        ready(AVAILABLE, "True"),
        ready(PROGRESSING, "False"),
        ready(DEGRADED, "False"),
    ]
}
