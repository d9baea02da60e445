//! Nodes that are emptied.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use ferry_api::kubevirt::{
    MigrationPhase, VirtualMachineInstance, VirtualMachineInstanceMigration,
};
use ferry_harness::Testbed;
use futures::future::try_join_all;
use kube::api::{ApiResource, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::common::asking::{
    ferry, instance, kubectl, never_backwards, node_of, object, put, told,
};
use crate::common::{History, Machine, Migration, configure, machine, verified};

/// The phases in which a migration holds a slot.
const MOVING: [&str; 5] = ["Scheduling", "Scheduled", "PreparingTarget", "TargetReady", "Running"];

/// How kubectl empties a node of machines.
const DRAIN: [&str; 4] =
    ["drain", "node-1", "--pod-selector=kubevirt.io=virt-launcher", "--delete-emptydir-data"];

/// A machine that starts on the first node, because the others are closed at that time.
fn at_first(name: &str, strategy: &str) -> Machine {
    machine(name).works("random,rate=2Mi").fills("8Mi").with("evictionStrategy", json!(strategy))
}

/// Starts machines on the first node, and opens the others then.
async fn start_at_first(testbed: &Testbed, machines: &[Machine]) -> Result<()> {
    let others: Vec<_> = testbed.plan().topology.nodes.iter().skip(1).collect();
    for node in &others {
        kubectl(testbed, &["cordon", &node.name])?;
    }
    try_join_all(machines.iter().map(|machine| machine.start(testbed))).await?;
    for node in &others {
        kubectl(testbed, &["uncordon", &node.name])?;
    }
    for machine in machines {
        ensure!(node_of(testbed, &machine.name).await? == "node-1");
    }
    Ok(())
}

/// The migrations that were made to empty a node, of one machine, the oldest first.
async fn evacuations(testbed: &Testbed, of: &str) -> Result<Vec<VirtualMachineInstanceMigration>> {
    let api: Api<VirtualMachineInstanceMigration> = Api::default_namespaced(testbed.client());
    let mut found = api.list(&ListParams::default()).await?.items;
    found.retain(|it| it.spec.vmi_name == of && it.name_any().starts_with("kubevirt-evacuation-"));
    found.sort_by_key(|it| (it.creation_timestamp(), it.name_any()));
    Ok(found)
}

/// Whether somebody wants a machine away from its node.
fn is_wanted_away(instance: &VirtualMachineInstance) -> bool {
    let status = instance.status.as_ref();
    status.is_some_and(|status| status.evacuation_node_name.is_some())
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_drain_moves_whoever_may_within_the_limits_and_comes_to_an_end() -> Result<()> {
    let testbed = Testbed::builder().nodes(3).start().await?;
    let mut machines: Vec<_> =
        (0..6).map(|number| at_first(&format!("moves-{number}"), "LiveMigrate")).collect();
    machines.push(at_first("if-possible", "LiveMigrateIfPossible"));
    let stays = at_first("stays", "None");
    machines.push(stays.clone());
    start_at_first(&testbed, &machines).await?;
    let before = instance(&testbed, "stays").await?.context("an instance")?;

    let kinds = [ApiResource::erase::<VirtualMachineInstanceMigration>(&())];
    let history = History::of(&testbed, &kinds).await?;
    let drain = [&DRAIN[..], &["--timeout=120s"]].concat();
    let said = tokio::task::block_in_place(|| testbed.kubectl(&drain))?;
    ensure!(said.code == 0, "{}{}", said.stdout, said.stderr);
    ensure!(said.stdout.contains("node/node-1 drained"), "{}", said.stdout);
    let why = "Eviction triggered evacuation of VMI \"default/moves-0\"";
    ensure!(said.stderr.contains(why), "kubectl was not told why it has to wait: {}", said.stderr);

    for machine in &machines[..7] {
        let instance = instance(&testbed, &machine.name).await?.context("an instance")?;
        ensure!(node_of(&testbed, &machine.name).await? != "node-1", "{}", machine.name);
        ensure!(!is_wanted_away(&instance), "{instance:?}");
        verified(&testbed, machine)?;
        let made = evacuations(&testbed, &machine.name).await?;
        ensure!(made.len() == 1, "{} needed {} moves", machine.name, made.len());
        let annotation = &made[0].annotations()["kubevirt.io/evacuationMigration"];
        ensure!(annotation == "node-1", "{annotation}");
        let said = format!("Created Migration {}", made[0].name_any());
        told(&testbed, &machine.name, "SuccessfulCreate", &said).await?;
    }
    // Who is not to be moved is shut down, and begins anew elsewhere.
    let after =
        testbed.wait_for("default", "stays", "another one", |it: &VirtualMachineInstance| {
            let phase = it.status.as_ref().and_then(|status| status.phase);
            it.metadata.uid != before.metadata.uid
                && phase.is_some_and(|it| format!("{it:?}") == "Running")
        });
    after.await?;
    ensure!(node_of(&testbed, "stays").await? != "node-1");
    ensure!(evacuations(&testbed, "stays").await?.is_empty());

    // Never more than the limits allow have left the node at once.
    let mut moving = BTreeSet::new();
    let mut most = 0;
    for change in history.changes() {
        match change.says("/status/phase").as_str() {
            Some(phase) if MOVING.contains(&phase) => moving.insert(change.name.clone()),
            _ => moving.remove(&change.name),
        };
        most = most.max(moving.len());
    }
    ensure!(most == 2, "{most} moved at once");
    never_backwards(&history)?;

    ensure!(testbed.guests()?.iter().all(|guest| guest.node() != "node-1"), "a guest is left");
    let node = object(&testbed, "node/node-1")?;
    ensure!(node["spec"]["unschedulable"] == true, "{node}");
    kubectl(&testbed, &["uncordon", "node-1"])?;
    // An empty node is drained at once, and nothing moves back.
    let said = tokio::task::block_in_place(|| kubectl(&testbed, &drain))?;
    ensure!(said.contains("node/node-1 drained"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_waits_for_a_machine_that_cannot_be_moved_and_says_which() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    testbed
        .apply(
            "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: own}\nspec:\n  \
             accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 8Mi}}\n",
        )
        .await?;
    let bound = at_first("bound", "LiveMigrate").claim("own");
    start_at_first(&testbed, std::slice::from_ref(&bound)).await?;
    let why = "EvictionStrategy is set but vmi is not migratable; cannot migrate VMI: PVC own is not shared";
    told(&testbed, "bound", "Migrated", why).await?;
    let drain = [&DRAIN[..], &["--timeout=2s"]].concat();
    let said = tokio::task::block_in_place(|| testbed.kubectl(&drain))?;
    let why = "VMI bound is configured with an eviction strategy but is not live-migratable";
    ensure!(said.code == 1 && said.stderr.contains(why), "{said:?}");
    ensure!(node_of(&testbed, "bound").await? == "node-1");
    ensure!(evacuations(&testbed, "bound").await?.is_empty());
    verified(&testbed, &bound).map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_the_drain_taint_is_emptied_whatever_the_key_is_called() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    let machines = [at_first("one", "LiveMigrate"), at_first("two", "LiveMigrateIfPossible")];
    let stays = at_first("stays", "None");
    start_at_first(&testbed, &[&machines[..], std::slice::from_ref(&stays)].concat()).await?;
    let moved = async |to: &'static str| -> Result<()> {
        for machine in &machines {
            let is_there = |it: &VirtualMachineInstance| {
                it.status.as_ref().and_then(|it| it.node_name.as_deref()) == Some(to)
            };
            testbed.wait_for("default", &machine.name, to, is_there).await?;
            verified(&testbed, machine)?;
        }
        Ok(())
    };
    kubectl(&testbed, &["taint", "node", "node-1", "kubevirt.io/drain=draining:NoSchedule"])?;
    moved("node-2").await?;
    ensure!(node_of(&testbed, "stays").await? == "node-1", "nobody has asked it to go");

    // Who is emptied of may not be called back: the taint would send it away again.
    let body = json!({ "evacuationNodeName": "node-1" });
    let refused = put(&testbed, "virtualmachineinstances/stays/evacuate/cancel", body).await;
    let refused = refused.unwrap_err().to_string();
    ensure!(
        refused.contains(r#"Node "node-1" has NodeDrainTaintKey "kubevirt.io/drain:NoSchedule""#),
        "{refused}"
    );
    kubectl(&testbed, &["taint", "node", "node-1", "kubevirt.io/drain-"])?;

    // Another key, as HyperConverged sets it.
    let operation = json!([{
        "op": "add", "path": "/spec/configuration/migrations/nodeDrainTaintKey", "value": "maintenance",
    }]);
    let note = json!({ "metadata": { "annotations": {
        "kubevirt.kubevirt.io/jsonpatch": operation.to_string(),
    } } });
    kubectl(
        &testbed,
        &[
            "patch",
            "hyperconvergeds.v1beta1.hco.kubevirt.io",
            "kubevirt-hyperconverged",
            "-n",
            "openshift-cnv",
            "--type=merge",
            "-p",
            &note.to_string(),
        ],
    )?;
    kubectl(&testbed, &["taint", "node", "node-2", "maintenance=now:NoSchedule"])?;
    moved("node-1").await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evacuation_is_called_off() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    let machines = [at_first("web", "LiveMigrate"), at_first("witness", "LiveMigrate")];
    start_at_first(&testbed, &machines).await?;
    configure(&testbed, json!({ "parallelMigrationsPerCluster": 0 })).await?;
    let drain = [&DRAIN[..], &["--timeout=1s"]].concat();
    let said = tokio::task::block_in_place(|| testbed.kubectl(&drain))?;
    ensure!(said.code == 1, "{said:?}");
    for machine in &machines {
        testbed.wait_for("default", &machine.name, "a mark", is_wanted_away).await?;
    }
    let again = tokio::task::block_in_place(|| testbed.kubectl(&drain))?;
    let why = "Evacuation in progress: Eviction triggered evacuation of VMI \"default/web\"";
    ensure!(again.stderr.contains(why), "{again:?}");

    let body = json!({ "evacuationNodeName": "node-1" });
    put(&testbed, "virtualmachines/web/evacuate/cancel", body.clone()).await?;
    let web = instance(&testbed, "web").await?.context("an instance")?;
    ensure!(!is_wanted_away(&web), "{web:?}");
    // Once more does no harm.
    put(&testbed, "virtualmachineinstances/web/evacuate/cancel", body).await?;
    configure(&testbed, json!({ "parallelMigrationsPerCluster": 5 })).await?;
    let has_moved = |it: &VirtualMachineInstance| {
        it.status.as_ref().and_then(|it| it.node_name.as_deref()) == Some("node-2")
    };
    testbed.wait_for("default", "witness", "a move", has_moved).await?;
    ensure!(evacuations(&testbed, "web").await?.is_empty());
    ensure!(node_of(&testbed, "web").await? == "node-1");
    ferry(&testbed, &["uncordon", "node-1"]).map(drop)
}

/// When a migration has entered a phase, in seconds.
fn entered(migration: &VirtualMachineInstanceMigration, phase: MigrationPhase) -> Result<i64> {
    let times = migration.status.as_ref().and_then(|it| it.phase_transition_timestamps.as_ref());
    let found = times.into_iter().flatten().find(|entry| entry.phase == phase);
    Ok(found
        .with_context(|| format!("{phase:?}: {migration:?}"))?
        .phase_transition_timestamp
        .0
        .as_second())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evacuation_that_has_failed_is_tried_again_after_the_backoff() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    kubectl(&testbed, &["label", "node", "node-1", "home=here"])?;
    let web = at_first("web", "LiveMigrate").with("nodeSelector", json!({ "home": "here" }));
    web.start(&testbed).await?;
    let kinds = [ApiResource::erase::<VirtualMachineInstanceMigration>(&())];
    let history = History::of(&testbed, &kinds).await?;
    kubectl(&testbed, &["taint", "node", "node-1", "kubevirt.io/drain=draining:NoSchedule"])?;

    // No node takes it, and somebody does not want to wait for five minutes.
    let of_web = |change: &crate::common::Change| *change.says("/spec/vmiName") == "web";
    let first = history.first("an evacuation", of_web).await?;
    let soon = json!({ "metadata": { "annotations": {
        "kubevirt.io/migrationUnschedulablePodTimeoutSeconds": "0",
    } } });
    let api: Api<VirtualMachineInstanceMigration> = Api::default_namespaced(testbed.client());
    api.patch(&first.name, &PatchParams::default(), &Patch::Merge(&soon)).await?;
    let failed = |it: &VirtualMachineInstanceMigration| {
        it.status.as_ref().is_some_and(|it| it.phase == MigrationPhase::Failed)
    };
    let first = testbed.wait_for("default", &first.name, "a failure", failed).await?;

    // The next one is there at once, waits, and says for what.
    let second =
        history.first("another try", |it| of_web(it) && it.name != first.name_any()).await?;
    let second = Migration::of(&testbed, "default", &second.name);
    let message = second.waits("MigrationBackoff").await?;
    ensure!(message.starts_with("waiting until "), "{message}");
    told(&testbed, "web", "MigrationBackoff", "backoff migrating vmi default/web").await?;
    kubectl(&testbed, &["label", "node", "node-2", "home=here"])?;
    second.succeeded().await?;
    let second = second.phase("Succeeded").await?;
    let waited =
        entered(&second, MigrationPhase::Scheduling)? - entered(&first, MigrationPhase::Failed)?;
    ensure!((20..40).contains(&waited), "the second try came after {waited} s");
    let conditions: Value = serde_json::to_value(&second.status)?["conditions"].clone();
    ensure!(conditions.is_null() || conditions == json!([]), "it still waits: {conditions}");
    ensure!(node_of(&testbed, "web").await? == "node-2");
    verified(&testbed, &web)?;
    never_backwards(&history)
}
