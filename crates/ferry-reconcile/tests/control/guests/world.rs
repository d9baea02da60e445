//! Whatever happens, in whatever order: users, guests, daemons and links act and fail at random, each
//! daemon on what it has heard of so far, and at every instant each guest runs once at most. When
//! everything works again, everything that was begun ends.

use ferry_api::kubevirt::{
    VirtualMachine, VirtualMachineInstanceMigration, VirtualMachineInstancePhase,
};
use ferry_reconcile::Part;
use k8s_openapi::api::core::v1::Pod;
use proptest::prelude::*;
use serde_json::json;

use super::daemons::{NODES, Nodes, is_harmless};
use super::processes::Deed;
use crate::cluster::{Cluster, plan};
use crate::objects::{kubevirt, machine, migration};

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    /// A user makes a machine, or starts or stops it.
    Strategy(u8, &'static str),
    /// A user deletes a machine.
    DeleteMachine(u8),
    /// A user migrates it.
    Migrate(u8),
    /// A user deletes a migration.
    Cancel(u8),
    /// A user deletes a pod.
    KillPod(u8),
    /// A user deletes a pod and does not wait for its end.
    ForcePod(u8),
    /// A user wants a guest to stand still, or to run.
    Power(u8, &'static str),
    /// A guest does something.
    Deed(u8),
    /// A guest crashes, or a link breaks.
    Harm(u8),
    /// A daemon looks, and gets so far with each of its plans.
    Act(u8, u8),
    /// A daemon hears of everything.
    Hear(u8),
    /// A daemon dies.
    Die(u8),
    /// It is started again.
    Rise(u8),
    /// A reconciler of the control plane looks, and gets so far with its plan.
    Look(u8, u8),
    /// The control plane looks so many times where something was caused.
    Works(u8),
    /// The control plane and the daemons that live do all that there is to do.
    Settle,
    /// So many seconds pass.
    Pass(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0..2_u8, prop_oneof![5 => Just("Always"), 1 => Just("Halted")])
            .prop_map(|(machine, strategy)| Step::Strategy(machine, strategy)),
        1 => (0..2_u8).prop_map(Step::DeleteMachine),
        14 => (0..2_u8).prop_map(Step::Migrate),
        2 => any::<u8>().prop_map(Step::Cancel),
        1 => any::<u8>().prop_map(Step::KillPod),
        1 => any::<u8>().prop_map(Step::ForcePod),
        1 => (0..2_u8, prop_oneof![Just("Paused"), Just("Running")])
            .prop_map(|(machine, state)| Step::Power(machine, state)),
        60 => any::<u8>().prop_map(Step::Deed),
        3 => any::<u8>().prop_map(Step::Harm),
        24 => (0..3_u8, 0..5_u8).prop_map(|(node, steps)| Step::Act(node, steps)),
        16 => (0..3_u8).prop_map(Step::Hear),
        2 => (0..3_u8).prop_map(Step::Die),
        4 => (0..3_u8).prop_map(Step::Rise),
        10 => (any::<u8>(), 0..5_u8).prop_map(|(who, steps)| Step::Look(who, steps)),
        20 => (1..40_u8).prop_map(Step::Works),
        20 => Just(Step::Settle),
        2 => (1..60_u16).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 40..100)
}

fn vm(number: u8) -> String {
    format!("vm-{number}")
}

fn pick<T: Clone>(list: &[T], number: u8) -> Option<T> {
    (!list.is_empty()).then(|| list[usize::from(number) % list.len()].clone())
}

fn node(number: u8) -> &'static str {
    NODES[usize::from(number)]
}

fn pod(nodes: &Nodes, number: u8) -> Option<String> {
    let pods: Vec<Pod> = nodes.cluster.all();
    pick(&pods, number)?.metadata.name
}

/// One of the deeds that `may` happen, done.
fn do_one(nodes: &mut Nodes, number: u8, may: impl Fn(&Deed) -> bool) {
    let deeds: Vec<Deed> = nodes.processes.deeds().into_iter().filter(may).collect();
    if let Some(deed) = pick(&deeds, number) {
        nodes.processes.perform(&deed, nodes.cluster.time());
    }
}

