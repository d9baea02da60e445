//! Guests that move before their memory does, or stand still until it has.

use anyhow::{Context, Result, ensure};
use ferry_api::kubevirt::{
    MigrationAbortStatus, MigrationMode, MigrationState, VirtualMachineInstance,
};
use ferry_harness::Testbed;
use kube::api::ApiResource;
use serde_json::{Value, json};

use crate::common::{Change, History, Machine, configure, is_due, machine, policy, verified};

/// A machine of 128 MiB that writes faster than its memory may cross, with a policy of the same name
/// that gives it four seconds.
async fn restless(testbed: &Testbed, name: &str, settings: Value) -> Result<Machine> {
    let mut settings = settings;
    settings["completionTimeoutPerGiB"] = json!(32);
    policy(testbed, name, settings).await?;
    let machine = machine(name).memory("128Mi").fills("96Mi").label("policy", name);
    let machine = machine.works("random,rate=100Mi,working-set=80Mi");
    machine.start(testbed).await?;
    Ok(machine)
}

/// The modes that a machine's migration was in, one after the other, and when each was heard of, in
/// seconds from its start.
fn modes(changes: &[Change], name: &str) -> Vec<(String, f64)> {
    let mut modes: Vec<(String, f64)> = Vec::new();
    let own = || changes.iter().filter(|change| change.name == name);
    let start = own().find(|it| !it.says("/status/migrationState/startTimestamp").is_null());
    for change in own() {
        let Some(mode) = change.says("/status/migrationState/mode").as_str() else { continue };
        if modes.last().is_none_or(|(last, _)| last != mode) {
            let since = start.map_or(0.0, |start| (change.at - start.at).as_secs_f64());
            modes.push((mode.to_owned(), since));
        }
    }
    modes
}

/// The changes at which a machine's condition `Paused` is another than before.
fn paused(changes: &[Change], name: &str) -> Vec<Option<Value>> {
    let mut told: Vec<Option<Value>> = vec![None];
    for change in changes.iter().filter(|change| change.name == name) {
        let conditions = change.says("/status/conditions").as_array();
        let found = conditions.into_iter().flatten().find(|each| each["type"] == "Paused");
        let found = found.map(|it| json!([it["status"], it["reason"], it["message"]]));
        if told.last() != Some(&found) {
            told.push(found);
        }
    }
    told
}

/// The machine runs where it was, and all of it is right.
fn has_stayed(testbed: &Testbed, machine: &Machine, state: &MigrationState) -> Result<()> {
    let node = state.source_node.as_deref().context("a source")?;
    testbed.guest("default", &machine.name, node)?;
    verified(testbed, machine)?;
    ensure!(runs_on(testbed, &machine.name)?, "{} stands still", machine.name);
    Ok(())
}

