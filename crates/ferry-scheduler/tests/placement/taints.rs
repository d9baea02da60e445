//! Which taints keep a guest away.

use ferry_scheduler::{
    Cordon, Demand, NodeHealth, Taint, TaintEffect, ToleratedTaints, Toleration,
};

use crate::{answer, cluster, demand, node};

const EFFECTS: [TaintEffect; 3] =
    [TaintEffect::NoSchedule, TaintEffect::PreferNoSchedule, TaintEffect::NoExecute];

fn taint(key: &str, value: &str, effect: TaintEffect) -> Taint {
    Taint { key: key.to_owned(), value: value.to_owned(), effect }
}

fn equal(key: &str, value: &str) -> ToleratedTaints {
    ToleratedTaints::Equal { key: key.to_owned(), value: value.to_owned() }
}

fn tolerating(taints: ToleratedTaints, effect: Option<TaintEffect>) -> Demand {
    Demand { tolerations: vec![Toleration { taints, effect }], ..demand() }
}

#[test]
fn parity_a_toleration_covers_what_its_key_operator_value_and_effect_say() {
    let exists = ToleratedTaints::WithKey("gpu".to_owned());
    for (taints, key, value, covered) in [
        (ToleratedTaints::All, "gpu", "a100", true),
        (exists.clone(), "gpu", "a100", true),
        (exists.clone(), "gpu", "", true),
        (exists, "gpus", "a100", false),
        (equal("gpu", "a100"), "gpu", "a100", true),
        (equal("gpu", "a100"), "gpu", "h100", false),
        (equal("gpu", ""), "gpu", "", true),
        (equal("gpu", ""), "gpu", "a100", false),
        (equal("cpu", "a100"), "gpu", "a100", false),
    ] {
        for effect in EFFECTS {
            let taint = taint(key, value, effect);
            for own in EFFECTS {
                let toleration = Toleration { taints: taints.clone(), effect: Some(own) };
                assert_eq!(toleration.covers(&taint), covered && own == effect, "{toleration:?}");
            }
            let any_effect = Toleration { taints: taints.clone(), effect: None };
            assert_eq!(any_effect.covers(&taint), covered, "{any_effect:?}");
        }
    }
}

#[test]
fn hard_taints_refuse_whom_they_are_not_tolerated_by_and_soft_ones_nobody() {
    for (effect, expected) in [
        (
            TaintEffect::NoSchedule,
            "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: a100}",
        ),
        (
            TaintEffect::NoExecute,
            "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: a100}",
        ),
        (TaintEffect::PreferNoSchedule, "node-1"),
    ] {
        let mut tainted = node("node-1", []);
        tainted.taints.push(taint("gpu", "a100", effect));
        let cluster = cluster([tainted], []);
        assert_eq!(answer(&demand(), &cluster), expected);
        let tolerant = tolerating(equal("gpu", "a100"), Some(effect));
        assert_eq!(answer(&tolerant, &cluster), "node-1");
    }
}

#[test]
fn every_hard_taint_must_be_tolerated_and_the_first_that_is_not_is_named() {
    let mut tainted = node("node-1", []);
    tainted.taints = vec![
        taint("soft", "", TaintEffect::PreferNoSchedule),
        taint("a", "1", TaintEffect::NoSchedule),
        taint("b", "", TaintEffect::NoExecute),
        taint("c", "3", TaintEffect::NoSchedule),
    ];
    let tolerant = tolerating(equal("a", "1"), None);
    assert_eq!(
        answer(&tolerant, &cluster([tainted], [])),
        "0/1 nodes are available: 1 node(s) had untolerated taint {b: }"
    );
}

#[test]
fn parity_a_cordon_is_a_taint_that_can_be_tolerated() {
    let mut cordoned = node("node-1", []);
    cordoned.cordon = Cordon::Closed;
    let by_flag = cluster([cordoned.clone()], []);
    let closed = "0/1 nodes are available: 1 node(s) were unschedulable";
    let key = "node.kubernetes.io/unschedulable";
    for (demand, expected) in [
        (demand(), closed),
        (tolerating(ToleratedTaints::All, None), "node-1"),
        (tolerating(ToleratedTaints::WithKey(key.to_owned()), None), "node-1"),
        (tolerating(equal(key, ""), Some(TaintEffect::NoSchedule)), "node-1"),
        (tolerating(equal(key, "yes"), Some(TaintEffect::NoSchedule)), closed),
        (tolerating(ToleratedTaints::All, Some(TaintEffect::NoExecute)), closed),
    ] {
        assert_eq!(answer(&demand, &by_flag), expected, "{:?}", demand.tolerations);
    }

    cordoned.cordon = Cordon::Open;
    cordoned.taints.push(taint(key, "", TaintEffect::NoSchedule));
    let by_taint = cluster([cordoned], []);
    assert_eq!(
        answer(&demand(), &by_taint),
        "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/unschedulable: }"
    );
}

#[test]
fn a_node_that_is_not_ready_takes_nobody_whatever_is_tolerated() {
    let mut broken = node("node-1", []);
    broken.health = NodeHealth::NotReady;
    let cluster = cluster([broken], []);
    for demand in [demand(), tolerating(ToleratedTaints::All, None)] {
        assert_eq!(answer(&demand, &cluster), "0/1 nodes are available: 1 node(s) were not ready");
    }
}