/// Makes something happen.
fn happen(nodes: &mut Nodes, step: &Step, count: usize) {
    const MIGRATION: &str = "VirtualMachineInstanceMigration";
    let cluster = &mut nodes.cluster;
    match step {
        Step::Strategy(number, strategy) => {
            if cluster.get("VirtualMachine", &vm(*number)).is_null() {
                // A machine that is on its way out keeps its name for a while.
                let _ = cluster.try_create("user", &machine(&vm(*number), strategy));
            } else {
                let patch = json!({ "spec": { "runStrategy": strategy } });
                cluster.patch("user", "VirtualMachine", Part::Main, &vm(*number), &patch);
            }
        }
        Step::DeleteMachine(number) => cluster.delete("VirtualMachine", &vm(*number)),
        Step::Migrate(number) => {
            // One that is under way already keeps others out.
            let _ = cluster.try_create("user", &migration(&format!("m-{count}"), &vm(*number)));
        }
        Step::Cancel(number) => {
            let all: Vec<VirtualMachineInstanceMigration> = cluster.all();
            if let Some(one) = pick(&all, *number) {
                cluster.delete(MIGRATION, one.metadata.name.as_deref().unwrap());
            }
        }
        Step::KillPod(number) => {
            if let Some(pod) = pod(nodes, *number) {
                nodes.cluster.delete("Pod", &pod);
            }
        }
        Step::ForcePod(number) => {
            if let Some(pod) = pod(nodes, *number) {
                nodes.cluster.delete_with("Pod", &pod, Some(0));
            }
        }
        Step::Power(number, state) => {
            let patch = json!({ "status": { "powerRequest": { "state": state } } });
            let name = vm(*number);
            cluster.patch("apiserver", "VirtualMachineInstance", Part::Main, &name, &patch);
        }
        Step::Deed(number) => {
            do_one(nodes, *number, |deed| is_harmless(deed) || matches!(deed, Deed::PostCopy(_)));
        }
        Step::Harm(number) => do_one(nodes, *number, |deed| !is_harmless(deed)),
        Step::Act(number, steps) => drop(nodes.act(node(*number), usize::from(*steps))),
        Step::Hear(number) => nodes.refresh(node(*number)),
        Step::Die(number) => drop(nodes.down.insert(node(*number).to_owned())),
        Step::Rise(number) => {
            if nodes.down.remove(node(*number)) {
                nodes.refresh(node(*number));
            }
        }
        Step::Look(number, steps) => {
            if let Some(who) = pick(&cluster.everybody(), *number) {
                let plan = plan(&cluster.state, &cluster.now(), &who);
                cluster.carry_out(&plan, usize::from(*steps));
                cluster.caused.again(who);
            }
        }
        Step::Works(looks) => cluster.work(usize::from(*looks)),
        Step::Settle => nodes.settle(),
        Step::Pass(seconds) => cluster.pass(i64::from(*seconds)),
    }
}

/// Lets everything that was broken be whole again, and everything that was begun end.
fn come_to_rest(nodes: &mut Nodes) {
    nodes.down.clear();
    for _ in 0..4 {
        nodes.cluster.pass(400);
        nodes.run();
    }
}

fn is_at_rest(nodes: &Nodes) {
    for node in NODES {
        for (subject, plan) in nodes.plans(node) {
            assert!(plan.api.is_empty() && plan.orders.is_empty(), "{subject:?}: {plan:#?}");
        }
    }
    for one in nodes.cluster.all::<VirtualMachineInstanceMigration>() {
        let phase = one.status.as_ref().map(|it| it.phase).unwrap_or_default();
        assert!(phase.is_final(), "{one:#?}");
        assert!(one.metadata.deletion_timestamp.is_none(), "{one:#?}");
    }
    let instances = nodes.instances();
    for instance in &instances {
        let status = instance.status.as_ref().unwrap();
        assert_eq!(status.phase, Some(VirtualMachineInstancePhase::Running), "{instance:#?}");
        let uid = instance.metadata.uid.as_deref().unwrap();
        let own: Vec<_> =
            nodes.processes.all.values().filter(|it| it.spec.instance_uid == uid).collect();
        assert_eq!(own.len(), 1, "{instance:#?} {own:#?}");
        assert_eq!(Some(own[0].node.as_str()), status.node_name.as_deref());
        let conditions = status.conditions.iter().flatten();
        let is_paused = conditions.filter(|it| it.type_ == "Paused").count() == 1;
        assert_eq!(own[0].runs, !is_paused, "{instance:#?}");
    }
    for machine in nodes.cluster.all::<VirtualMachine>() {
        let should = machine.spec.run_strategy.as_deref() == Some("Always");
        let runs = instances.iter().any(|it| it.metadata.name == machine.metadata.name);
        assert_eq!(should, runs, "{:?}", machine.metadata.name);
    }
    assert_eq!(nodes.processes.all.len(), instances.len(), "{:#?}", nodes.processes);
    assert_eq!(nodes.cluster.all::<Pod>().len(), instances.len(), "pods without an instance");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 12, ..ProptestConfig::default() })]

    #[test]
    fn never_do_two_copies_run_and_in_the_end_all_is_well(steps in steps()) {
        let mut cluster = Cluster::new();
        cluster.create(&kubevirt(&json!({ "migrations": { "parallelMigrationsPerCluster": 2 } })));
        let mut nodes = Nodes::new(cluster);
        for number in 0..2 {
            nodes.cluster.create(&machine(&vm(number), "Always"));
        }
        nodes.run();
        let mut is_forced = false;
        for (count, step) in steps.iter().enumerate() {
            happen(&mut nodes, step, count);
            let copies = nodes.processes.doubles(|spec| spec.instance_uid.clone());
            prop_assert!(copies.is_empty(), "two copies of {copies:?} after {step:?}");
            // Whoever does not wait for the end of a pod may meet its guest beside the next.
            is_forced |= matches!(step, Step::ForcePod(_));
            let machines = nodes.processes.doubles(|spec| spec.name.clone());
            prop_assert!(is_forced || machines.is_empty(), "two guests of {machines:?}");
        }
        come_to_rest(&mut nodes);
        is_at_rest(&nodes);
    }
}
