//! Instances: what runs is what was asked for, and only who runs it says how it is.
//!
//! An instance has no status subresource, so whoever may write the object could write its status.
//! What users write there is undone without a word, as upstream. Where no node daemon has ever come,
//! nothing runs instances, and the administrators of the cluster may play it with kubectl. From the
//! first daemon on they are users in that, too: an old copy that they write back would take a running
//! guest from its node.

use ferry_api::{Selector, View};
use ferry_registry::{Document, Operation, Refusal, Review, User};
use k8s_openapi::api::coordination::v1::Lease;
use serde_json::json;

use crate::cluster;
use crate::denial::{Reason, Webhook, cause};
use crate::fields::{at, map, map_mut, same};
use crate::identity::{MASTERS, Role, is_in, role};
use crate::policies::defaults;
use crate::policies::guest::{self, Guest};
use crate::policies::node_restriction::LEASES;
use crate::policies::spelling;

const ON_CREATE: Webhook = Webhook("virtualmachineinstances-create-validator.kubevirt.io");
const ON_UPDATE: Webhook = Webhook("virtualmachineinstances-update-validator.kubevirt.io");

pub(super) fn complete(review: &Review<'_>, instance: &mut Document, view: &impl View) {
    match review.operation {
        Operation::Create { .. } => {
            // PARITY: pkg/defaults/defaults.go#setDefaultEvictionStrategy
            if at(instance, &["spec", "evictionStrategy"]).is_none() {
                let strategy = cluster::eviction_strategy(view);
                map_mut(instance, &["spec"]).insert("evictionStrategy".to_owned(), strategy.into());
            }
            // PARITY: pkg/virt-api/webhooks/mutating-webhook/mutators/vmi-mutator.go#Mutate
            if !may_introduce(review.user, view) {
                instance.remove("status");
            }
            if at(instance, &["status", "phase"]).is_none() {
                let status = map_mut(instance, &["status"]);
                status.insert("phase".to_owned(), json!("Pending"));
                status.insert(
                    "phaseTransitionTimestamps".to_owned(),
                    json!([{ "phase": "Pending", "phaseTransitionTimestamp": review.now }]),
                );
            }
        }
        // PARITY: pkg/virt-api/webhooks/mutating-webhook/mutators/vmi-mutator.go#Mutate
        Operation::Update { old, .. } => {
            if same(old.get("status"), instance.get("status")) || may_report(review.user, view) {
                return;
            }
            match old.get("status") {
                Some(status) => instance.insert("status".to_owned(), status.clone()),
                None => instance.remove("status"),
            };
        }
        Operation::Delete { .. } => {}
    }
}

/// Whether `user` may say how a new instance is.
fn may_introduce(user: &User, view: &impl View) -> bool {
    role(user) == Role::Component || may_play(user, view)
}

/// Whether `user` may say how an instance is. What a node may say of it is another question, which
/// is asked of nodes.
fn may_report(user: &User, view: &impl View) -> bool {
    match role(user) {
        Role::Component | Role::Node(_) => true,
        Role::NamelessNode | Role::Other => may_play(user, view),
    }
}

/// Whether `user` may play what runs instances: an administrator, where nothing does. A node daemon
/// is known by its lease, which stays when it is down and goes with its node.
fn may_play(user: &User, view: &impl View) -> bool {
    is_in(user, MASTERS) && view.list::<Lease>(Some(LEASES), &Selector::default()).is_empty()
}

pub(super) fn check(review: &Review<'_>, view: &impl View) -> Result<(), Refusal> {
    let is_user = match role(review.user) {
        Role::Component => false,
        Role::Node(_) | Role::NamelessNode | Role::Other => true,
    };
    match review.operation {
        Operation::Create { new } => {
            let labels = is_user.then(|| defaults::reserved_labels(new, &["metadata"])).flatten();
            let strategy = defaults::eviction_strategy(new, &["spec"]);
            let kind = defaults::machine_type(new, &["metadata"]);
            let mut causes: Vec<_> = labels.into_iter().chain(strategy).chain(kind).collect();
            if let Some(spec) = map(new, &["spec"]) {
                let guest = Guest { spec, field: "spec" };
                causes.extend(guest::problems(guest, view));
                causes.extend(guest::missing_memory(guest));
            }
            ON_CREATE.unless_none(causes)
        }
        Operation::Update { old, new } => update(review, old, new),
        Operation::Delete { .. } => Ok(()),
    }
}

// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vmi-update-admitter.go#Admit
fn update(review: &Review<'_>, old: &Document, new: &Document) -> Result<(), Refusal> {
    let role = role(review.user);
    if role != Role::Component && !spelling::same(old.get("spec"), new.get("spec")) {
        let message = "update of VMI object is restricted";
        return ON_UPDATE.unless_none(vec![cause(Reason::NotSupported, "", message)]);
    }
    let may_label = match role {
        Role::Component | Role::Node(_) => true,
        Role::NamelessNode | Role::Other => false,
    };
    // PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vmi-update-admitter.go#admitVMILabelsUpdate
    if !may_label && defaults::reserved(old) != defaults::reserved(new) {
        let message = "modification of the following reserved kubevirt.io/ labels on a VMI object \
                       is prohibited";
        return ON_UPDATE.unless_none(vec![cause(Reason::NotSupported, "", message)]);
    }
    Ok(())
}
