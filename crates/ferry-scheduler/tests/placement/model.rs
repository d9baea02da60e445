//! `schedule` against a slow reading of the same rules, node by node and pod by pod.

use std::collections::{BTreeMap, BTreeSet};

use ferry_api::Labels;
use ferry_scheduler::{
    Cordon, Demand, Filter, NameRequirement, Node, NodeHealth, NodeTerm, PlacedPod, PodTerm, Taint,
    TaintEffect, ToleratedTaints, Toleration, schedule,
};
use proptest::prelude::*;

use crate::{ClusterSnapshot, cluster};

mod scenes;

use scenes::{Scene, scene};

fn meets_term(node: &Node, term: &NodeTerm) -> bool {
    let name = |requirement: &NameRequirement| match requirement {
        NameRequirement::Is(name) => *name == node.name,
        NameRequirement::IsNot(name) => *name != node.name,
    };
    !(term.labels.is_empty() && term.names.is_empty())
        && term.labels.matches(&node.labels)
        && term.names.iter().all(name)
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let (key, value) = match &toleration.taints {
        ToleratedTaints::All => (None, None),
        ToleratedTaints::WithKey(key) => (Some(key), None),
        ToleratedTaints::Equal { key, value } => (Some(key), Some(value)),
    };
    key.is_none_or(|key| *key == taint.key)
        && value.is_none_or(|value| *value == taint.value)
        && toleration.effect.is_none_or(|effect| effect == taint.effect)
}

fn is_tolerated(demand: &Demand, taint: &Taint) -> bool {
    demand.tolerations.iter().any(|toleration| tolerates(toleration, taint))
}

fn term_matches(term: &PodTerm, namespace: &str, labels: &Labels) -> bool {
    term.namespaces.names.contains(namespace)
        && term.pods.as_ref().is_some_and(|pods| pods.matches(labels))
}

impl Scene {
    fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// Whether `node` and the node of `pod` have the same value of a label.
    fn close(&self, node: &Node, pod: &PlacedPod, topology_key: &str) -> bool {
        let theirs = self.node(&pod.node).and_then(|node| node.labels.get(topology_key));
        theirs.is_some() && theirs == node.labels.get(topology_key)
    }

    fn likes_the_company(&self, node: &Node) -> bool {
        let (demand, terms) = (&self.demand, &self.demand.pod_affinity.attracted);
        let all = |namespace: &str, labels: &Labels| {
            terms.iter().all(|term| term_matches(term, namespace, labels))
        };
        let company: Vec<&PlacedPod> =
            self.pods.iter().filter(|pod| all(&pod.key.namespace, &pod.labels)).collect();
        let counts = |term: &PodTerm| {
            company.iter().any(|pod| {
                self.node(&pod.node)
                    .is_some_and(|node| node.labels.contains_key(&term.topology_key))
            })
        };
        let is_first = !terms.iter().any(counts) && all(&demand.namespace, &demand.labels);
        terms.iter().all(|term| {
            company.iter().any(|pod| self.close(node, pod, &term.topology_key))
                || is_first && node.labels.contains_key(&term.topology_key)
        })
    }

    fn avoids_the_company(&self, node: &Node) -> bool {
        let demand = &self.demand;
        self.pods.iter().any(|pod| {
            let by_guest = demand.pod_affinity.repelled.iter().any(|term| {
                term_matches(term, &pod.key.namespace, &pod.labels)
                    && self.close(node, pod, &term.topology_key)
            });
            let by_pod = pod.repels.iter().any(|term| {
                term_matches(term, &demand.namespace, &demand.labels)
                    && self.close(node, pod, &term.topology_key)
            });
            by_guest || by_pod
        })
    }

    fn passes(&self, filter: Filter, node: &Node) -> bool {
        let demand = &self.demand;
        let has = |key: &str, value: &str| node.labels.get(key).is_some_and(|had| had == value);
        match filter {
            Filter::Source => demand.source_node.as_ref() != Some(&node.name),
            Filter::Ready => {
                let cordon = Taint {
                    key: "node.kubernetes.io/unschedulable".to_owned(),
                    value: String::new(),
                    effect: TaintEffect::NoSchedule,
                };
                node.health == NodeHealth::Ready
                    && (node.cordon == Cordon::Open || is_tolerated(demand, &cordon))
                    && has("kubevirt.io/schedulable", "true")
            }
            Filter::Taints => node.taints.iter().all(|taint| {
                taint.effect == TaintEffect::PreferNoSchedule || is_tolerated(demand, taint)
            }),
            Filter::Selector => {
                let affinity = demand.node_affinity.required.as_ref();
                demand.selector.labels().iter().all(|(key, value)| has(key, value))
                    && affinity.is_none_or(|terms| terms.iter().any(|term| meets_term(node, term)))
            }
            Filter::AntiAffinity => {
                let same = |pod: &PlacedPod| {
                    pod.node == node.name && pod.guest() == Some(demand.guest.as_str())
                };
                !self.pods.iter().any(same)
                    && self.likes_the_company(node)
                    && !self.avoids_the_company(node)
            }
            Filter::Resources => {
                let here = self.pods.iter().filter(|pod| pod.node == node.name);
                let used = here.map(|pod| pod.requests).sum();
                let free = node.allocatable.saturating_sub(used);
                free.cpu >= demand.requests.cpu && free.memory >= demand.requests.memory
            }
            Filter::CpuModel => demand.selector.hardware().all(|need| {
                let text = need.to_string();
                let model = text.strip_prefix("CPU model ").expect("scenes ask for models only");
                has(&format!("cpu-model.node.kubevirt.io/{model}"), "true")
            }),
        }
    }

