//! A control plane that looks where a change has caused it to, and nowhere else.
//!
//! All tests live on this one. Whenever it has nothing more to do, everybody is asked: if anybody
//! still wants something done, a cause is missing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ferry_api::hco::v1beta1::HyperConverged;
use ferry_api::kubevirt::{
    KubeVirt, VirtualMachine, VirtualMachineInstance, VirtualMachineInstanceMigration,
};
use ferry_api::{MigrationPolicy, NetworkAttachmentDefinition};
use ferry_reconcile::work::touched;
use ferry_reconcile::{Cause, Work};
use ferry_registry::State;
use ferry_units::WallTime;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolumeClaim, Pod};
use serde_json::{Value, json};

use crate::cluster::{Cluster, plan};
use crate::objects::{claim, instance, machine, text};

/// The work that was caused and not done, and when other work is to come again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caused {
    /// In the order in which it was caused.
    now: VecDeque<Work>,
    later: BTreeMap<Work, WallTime>,
}

impl Caused {
    /// An object was changed from `before`, nothing where it was made, to `after`, null where it is
    /// gone.
    pub(crate) fn by(&mut self, state: &State, before: Option<&Value>, after: &Value) {
        let kind = before.or(Some(after)).map(|it| text(it, "/kind")).unwrap_or_default();
        let cause = match kind {
            "HyperConverged" => caused::<HyperConverged>,
            "KubeVirt" => caused::<KubeVirt>,
            "VirtualMachine" => caused::<VirtualMachine>,
            "VirtualMachineInstance" => caused::<VirtualMachineInstance>,
            "VirtualMachineInstanceMigration" => caused::<VirtualMachineInstanceMigration>,
            "MigrationPolicy" => caused::<MigrationPolicy>,
            "NetworkAttachmentDefinition" => caused::<NetworkAttachmentDefinition>,
            "Namespace" => caused::<Namespace>,
            "Node" => caused::<Node>,
            "Pod" => caused::<Pod>,
            "PersistentVolumeClaim" => caused::<PersistentVolumeClaim>,
            "Lease" => caused::<Lease>,
            other => panic!("nobody knows what a change of {other} causes"),
        };
        for work in cause(state, before, after) {
            self.again(work);
        }
    }

    /// This work is to be done, if it is not to be done anyway.
    pub(crate) fn again(&mut self, work: Work) {
        if !self.now.contains(&work) {
            self.now.push_back(work);
        }
    }

    fn next(&mut self, now: WallTime) -> Option<Work> {
        let due: Vec<_> = self.later.extract_if(.., |_, time| *time <= now).collect();
        for (work, _) in due {
            self.again(work);
        }
        self.now.pop_front()
    }
}

fn caused<T: Cause>(state: &State, before: Option<&Value>, after: &Value) -> BTreeSet<Work> {
    let typed = |value: &Value| serde_json::from_value::<T>(value.clone()).unwrap();
    let [old, new] = [before, Some(after)].map(|it| it.filter(|it| !it.is_null()).map(typed));
    touched(state, old.as_ref(), new.as_ref())
}

impl Cluster {
    /// Looks so many times where something was caused.
    pub(crate) fn work(&mut self, looks: usize) {
        for _ in 0..looks {
            if !self.work_once() {
                return;
            }
        }
    }

    fn work_once(&mut self) -> bool {
        let now = self.time();
        let Some(work) = self.caused.next(now) else { return self.clean_up() };
        let plan = plan(&self.state, &self.now(), &work);
        if !self.carry_out(&plan, usize::MAX) {
            self.caused.again(work);
        } else if let Some(time) = plan.revisit {
            self.caused.later.insert(work, time);
        } else {
            self.caused.later.remove(&work);
        }
        true
    }

    fn clean_up(&mut self) -> bool {
        let mut is_busy = false;
        for chore in self.state.chores(self.time()) {
            is_busy |= self.write("garbage", chore.target, chore.write).is_ok();
        }
        is_busy
    }

    /// Lets the control plane do what was caused until nothing is left. Then nobody wants anything.
    pub(crate) fn settle(&mut self) {
        self.work(20_000);
        let busy: Vec<_> = self.plans().into_iter().filter(|(_, plan)| !plan.is_empty()).collect();
        assert!(self.caused.now.is_empty(), "it never settles: {busy:#?}");
        assert!(busy.is_empty(), "nothing caused this to be looked at: {busy:#?}");
    }
}

#[test]
fn a_heartbeat_concerns_nobody_but_its_node() {
    let mut cluster = Cluster::new();
    cluster.running("vm", "node-1");
    cluster.settle();
    cluster.pass(1);
    let heard = BTreeSet::from(["node-1", "node-2", "node-3"]);
    let node = |name: &&str| Work::Node(ferry_reconcile::Key::new("", *name));
    assert_eq!(cluster.caused.now, heard.iter().map(node).collect::<Vec<_>>());
}

#[test]
fn each_kind_causes_work_for_those_who_read_it() {
    let key = |namespace: &str, name: &str| ferry_reconcile::Key::new(namespace, name);
    let mut cluster = Cluster::new();
    cluster.create(&crate::objects::with(
        instance("vm"),
        &json!({ "spec": { "volumes": [
            { "name": "data", "persistentVolumeClaim": { "claimName": "data" } },
        ] } }),
    ));
    cluster.settle();
    for (object, expected) in [
        (
            claim("data", "ReadWriteMany"),
            vec![Work::Instance(key("ns", "vm")), Work::Claim(key("ns", "data"))],
        ),
        (claim("other", "ReadWriteMany"), vec![Work::Claim(key("ns", "other"))]),
        (
            machine("a", "Halted"),
            vec![Work::Machine(key("ns", "a")), Work::Instance(key("ns", "a"))],
        ),
        (
            json!({
                "apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
                "metadata": { "name": "fast", "namespace": "ns" }, "spec": { "config": "{}" },
            }),
            vec![Work::Queue],
        ),
        (
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "new" } }),
            vec![Work::Placement],
        ),
    ] {
        cluster.create(&object);
        assert_eq!(cluster.caused.now, expected, "{object}");
        cluster.settle();
    }
}