/// Whether a machine's guest writes to its memory.
fn runs_on(testbed: &Testbed, name: &str) -> Result<bool> {
    let paused = r#"jsonpath={.status.conditions[?(@.type=="Paused")].status}"#;
    Ok(testbed.kubectl(["get", "vmi", name, "-o", paused])?.stdout.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_does_not_converge_moves_first_where_post_copy_is_allowed() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    let history =
        History::of(&testbed, &[ApiResource::erase::<VirtualMachineInstance>(&())]).await?;
    let settings = json!({ "bandwidthPerMigration": "8Mi", "allowPostCopy": true });
    let hasty = restless(&testbed, "hasty", settings).await?;
    let state = hasty.moved(&testbed).await?;
    ensure!(state.mode == Some(MigrationMode::PostCopy), "{state:?}");
    ensure!(state.completed == Some(true) && state.failed.is_none(), "{state:?}");
    let node = state.target_node.context("a target")?;
    testbed.guest("default", "hasty", &node)?;
    let (pages, _) = verified(&testbed, &hasty)?;
    ensure!(pages == 128 << 8, "{pages} pages were compared");
    let modes = modes(&history.changes(), "hasty");
    ensure!(modes.len() == 2 && modes[0].0 == "PreCopy", "{modes:?}");
    ensure!(is_due(modes[1].1, 4.0), "{modes:?}");

    // A guest that converges has no need of it.
    policy(&testbed, "calm", json!({ "allowPostCopy": true })).await?;
    let calm = machine("calm").label("policy", "calm");
    calm.start(&testbed).await?;
    ensure!(calm.moved(&testbed).await?.mode == Some(MigrationMode::PreCopy));

    // Without permission to disturb the guest it is no more than an abort.
    let settings = json!({
        "bandwidthPerMigration": "8Mi",
        "allowPostCopy": true,
        "allowWorkloadDisruption": false,
    });
    let timid = restless(&testbed, "timid", settings).await?;
    let state = timid.migrate(&testbed).await?.failed().await?;
    ensure!(state.mode == Some(MigrationMode::PreCopy), "{state:?}");
    ensure!(state.abort_status == Some(MigrationAbortStatus::Succeeded), "{state:?}");
    has_stayed(&testbed, &timid, &state)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_may_be_disturbed_stands_still_until_its_memory_has_crossed() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    configure(&testbed, json!({ "parallelOutboundMigrationsPerNode": 4 })).await?;
    let history =
        History::of(&testbed, &[ApiResource::erase::<VirtualMachineInstance>(&())]).await?;
    // What is left of 80 MiB crosses within the second four seconds, or does not.
    let with = |bandwidth: &str| {
        json!({
            "bandwidthPerMigration": bandwidth,
            "allowPostCopy": false,
            "allowWorkloadDisruption": true,
        })
    };
    let quick = restless(&testbed, "quick", with("32Mi")).await?;
    let slow = restless(&testbed, "slow", with("2Mi")).await?;
    let (moved, failed) = tokio::try_join!(quick.moved(&testbed), async {
        slow.migrate(&testbed).await?.failed().await
    })?;

    ensure!(moved.mode == Some(MigrationMode::Paused), "{moved:?}");
    testbed.guest("default", "quick", moved.target_node.as_deref().context("a target")?)?;
    let reason = "Live migration is not completed after 8 seconds and has been aborted";
    ensure!(failed.failure_reason.as_deref() == Some(reason), "{failed:?}");
    ensure!(failed.abort_status == Some(MigrationAbortStatus::Succeeded), "{failed:?}");
    ensure!(failed.mode == Some(MigrationMode::Paused), "{failed:?}");

    // It stands still, and says why, for as long as that and no longer.
    for machine in [&quick, &slow] {
        let runs = |instance: &VirtualMachineInstance| {
            let conditions = instance.status.as_ref().and_then(|it| it.conditions.as_ref());
            !conditions.is_some_and(|all| all.iter().any(|each| each.type_ == "Paused"))
        };
        testbed.wait_for("default", &machine.name, "a guest that runs", runs).await?;
        let changes = history.changes();
        let modes = modes(&changes, &machine.name);
        ensure!(modes.len() == 2 && modes[0].0 == "PreCopy", "{modes:?}");
        ensure!(is_due(modes[1].1, 4.0), "{}: {modes:?}", machine.name);
        let said =
            json!(["True", "PausedByMigrationMonitor", "VMI was paused by the migration monitor"]);
        let paused = paused(&changes, &machine.name);
        ensure!(paused == [None, Some(said), None], "{}: {paused:?}", machine.name);
        verified(&testbed, machine)?;
    }
    let end = history
        .first("the end of it", |change| {
            change.name == "slow" && *change.says("/status/migrationState/failed") == json!(true)
        })
        .await?;
    let changes = history.changes();
    let start = changes
        .iter()
        .find(|it| it.name == "slow" && !it.says("/status/migrationState/startTimestamp").is_null())
        .context("its start")?;
    let took = (end.at - start.at).as_secs_f64();
    ensure!(is_due(took, 8.0), "it was given up after {took} s");
    has_stayed(&testbed, &slow, &failed)
}