    fn first_refusal(&self, node: &Node) -> Option<Filter> {
        Filter::ALL.into_iter().find(|filter| !self.passes(*filter, node))
    }

    fn snapshot(&self) -> ClusterSnapshot {
        cluster(self.nodes.clone(), self.pods.clone())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_node_is_refused_by_the_filter_that_a_slow_reading_finds_first(scene in scene()) {
        let mut expected = BTreeMap::new();
        for filter in scene.nodes.iter().filter_map(|node| scene.first_refusal(node)) {
            *expected.entry(filter).or_insert(0) += 1;
        }
        let refused = match schedule(&scene.demand, &scene.snapshot()) {
            Ok(placement) => {
                let node = scene.node(&placement.node).expect("a node of the scene");
                prop_assert_eq!(scene.first_refusal(node), None);
                placement.refusals
            }
            Err(unschedulable) => {
                prop_assert_eq!(unschedulable.refusals.total(), scene.nodes.len());
                unschedulable.refusals
            }
        };
        prop_assert_eq!(refused.by_filter(), expected);
    }

    #[test]
    fn the_chosen_node_is_the_best_by_points_and_then_by_name(scene in scene()) {
        let Ok(placement) = schedule(&scene.demand, &scene.snapshot()) else { return Ok(()) };
        for node in scene.nodes.iter().filter(|node| scene.first_refusal(node).is_none()) {
            let mut only = scene.clone();
            only.demand.source_node = None;
            let names = vec![NameRequirement::Is(node.name.clone())];
            let required = only.demand.node_affinity.required.take();
            let terms = required.unwrap_or_else(|| vec![NodeTerm::default()]).into_iter();
            only.demand.node_affinity.required = Some(
                terms.map(|term| NodeTerm { names: [term.names, names.clone()].concat(), ..term })
                    .collect(),
            );
            let other = schedule(&only.demand, &only.snapshot());
            let other = other.expect("a node that passes every filter passes alone");
            let rank = |score: i64, name: &str| (std::cmp::Reverse(score), name.to_owned());
            prop_assert!(
                rank(placement.score.total(), &placement.node)
                    <= rank(other.score.total(), &other.node)
            );
        }
    }

    #[test]
    fn the_order_in_which_things_became_known_does_not_matter(
        (scene, order) in scene().prop_flat_map(|scene| {
            let order = Just((0..scene.nodes.len() + scene.pods.len()).collect::<Vec<_>>());
            (Just(scene), order.prop_shuffle())
        }),
    ) {
        let mut snapshot = ClusterSnapshot::new();
        for index in order {
            match scene.nodes.get(index) {
                Some(node) => snapshot.put_node(node.clone()),
                None => snapshot.put_pod(scene.pods[index - scene.nodes.len()].clone()),
            }
        }
        prop_assert_eq!(
            schedule(&scene.demand, &snapshot),
            schedule(&scene.demand, &scene.snapshot())
        );
    }

    #[test]
    fn a_snapshot_that_lived_through_changes_answers_like_a_new_one(
        before in scene(), scene in scene(),
    ) {
        let mut snapshot = before.snapshot();
        let nodes: BTreeSet<_> = scene.nodes.iter().map(|node| &node.name).collect();
        let pods: BTreeSet<_> = scene.pods.iter().map(|pod| &pod.key).collect();
        for pod in before.pods.iter().filter(|pod| !pods.contains(&pod.key)) {
            snapshot.remove_pod(&pod.key);
        }
        for node in before.nodes.iter().filter(|node| !nodes.contains(&node.name)) {
            snapshot.remove_node(&node.name);
        }
        snapshot.extend(scene.pods.clone());
        snapshot.extend(scene.nodes.clone());
        prop_assert_eq!(
            schedule(&scene.demand, &snapshot),
            schedule(&scene.demand, &scene.snapshot())
        );
    }
}
