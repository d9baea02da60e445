//! Whatever happens, in whatever order: users, nodes and time act at random, the control plane is
//! interrupted between any two of its actions or acts on what it saw a while ago, and after each
//! single write everything still holds.

use std::collections::BTreeMap;

use ferry_api::kubevirt::{
    MigrationPhase, VirtualMachineInstance, VirtualMachineInstanceMigration,
    VirtualMachineInstancePhase,
};
use ferry_reconcile::{Part, Work};
use k8s_openapi::api::core::v1::Pod;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::cluster::{CONTROLLER, Cluster, plan};
use crate::nodes::Deed;
use crate::objects::{kubevirt, machine, migration, text, with};

const CLUSTER_LIMIT: usize = 2;
const NODE_LIMIT: usize = 1;

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    /// A user makes a machine, or starts or stops it.
    Strategy(u8, &'static str),
    /// A user deletes a machine.
    DeleteMachine(u8),
    /// A user migrates it, maybe to a certain node.
    Migrate(u8, Option<u8>),
    /// A user migrates all machines at once.
    Storm,
    /// A user deletes a migration.
    Cancel(u8),
    /// Somebody evicts the pod of a machine.
    Evict(u8),
    /// An administrator empties a node, or no longer does.
    Drain(u8, bool),
    /// A node does something that it can do.
    Deed(u8),
    /// A pod dies.
    Crash(u8),
    /// A user deletes a pod.
    KillPod(u8),
    /// A node is no longer heard of.
    Silence(u8),
    /// The node is taken out of the cluster.
    Lose(u8),
    /// A reconciler looks, and gets so far with its plan.
    Look(u8, u8),
    /// A reconciler acts on what it saw when the last step of this kind was taken.
    ActLate(u8),
    /// The control plane does some of the work that changes have caused.
    Works(u8),
    /// So many seconds pass.
    Pass(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..4_u8, prop_oneof![4 => Just("Always"), 1 => Just("Halted"), 1 => Just("RerunOnFailure")])
            .prop_map(|(machine, strategy)| Step::Strategy(machine, strategy)),
        1 => (0..4_u8).prop_map(Step::DeleteMachine),
        6 => (0..4_u8, proptest::option::of(0..3_u8)).prop_map(|(machine, to)| Step::Migrate(machine, to)),
        4 => Just(Step::Storm),
        3 => any::<u8>().prop_map(Step::Cancel),
        2 => (0..4_u8).prop_map(Step::Evict),
        2 => (0..3_u8, any::<bool>()).prop_map(|(node, on)| Step::Drain(node, on)),
        24 => any::<u8>().prop_map(Step::Deed),
        3 => any::<u8>().prop_map(Step::Crash),
        1 => any::<u8>().prop_map(Step::KillPod),
        1 => (0..3_u8).prop_map(Step::Silence),
        1 => Just(Step::Lose(2)),
        12 => (any::<u8>(), 0..5_u8).prop_map(|(who, steps)| Step::Look(who, steps)),
        6 => any::<u8>().prop_map(Step::ActLate),
        20 => (1..40_u8).prop_map(Step::Works),
        2 => (1..400_u16).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 20..70)
}

/// Checks what must hold after a write.
fn watch(cluster: &Cluster, by: &str, before: Option<&Value>, after: &Value) {
    let kind = before.or(Some(after)).map(|it| text(it, "/kind")).unwrap_or_default();
    if let Some(before) = before
        && !after.is_null()
    {
        match kind {
            "VirtualMachineInstanceMigration" => only_forward(by, before, after, migration_rank),
            "VirtualMachineInstance" => {
                only_forward(by, before, after, instance_rank);
                if by == CONTROLLER {
                    one_writer(cluster, before, after);
                }
            }
            _ => {}
        }
    }
    if matches!(kind, "VirtualMachineInstanceMigration" | "VirtualMachineInstance" | "Pod") {
        limits_hold(cluster);
    }
}

