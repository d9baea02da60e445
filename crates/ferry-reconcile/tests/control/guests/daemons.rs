//! Node daemons, played: the reconcilers of this crate on what each node has seen, and the processes
//! that obey them.

use std::collections::{BTreeMap, BTreeSet};

use ferry_api::Labels;
use ferry_api::kubevirt::VirtualMachineInstance;
use ferry_reconcile::guest::{self, GuestPlan, Here, Subject};
use ferry_reconcile::presence::{self, Presence};
use ferry_registry::State;
use ferry_units::Bytes;
use k8s_openapi::api::core::v1::{NodeSystemInfo, Pod};
use serde_json::Value;

use super::processes::{ADDRESS, Deed, Processes};
use crate::cluster::Cluster;
use crate::objects::text;

pub(crate) const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];

/// A cluster and its nodes.
#[derive(Clone)]
pub(crate) struct Nodes {
    pub(crate) cluster: Cluster,
    pub(crate) processes: Processes,
    /// What each daemon knows of the cluster. It sees what it writes itself.
    seen: BTreeMap<String, State>,
    /// Daemons that are dead.
    pub(crate) down: BTreeSet<String>,
}

pub(crate) fn here(node: &str) -> Here {
    Here { node: node.to_owned(), address: ADDRESS, networks: BTreeSet::from(["pod".to_owned()]) }
}

/// A node of 16 GiB, as it knows itself.
pub(crate) fn presence(node: &str) -> Presence {
    Presence {
        name: node.to_owned(),
        address: ADDRESS,
        port: 7000,
        networks: here(node).networks,
        labels: Labels::new(),
        taints: Vec::new(),
        memory: Bytes::from_gib(16),
        cpus: 8,
        cpu_model: "Haswell".to_owned(),
        machines: ["pc-q35-7.2".to_owned()].into(),
        system: NodeSystemInfo {
            architecture: "amd64".to_owned(),
            operating_system: "linux".to_owned(),
            ..NodeSystemInfo::default()
        },
    }
}

/// Lets a node say what it has to say of itself.
pub(crate) fn introduce(cluster: &mut Cluster, node: &str) {
    for _ in 0..3 {
        let seen = presence::observe(&cluster.state, &presence(node), cluster.time());
        cluster.carry_out(&presence::plan(&seen), usize::MAX);
    }
}

impl Nodes {
    pub(crate) fn new(cluster: Cluster) -> Self {
        let mut nodes = Self {
            cluster,
            processes: Processes::default(),
            seen: BTreeMap::new(),
            down: BTreeSet::new(),
        };
        for node in NODES {
            introduce(&mut nodes.cluster, node);
        }
        for node in NODES {
            nodes.refresh(node);
        }
        nodes
    }

    /// The daemon hears of everything.
    pub(crate) fn refresh(&mut self, node: &str) {
        self.seen.insert(node.to_owned(), self.cluster.state.clone());
    }

    /// What a node wants done, each with its subject.
    pub(crate) fn plans(&self, node: &str) -> Vec<(Subject, GuestPlan)> {
        let (view, here) = (&self.seen[node], here(node));
        let reports = self.processes.reports(node);
        let subjects = guest::subjects(view, &here, &reports);
        let look =
            |subject: &Subject| guest::observe(view, &here, &reports, subject, self.cluster.time());
        let plans = subjects.into_iter().filter_map(|it| Some((it.clone(), look(&it)?)));
        plans.map(|(subject, seen)| (subject, guest::plan(&seen))).collect()
    }

    /// The daemon looks once at everything: orders first, then at most `steps` actions of each plan.
    pub(crate) fn act(&mut self, node: &str, steps: usize) -> bool {
        if self.down.contains(node) {
            return false;
        }
        let plans = self.plans(node);
        let orders = self.processes.obeyed.len();
        let mut is_busy = false;
        for (_, plan) in &plans {
            for order in &plan.orders {
                self.processes.order(node, order, self.cluster.time());
            }
        }
        for (_, plan) in plans.iter().filter(|(_, plan)| !plan.api.is_empty()) {
            is_busy = true;
            self.cluster.carry_out(&plan.api, steps);
            self.refresh(node);
        }
        is_busy || self.processes.obeyed.len() > orders
    }

    /// Lets daemons and the control plane act until nothing is left to do for them.
    pub(crate) fn settle(&mut self) {
        for _ in 0..100 {
            self.cluster.settle();
            let mut is_busy = false;
            for node in NODES {
                self.refresh(node);
                is_busy |= self.act(node, usize::MAX);
            }
            if !is_busy {
                return;
            }
        }
        panic!("it never settles: {:#?}", NODES.map(|node| self.plans(node)));
    }

    /// Lets guests do what `may` allows as well, until nothing is left to do.
    pub(crate) fn run_while(&mut self, may: impl Fn(&Deed) -> bool) {
        for _ in 0..200 {
            self.settle();
            let next = self.processes.deeds().into_iter().find(|deed| may(deed));
            match next {
                Some(deed) => self.processes.perform(&deed, self.cluster.time()),
                None => return,
            }
        }
        panic!("it never comes to rest: {:?}", self.processes.deeds());
    }

    /// The same, where nothing breaks.
    pub(crate) fn run(&mut self) {
        self.run_while(is_harmless);
    }

    /// The first deed that satisfies the test, done; and what daemons make of it.
    pub(crate) fn do_one(&mut self, is_it: impl Fn(&Deed) -> bool) {
        self.do_one_quietly(is_it);
        self.settle();
    }

    /// The same, and nobody has looked yet.
    pub(crate) fn do_one_quietly(&mut self, is_it: impl Fn(&Deed) -> bool) {
        let deeds = self.processes.deeds();
        let deed = deeds.iter().find(|deed| is_it(deed));
        let deed = deed.unwrap_or_else(|| panic!("no such deed among {deeds:?}"));
        self.processes.perform(deed, self.cluster.time());
    }

    pub(crate) fn instance(&self, name: &str) -> Value {
        self.cluster.get("VirtualMachineInstance", name)
    }

    /// The pod of an instance on a node.
    pub(crate) fn pod(&self, instance: &str, node: &str) -> Value {
        let pods: Vec<Pod> = self.cluster.all();
        let found = pods.iter().map(|pod| serde_json::to_value(pod).unwrap()).find(|pod| {
            text(pod, "/metadata/annotations/kubevirt.io~1domain") == instance
                && text(pod, "/spec/nodeName") == node
        });
        found.unwrap_or(Value::Null)
    }

    /// The orders that were obeyed since the last call.
    pub(crate) fn obeyed(&mut self) -> Vec<String> {
        std::mem::take(&mut self.processes.obeyed)
    }

    pub(crate) fn instances(&self) -> Vec<VirtualMachineInstance> {
        self.cluster.all()
    }
}

/// Whether a deed is what guests do when nothing breaks.
pub(crate) fn is_harmless(deed: &Deed) -> bool {
    match deed {
        Deed::Boot(_)
        | Deed::ShutDown(_)
        | Deed::Stop(_)
        | Deed::Resume(_)
        | Deed::Complete(_)
        | Deed::Learn(_) => true,
        Deed::PostCopy(_) | Deed::Cut(_) | Deed::Crash(_) => false,
    }
}
