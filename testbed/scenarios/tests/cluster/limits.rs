//! How many guests may move at once.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use ferry_api::kubevirt::VirtualMachineInstanceMigration;
use ferry_harness::{Testbed, Topology, topology};
use ferry_units::Bytes;
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ApiResource;
use serde_json::{Value, json};

use crate::common::asking::never_backwards;
use crate::common::{Change, History, configure, machine};

/// How many migrations there are at once.
const STORM: usize = 50;
const PER_CLUSTER: usize = 5;
const PER_NODE: usize = 2;

/// The phases in which a migration holds a slot.
const MOVING: [&str; 5] = ["Scheduling", "Scheduled", "PreparingTarget", "TargetReady", "Running"];

/// Nodes with room for half the storm each.
fn nodes(count: usize) -> Result<Topology> {
    let mut topology = Topology::of_nodes(count)?;
    for node in &mut topology.nodes {
        node.memory = topology::Size(Bytes::from_gib(64));
    }
    Ok(topology)
}

/// The cluster as far as limits are concerned, after each change.
struct Slots<'a> {
    /// Which node each machine has been on before the storm.
    from: &'a BTreeMap<String, String>,
    /// Migrations that have no end yet, by uid: whose they are, and whether their phase holds a slot.
    migrations: BTreeMap<String, (String, bool)>,
    /// Migrations that have an end.
    ended: BTreeSet<String>,
    /// Migrations with a target's pod, by the pod's name.
    pods: BTreeMap<String, String>,
}

impl Slots<'_> {
    fn apply(&mut self, change: &Change) {
        let text = |path: &str| change.says(path).as_str().unwrap_or_default().to_owned();
        if change.kind == "Pod" {
            let job = text("/metadata/labels/kubevirt.io~1migrationJobUID");
            if job.is_empty() {
                self.pods.remove(&change.name);
            } else {
                self.pods.insert(change.name.clone(), job);
            }
            return;
        }
        let (uid, phase) = (text("/metadata/uid"), text("/status/phase"));
        if ["Succeeded", "Failed"].contains(&phase.as_str()) {
            self.migrations.remove(&uid);
            self.ended.insert(uid);
        } else if !uid.is_empty() {
            let is_moving = MOVING.contains(&phase.as_str());
            self.migrations.insert(uid, (text("/spec/vmiName"), is_moving));
        }
    }

    /// How many slots are taken in the cluster, and of each node.
    fn taken(&self) -> (usize, BTreeMap<&str, usize>) {
        let has_pod = |uid: &String| self.pods.values().any(|job| job == uid);
        let mut nodes = BTreeMap::new();
        let mut all = 0;
        for (uid, (machine, is_moving)) in &self.migrations {
            if *is_moving || has_pod(uid) {
                all += 1;
                *nodes.entry(self.from[machine].as_str()).or_default() += 1;
            }
        }
        (all, nodes)
    }
}

/// What a migration that waits has to say: the limit, its use, and the place in line. The use of a
/// node may be above its limit: as in KubeVirt, a guest that has just arrived there counts on both
/// its nodes until its migration has ended.
fn names_limit_use_and_place(message: &str) -> bool {
    let cluster = ("parallelMigrationsPerCluster ", PER_CLUSTER, " in use, position ");
    let node = ("parallelOutboundMigrationsPerNode ", PER_NODE, " in use on node-");
    let says = |(setting, limit, rest): (&str, usize, &str)| {
        let said = message.strip_prefix("waiting for a slot: ")?.strip_prefix(setting)?;
        let (used, said) = said.split_once(" of ")?;
        let said = said.strip_prefix(&limit.to_string())?.strip_prefix(rest)?;
        let place = said.strip_suffix(" in line")?.rsplit(' ').next()?;
        let is_used = used.parse::<usize>().ok()? >= limit;
        Some(is_used && place.parse::<usize>().ok()? >= 1)
    };
    [cluster, node].into_iter().any(|each| says(each) == Some(true))
}