fn only_forward(by: &str, before: &Value, after: &Value, rank: fn(&str) -> u8) {
    let [old, new] = [before, after].map(|it| text(it, "/status/phase"));
    assert!(rank(old) <= rank(new), "{by} takes {} from {old} to {new}", text(after, "/kind"));
}

fn migration_rank(phase: &str) -> u8 {
    let phase: MigrationPhase = serde_json::from_value(json!(phase)).unwrap();
    if phase.is_final() { u8::MAX } else { phase as u8 }
}

fn instance_rank(phase: &str) -> u8 {
    let phase: VirtualMachineInstancePhase = serde_json::from_value(json!(phase)).unwrap();
    match phase {
        VirtualMachineInstancePhase::Succeeded | VirtualMachineInstancePhase::Failed => u8::MAX,
        earlier => earlier as u8,
    }
}

/// The controller writes of an instance only what is its own.
fn one_writer(cluster: &Cluster, before: &Value, after: &Value) {
    let changed = |pointer: &str| before.pointer(pointer) != after.pointer(pointer);
    assert!(!changed("/status/evacuationNodeName"));
    assert!(!changed("/status/powerRequest"));
    let was_on = text(before, "/status/nodeName");
    assert!(was_on.is_empty() || !changed("/status/nodeName"), "it moves a guest");
    let reached = text(after, "/status/phase");
    if changed("/status/phase") {
        assert!(!matches!(reached, "Running" | "Succeeded"), "it says how a guest is: {reached}");
    }
    let [old, new] = [before, after].map(|it| &it["status"]["migrationState"]);
    if text(old, "/migrationUid") != text(new, "/migrationUid") {
        // Hand-off: nothing of an earlier migration is left.
        assert_eq!(new.get("startTimestamp"), None);
        assert_eq!(new.get("completed"), None);
        return;
    }
    let source = text(old, "/sourceNode");
    let is_lost = cluster.get("Node", source).is_null();
    let may_end = old.get("startTimestamp").is_none() || is_lost;
    let empty = serde_json::Map::new();
    let [old, new] = [old, new].map(|it| it.as_object().unwrap_or(&empty));
    for key in old.keys().chain(new.keys()).filter(|key| old.get(*key) != new.get(*key)) {
        let is_end =
            matches!(key.as_str(), "completed" | "failed" | "failureReason" | "endTimestamp");
        assert!(key == "abortRequested" || is_end && may_end, "it writes migrationState.{key}");
    }
}

/// No more migrations are under way than may be, and no instance is moved by two.
fn limits_hold(cluster: &Cluster) {
    let pods: Vec<Pod> = cluster.all();
    let is_target = |uid: &str| {
        pods.iter().any(|pod| {
            let labels = pod.metadata.labels.as_ref();
            labels.and_then(|it| it.get("kubevirt.io/migrationJobUID")).is_some_and(|it| it == uid)
        })
    };
    let mut nodes: BTreeMap<String, usize> = BTreeMap::new();
    let mut movers: BTreeMap<String, usize> = BTreeMap::new();
    let mut running = 0;
    for one in cluster.all::<VirtualMachineInstanceMigration>() {
        let uid = one.metadata.uid.as_deref().unwrap();
        let phase = one.status.as_ref().map(|it| it.phase).unwrap_or_default();
        if phase.is_final() || phase <= MigrationPhase::Pending && !is_target(uid) {
            continue;
        }
        running += 1;
        let name = &one.spec.vmi_name;
        *movers.entry(name.clone()).or_default() += 1;
        let instance = cluster.get("VirtualMachineInstance", name);
        let state = &instance["status"]["migrationState"];
        let source = if text(state, "/migrationUid") == uid {
            text(state, "/sourceNode")
        } else {
            text(&instance, "/status/nodeName")
        };
        if !source.is_empty() {
            *nodes.entry(source.to_owned()).or_default() += 1;
        }
    }
    assert!(running <= CLUSTER_LIMIT, "{running} migrations at once");
    assert!(nodes.values().all(|count| *count <= NODE_LIMIT), "{nodes:?}");
    assert!(movers.values().all(|count| *count == 1), "{movers:?}");
}

