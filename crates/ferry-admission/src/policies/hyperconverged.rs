//! HyperConverged: one object, of one name, in one namespace.

use ferry_api::hco::HYPERCONVERGED_NAME;
use ferry_api::{FieldError, FieldPath, Selector, View};
use ferry_policy::hyperconverged::JSON_PATCH_ANNOTATION;
use ferry_policy::operand;
use ferry_registry::{Document, Operation, Part, Refusal, Review};
use k8s_openapi::api::core::v1::Node;
use serde_json::Value;

use crate::denial::{Webhook, invalid};
use crate::fields::{at, map_mut, text};
use crate::policies::kubevirt;

/// The namespace that HyperConverged lives in, as in OpenShift.
pub const OPERATOR_NAMESPACE: &str = "openshift-cnv";

const WEBHOOK: Webhook = Webhook("validate-hco.kubevirt.io");

/// Where there is more than one node an evicted instance can go somewhere.
// PARITY: hyperconverged-cluster-operator pkg/webhooks/mutator/hyperConvergedMutator.go#mutateEvictionStrategy
pub(super) fn complete(review: &Review<'_>, object: &mut Document, view: &impl View) {
    if review.target.part != Part::Main {
        return;
    }
    if at(object, &["spec", "evictionStrategy"]).is_some() {
        return;
    }
    let strategy = match view.list::<Node>(None, &Selector::default()).len() {
        // Nothing is known of the infrastructure yet.
        0 => return,
        1 => "None",
        _ => "LiveMigrate",
    };
    map_mut(object, &["spec"]).insert("evictionStrategy".to_owned(), strategy.into());
}

pub(super) fn check(
    review: &Review<'_>,
    operator_namespace: &str,
    view: &impl View,
) -> Result<(), Refusal> {
    match review.operation {
        Operation::Create { new } => {
            create(review, operator_namespace)?;
            annotated(new)
        }
        // What has not changed is no reason to refuse something else, such as the end of the object.
        Operation::Update { old, new } => {
            let is_same = |path: &[&str]| at(old, path) == at(new, path);
            let is_of_no_concern = is_same(&["spec"]) && is_same(&["metadata", "annotations"]);
            if is_of_no_concern { Ok(()) } else { annotated(new) }
        }
        Operation::Delete { old } => delete(old, view),
    }
}

/// An annotation that cannot patch KubeVirt would stop the operator.
// PARITY: hyperconverged-cluster-operator pkg/webhooks/validator/validator.go#getOperands
fn annotated(new: &Document) -> Result<(), Refusal> {
    if at(new, &["metadata", "annotations", JSON_PATCH_ANNOTATION]).is_none() {
        return Ok(());
    }
    // Whatever its own schema lets in can be read.
    let Ok(platform) = serde_json::from_value(Value::Object(new.clone())) else { return Ok(()) };
    operand::of(&platform).map(drop).map_err(|error| WEBHOOK.forbid(error.to_string()))
}

/// What it installs goes with it. Unless it is told to remove workloads, it stays as long as there are
/// some. Upstream finds out by a rehearsal of the deletion of KubeVirt.
// PARITY: hyperconverged-cluster-operator pkg/webhooks/validator/validator.go#ValidateDelete
fn delete(old: &Document, view: &impl View) -> Result<(), Refusal> {
    if text(old, &["spec", "uninstallStrategy"]) == Some("RemoveWorkloads") {
        return Ok(());
    }
    match kubevirt::remaining(view) {
        None => Ok(()),
        Some(sentence) => Err(WEBHOOK.refuse(sentence)),
    }
}

fn create(review: &Review<'_>, operator_namespace: &str) -> Result<(), Refusal> {
    let name = review.target.name.as_str();
    // PARITY: hyperconverged-cluster-operator deploy/crds/hco00.crd.yaml#metadata.name
    if name != HYPERCONVERGED_NAME {
        let words = format!("metadata.name in body should match '{HYPERCONVERGED_NAME}'");
        let path = FieldPath::of("metadata.name");
        return invalid(review.target, vec![FieldError::invalid(path, Value::from(name), words)]);
    }
    // PARITY: hyperconverged-cluster-operator controllers/admissionpolicy/resources.go#getRequiredPolicy
    if review.target.namespace != operator_namespace {
        return Err(Refusal::Unprocessable {
            message: format!(
                "hyperconvergeds.hco.kubevirt.io \"{name}\" is forbidden: \
                 ValidatingAdmissionPolicy 'hyperconverged-namespace-policy' with binding \
                 'hyperconverged-namespace-policy-binding' denied request: HyperConverged CR can \
                 only be created in the '{operator_namespace}' namespace."
            ),
        });
    }
    Ok(())
}