/// The migrations that have succeeded.
fn succeeded(changes: &[Change]) -> BTreeSet<&str> {
    let has = |change: &&Change| *change.says("/status/phase") == "Succeeded";
    let migrations = changes.iter().filter(|change| change.kind != "Pod");
    migrations.filter(has).map(|change| change.name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_at_every_instant_of_a_storm_of_fifty() -> Result<()> {
    let testbed = Testbed::builder().topology(nodes(4)?).start().await?;
    // So small a guest has two seconds, and fifty of them share the processors.
    configure(&testbed, json!({ "completionTimeoutPerGiB": 0 })).await?;
    let machines: Vec<_> =
        (0..STORM).map(|number| machine(&format!("vm-{number}")).memory("16Mi")).collect();
    let started = try_join_all(machines.iter().map(|machine| machine.start(&testbed))).await?;
    let mut from = BTreeMap::new();
    for instance in started {
        let node = instance.status.and_then(|status| status.node_name).context("a node")?;
        from.insert(instance.metadata.name.context("a name")?, node);
    }
    let nodes: BTreeSet<_> = from.values().collect();
    ensure!(nodes.len() == 4, "the machines are not spread: {from:?}");

    let kinds = [
        ApiResource::erase::<VirtualMachineInstanceMigration>(&()),
        ApiResource::erase::<Pod>(&()),
    ];
    let history = History::of(&testbed, &kinds).await?;
    try_join_all(machines.iter().map(|machine| machine.migrate(&testbed))).await?;
    // One ends after the other, however long that takes on this machine in all.
    for count in 1..=STORM {
        let what = format!("the end of {count} migrations");
        history.until(&what, |all| succeeded(all).len() >= count).await?;
    }

    let mut slots = Slots {
        from: &from,
        migrations: BTreeMap::new(),
        ended: BTreeSet::new(),
        pods: BTreeMap::new(),
    };
    let (mut most, mut most_of_a_node) = (0, 0);
    let mut told = BTreeSet::new();
    for change in history.changes() {
        slots.apply(&change);
        let (all, nodes) = slots.taken();
        ensure!(all <= PER_CLUSTER, "{all} move after {change:?}");
        for (node, taken) in nodes {
            ensure!(taken <= PER_NODE, "{taken} leave {node} after {change:?}");
            most_of_a_node = most_of_a_node.max(taken);
        }
        most = most.max(all);
        for condition in change.says("/status/conditions").as_array().into_iter().flatten() {
            let is_about_slots =
                ["ClusterLimit", "NodeLimit"].iter().any(|limit| condition["reason"] == *limit);
            if change.kind == "Pod" || !is_about_slots {
                continue;
            }
            let message = condition["message"].as_str().unwrap_or_default();
            ensure!(names_limit_use_and_place(message), "{message:?}");
            ensure!(condition["type"] == "migrationWaiting" && condition["status"] == "True");
            ensure!(change.says("/status/phase") == "Pending", "{change:?}");
            told.insert(change.name);
            break;
        }
    }
    // It was a storm: the limits were reached, and nearly all had to wait.
    ensure!((most, most_of_a_node) == (PER_CLUSTER, PER_NODE), "{most} {most_of_a_node}");
    ensure!(slots.ended.len() == STORM && slots.migrations.is_empty());
    ensure!(told.len() >= STORM - PER_CLUSTER * 2, "only {} were told", told.len());
    never_backwards(&history)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_zero_lets_none_go_until_it_is_raised() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    let web = machine("web");
    web.start(&testbed).await?;
    for (limit, default, reason, said) in [
        (
            "parallelMigrationsPerCluster",
            5,
            "ClusterLimit",
            "waiting: parallelMigrationsPerCluster is 0, so no migration starts",
        ),
        (
            "parallelOutboundMigrationsPerNode",
            2,
            "NodeLimit",
            "waiting: parallelOutboundMigrationsPerNode is 0, so no migration leaves ",
        ),
    ] {
        configure(&testbed, json!({ limit: 0 })).await?;
        let migration = web.migrate(&testbed).await?;
        let message = migration.waits(reason).await?;
        ensure!(message.starts_with(said), "{message}");
        configure(&testbed, json!({ limit: Value::Null })).await?;
        configure(&testbed, json!({ limit: default })).await?;
        migration.succeeded().await?;
        let after = migration.phase("Succeeded").await?.status.context("a status")?;
        let conditions = after.conditions.unwrap_or_default();
        ensure!(conditions.is_empty(), "it still waits: {conditions:?}");
    }
    Ok(())
}