fn vm(number: u8) -> String {
    format!("vm-{number}")
}

fn node(number: u8) -> String {
    format!("node-{}", number + 1)
}

fn pick<T: Clone>(list: &[T], number: u8) -> Option<T> {
    (!list.is_empty()).then(|| list[usize::from(number) % list.len()].clone())
}

/// Makes something happen.
fn happen(cluster: &mut Cluster, step: &Step, count: usize, earlier: &mut Cluster) {
    const MIGRATION: &str = "VirtualMachineInstanceMigration";
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
        Step::Migrate(number, to) => migrate(cluster, &format!("m-{count}"), *number, *to),
        Step::Storm => {
            for number in 0..4 {
                migrate(cluster, &format!("m-{count}-{number}"), number, None);
            }
        }
        Step::Cancel(number) => {
            let all: Vec<VirtualMachineInstanceMigration> = cluster.all();
            if let Some(one) = pick(&all, *number) {
                cluster.delete(MIGRATION, one.metadata.name.as_deref().unwrap());
            }
        }
        Step::Evict(number) => {
            let instance = cluster.get("VirtualMachineInstance", &vm(*number));
            let on = text(&instance, "/status/nodeName");
            if !on.is_empty() {
                let patch = json!({ "status": { "evacuationNodeName": on } });
                let name = vm(*number);
                cluster.patch("apiserver", "VirtualMachineInstance", Part::Main, &name, &patch);
            }
        }
        Step::Drain(number, on) => drain(cluster, &node(*number), *on),
        Step::Deed(number) => {
            if let Some(deed) = pick(&cluster.deeds(), *number) {
                cluster.perform(&deed);
            }
        }
        Step::Crash(number) => crash(cluster, *number),
        Step::KillPod(number) => {
            let pods: Vec<Pod> = cluster.all();
            if let Some(pod) = pick(&pods, *number) {
                cluster.delete("Pod", pod.metadata.name.as_deref().unwrap());
            }
        }
        Step::Silence(number) => cluster.silence(&node(*number)),
        Step::Lose(number) => cluster.delete("Node", &node(*number)),
        Step::Look(number, actions) => {
            if let Some(who) = pick(&cluster.everybody(), *number) {
                let plan = plan(&cluster.state, &cluster.now(), &who);
                cluster.carry_out(&plan, usize::from(*actions));
                cluster.caused.again(who);
            }
        }
        Step::ActLate(number) => {
            // Whoever gives slots and rooms away has to see what it has given before.
            let may =
                |who: &Work| !matches!(who, Work::Queue | Work::Placement | Work::Evacuation(_));
            let all: Vec<Work> = earlier.everybody().into_iter().filter(may).collect();
            if let Some(who) = pick(&all, *number) {
                let plan = plan(&earlier.state, &earlier.now(), &who);
                cluster.carry_out(&plan, usize::MAX);
                cluster.caused.again(who);
            }
            *earlier = cluster.clone();
        }
        Step::Works(looks) => cluster.work(usize::from(*looks)),
        Step::Pass(seconds) => cluster.pass(i64::from(*seconds)),
    }
}

fn migrate(cluster: &mut Cluster, name: &str, number: u8, to: Option<u8>) {
    let mut wish = migration(name, &vm(number));
    if let Some(to) = to {
        let selector = json!({ "spec": { "addedNodeSelector": { "name": node(to) } } });
        wish = with(wish, &selector);
    }
    // One that is under way already keeps others out.
    let _ = cluster.try_create("user", &wish);
}

fn crash(cluster: &mut Cluster, number: u8) {
    let pods: Vec<Pod> = cluster.all();
    let has_node = |pod: &Pod| pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
    let Some(pod) = pick(&pods, number).filter(has_node) else { return };
    let name = pod.metadata.name.unwrap();
    let patch = json!({ "status": { "phase": "Failed" } });
    cluster.patch("kubelet", "Pod", Part::Status, &name, &patch);
    cluster.guest_of_pod_ends(&name);
}

