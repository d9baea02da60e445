//! HyperConverged: what it says is made true of the KubeVirt object, and what others write there is
//! undone.
//!
//! Whether a difference comes from a change of HyperConverged or from somebody who edited KubeVirt
//! shows in HyperConverged's generation: until `status.observedGeneration` has reached it, the change
//! is its own.

use ferry_api::View;
use ferry_api::hco::HYPERCONVERGED_NAME;
use ferry_api::hco::v1beta1::HyperConverged;
use ferry_api::kubevirt::{KubeVirt, KubeVirtSpec};
use ferry_policy::hyperconverged::JSON_PATCH_ANNOTATION;
use ferry_policy::operand;
use ferry_units::WallTime;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

use crate::Key;
use crate::cluster::Now;
use crate::conditions::{self, Said};
use crate::installation::{AVAILABLE, DEGRADED, PROGRESSING};
use crate::objects::{annotation, change, create, is_leaving, managed_by, name, reference};
use crate::plan::{Component, Event, Metric, Part, Plan};

/// The object that is kept.
// PARITY: hyperconverged-cluster-operator controllers/handlers/kubevirt.go#NewKubeVirtWithNameOnly
const KUBEVIRT_NAME: &str = "kubevirt-kubevirt-hyperconverged";

const TAINTED: &str = "TaintedConfiguration";
const RECONCILED: &str = "ReconcileComplete";
const UPGRADEABLE: &str = "Upgradeable";

const COMPLETED: &str = "ReconcileCompleted";
const ALL_IS_WELL: &str = "Reconcile completed successfully";

/// How the platform is, besides whether it was looked at: what people wait for.
const HEALTH: [&str; 4] = [AVAILABLE, PROGRESSING, DEGRADED, UPGRADEABLE];

/// What there is to see of the platform.
#[derive(Clone, Debug)]
pub struct Observed {
    now: WallTime,
    platform: HyperConverged,
    kubevirt: Option<KubeVirt>,
}

/// Looks at the platform's object; nothing where there is none, or it has another name than the one
/// that counts.
pub fn observe(view: &impl View, key: &Key, now: &Now) -> Option<Observed> {
    if key.name != HYPERCONVERGED_NAME {
        return None;
    }
    let platform: HyperConverged = view.get(&key.namespace, &key.name)?;
    let kubevirt = view.get(&key.namespace, KUBEVIRT_NAME);
    Some(Observed { now: now.time, platform, kubevirt })
}

/// What is to be done about the platform.
// PARITY: hyperconverged-cluster-operator controllers/operandhandler/operandHandler.go#Ensure
pub fn plan(seen: &Observed) -> Plan {
    let mut plan = Plan::idle();
    if is_leaving(&seen.platform) {
        return plan;
    }
    let wanted = operand::of(&seen.platform).map_err(|error| error.to_string());
    if let Ok(spec) = &wanted {
        match &seen.kubevirt {
            None => make(seen, spec, &mut plan),
            Some(kubevirt) => restore(seen, kubevirt, spec, &mut plan),
        }
    }
    let mut after = seen.platform.clone();
    report(seen, wanted.err().as_deref(), &mut after);
    if let Some(patch) = change(Part::Status, &seen.platform, &after) {
        plan.push(patch);
    }
    plan
}

fn told(
    seen: &Observed,
    event: fn(crate::ObjectRef, &'static str, String) -> Event,
    reason: &'static str,
) -> Event {
    let message = format!("{reason} KubeVirt {KUBEVIRT_NAME}");
    event(reference(&seen.platform), reason, message).by(Component::Platform)
}

fn make(seen: &Observed, spec: &KubeVirtSpec, plan: &mut Plan) {
    plan.push(create(&KubeVirt {
        metadata: ObjectMeta {
            name: Some(KUBEVIRT_NAME.to_owned()),
            namespace: seen.platform.metadata.namespace.clone(),
            owner_references: Some(vec![managed_by(&seen.platform)]),
            ..ObjectMeta::default()
        },
        spec: spec.clone(),
        status: None,
    }));
    plan.push(told(seen, Event::normal, "Created"));
}

// PARITY: hyperconverged-cluster-operator controllers/operandhandler/operandHandler.go#handleUpdatedOperand
fn restore(seen: &Observed, kubevirt: &KubeVirt, spec: &KubeVirtSpec, plan: &mut Plan) {
    let mut after = kubevirt.clone();
    after.spec = spec.clone();
    let Some(patch) = change(Part::Main, kubevirt, &after) else { return };
    plan.push(patch);
    if is_news(&seen.platform) {
        plan.push(told(seen, Event::normal, "Updated"));
    } else {
        plan.push(told(seen, Event::warning, "Overwritten"));
        plan.push(Metric::OutOfBandModification {
            component_name: format!("kubevirt/{}", name(kubevirt)),
        });
    }
}

/// Whether HyperConverged says something that was not made true yet.
fn is_news(platform: &HyperConverged) -> bool {
    let status = platform.status.as_ref();
    let made_true = status.and_then(|status| status.other.get("observedGeneration")?.as_i64());
    made_true != platform.metadata.generation
}

/// Says what is unusual about the platform, and which generation of it was looked at.
// PARITY: hyperconverged-cluster-operator controllers/hyperconverged/hyperconverged_controller.go#detectTaintedConfiguration
fn report(seen: &Observed, problem: Option<&str>, after: &mut HyperConverged) {
    let generation = seen.platform.metadata.generation;
    let status = after.status.get_or_insert_default();
    if annotation(&seen.platform, JSON_PATCH_ANNOTATION).is_some() {
        let message = "Unsupported feature was activated via an HCO annotation";
        let said = Said::because(TAINTED, "True", "UnsupportedFeatureAnnotation", message);
        conditions::set(&mut status.conditions, &said, seen.now);
    } else {
        conditions::remove(&mut status.conditions, TAINTED);
    }
    let said = match problem {
        None => Said::because(RECONCILED, "True", COMPLETED, ALL_IS_WELL),
        Some(problem) => Said::because(RECONCILED, "False", "ReconcileFailed", problem),
    };
    conditions::set(&mut status.conditions, &said, seen.now);
    for said in health(seen, problem) {
        conditions::set(&mut status.conditions, &said, seen.now);
    }
    if let (Some(generation), None) = (generation, problem) {
        status.other.insert("observedGeneration".to_owned(), json!(generation));
    }
}

/// How the platform is, which is how what it has made is: KubeVirt, once that says how it is.
// PARITY: hyperconverged-cluster-operator controllers/hyperconverged/hyperconverged_controller.go#aggregateComponentConditions
fn health(seen: &Observed, problem: Option<&str>) -> [Said; 4] {
    let kubevirt = seen.kubevirt.as_ref().and_then(|it| it.status.as_ref());
    let is_available = conditions::find(kubevirt.and_then(|it| it.conditions.as_ref()), AVAILABLE)
        .is_some_and(|it| it.status == "True");
    HEALTH.map(|type_| {
        let well = if type_ == AVAILABLE || type_ == UPGRADEABLE { "True" } else { "False" };
        let ill = if well == "True" { "False" } else { "True" };
        match problem {
            Some(_) => Said::because(type_, "Unknown", "StatusUnknown", "Unknown Status"),
            // PARITY: hyperconverged-cluster-operator controllers/operands/operand.go#getConditionsForNewCr
            None if !is_available && type_ != DEGRADED => Said::because(
                type_,
                ill,
                "KubeVirtConditions",
                "KubeVirt resource has no conditions",
            ),
            None => Said::because(type_, well, COMPLETED, ALL_IS_WELL),
        }
    })
}