fn drain(cluster: &mut Cluster, node: &str, on: bool) {
    let mut taints: Vec<Value> =
        cluster.get("Node", node)["spec"]["taints"].as_array().cloned().unwrap_or_default();
    taints.retain(|taint| taint["key"] != "kubevirt.io/drain");
    if on {
        taints.push(json!({ "key": "kubevirt.io/drain", "effect": "NoSchedule" }));
    }
    cluster.patch("user", "Node", Part::Main, node, &json!({ "spec": { "taints": taints } }));
}

/// Lets everything that was broken be whole again, and everything that was begun end.
fn come_to_rest(cluster: &mut Cluster) {
    for node in cluster.node_names() {
        drain(cluster, &node, false);
        let patch = json!({ "metadata": { "annotations": { "silent": null } } });
        cluster.patch("user", "Node", Part::Main, &node, &patch);
    }
    for _ in 0..8 {
        cluster.pass(400);
        cluster.run();
    }
}

fn is_at_rest(cluster: &Cluster) {
    let busy: Vec<_> = cluster.plans().into_iter().filter(|(_, plan)| !plan.is_empty()).collect();
    assert!(busy.is_empty(), "{busy:#?}");
    assert_eq!(cluster.deeds().into_iter().filter(|it| !matches!(it, Deed::Fail(_))).count(), 0);
    for one in cluster.all::<VirtualMachineInstanceMigration>() {
        let phase = one.status.as_ref().map(|it| it.phase).unwrap_or_default();
        assert!(phase.is_final(), "{one:#?}");
        assert!(one.metadata.deletion_timestamp.is_none(), "{one:#?}");
    }
    let instances: Vec<VirtualMachineInstance> = cluster.all();
    for instance in &instances {
        let status = instance.status.as_ref().unwrap();
        let pods = cluster.pods_of(instance.metadata.name.as_deref().unwrap());
        assert_eq!(status.phase, Some(VirtualMachineInstancePhase::Running), "{instance:#?}");
        assert_eq!(pods.len(), 1, "{instance:#?} {pods:?}");
        let pod = cluster.get("Pod", &pods[0]);
        assert_eq!(Some(text(&pod, "/spec/nodeName")), status.node_name.as_deref());
    }
    for machine in cluster.all::<ferry_api::kubevirt::VirtualMachine>() {
        let should = machine.spec.run_strategy.as_deref() != Some("Halted");
        let name = machine.metadata.name.as_deref();
        let runs = instances.iter().any(|it| it.metadata.name.as_deref() == name);
        assert!(runs || !should || machine.spec.run_strategy.as_deref() == Some("RerunOnFailure"));
        assert!(should || !runs, "{name:?} runs");
        let word = machine.status.and_then(|status| status.printable_status).unwrap();
        // One that failed to start and is not to be started again still says so, as upstream.
        let expected: &[&str] = if runs { &["Running"] } else { &["Stopped", "CrashLoopBackOff"] };
        assert!(expected.contains(&word.as_str()), "{name:?} is {word}");
    }
    assert_eq!(cluster.all::<Pod>().len(), instances.len(), "pods without an instance");
}

proptest! {
    // Each case is some hundred writes on a registry; more of them find no more in the time of a
    // test. `PROPTEST_CASES` asks for as many as one likes.
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 12, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_limits_hold_nothing_goes_back_and_all_comes_to_rest(steps in steps()) {
        let mut cluster = Cluster::new().watched(watch);
        let limits = json!({ "migrations": {
            "parallelMigrationsPerCluster": CLUSTER_LIMIT,
            "parallelOutboundMigrationsPerNode": NODE_LIMIT,
        } });
        cluster.create(&kubevirt(&limits));
        for number in 0..4 {
            cluster.create(&machine(&vm(number), "Always"));
        }
        cluster.run();
        let mut earlier = cluster.clone();
        for (count, step) in steps.iter().enumerate() {
            happen(&mut cluster, step, count, &mut earlier);
        }
        come_to_rest(&mut cluster);
        is_at_rest(&cluster);
    }
}
