//! Migrations that are called off, in every phase.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ferry_api::kubevirt::VirtualMachineInstanceMigration;
use ferry_harness::{Testbed, wait_until};
use ferry_scenarios::Dice;
use kube::Api;
use kube::api::{ApiResource, DeleteParams};
use serde_json::{Value, json};

use crate::common::asking::{
    PHASES, ferry, instance, kubectl, never_backwards, node_of, object, told,
};
use crate::common::broken::{dice, let_pass};
use crate::common::{Copies, History, Machine, Migration, configure, machine, policy, verified};

/// A machine whose memory takes ten seconds to cross, if nobody calls it off.
async fn slow(testbed: &Testbed, name: &str) -> Result<Machine> {
    policy(testbed, "slow", json!({ "bandwidthPerMigration": "4Mi" })).await?;
    let machine = machine(name).label("policy", "slow").works("random,rate=64Ki").fills("40Mi");
    machine.start(testbed).await?;
    Ok(machine)
}

async fn history(testbed: &Testbed) -> Result<History> {
    History::of(testbed, &[ApiResource::erase::<VirtualMachineInstanceMigration>(&())]).await
}

/// Deletes a migration, and does not wait.
async fn call_off(testbed: &Testbed, name: &str) -> Result<()> {
    let api: Api<VirtualMachineInstanceMigration> = Api::default_namespaced(testbed.client());
    api.delete(name, &DeleteParams::default()).await?;
    Ok(())
}

/// What a migration was like at last, and what it was like when somebody had called it off. Waits
/// until it is gone.
async fn ended(history: &History, migration: &Migration<'_>) -> Result<(Value, Value)> {
    let name = &migration.name;
    history.first("its end", |change| change.name == *name && change.object.is_null()).await?;
    let all = history.changes();
    let own = || all.iter().filter(|change| change.name == *name && !change.object.is_null());
    let leaving = own().find(|change| !change.says("/metadata/deletionTimestamp").is_null());
    let last = own().next_back().context("it was seen")?;
    Ok((leaving.context("it was called off")?.object.clone(), last.object.clone()))
}

fn has_condition(object: &Value, kind: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|each| each["type"] == *kind && each["status"] == "True")
}

/// Checks that a machine is where it was as if nothing had happened, and nothing is left anywhere of
/// where it was to go.
async fn unharmed(testbed: &Testbed, machine: &Machine, node: &str, uid: &str) -> Result<()> {
    wait_until("one guest", || Ok((testbed.guests()?.len() == 1).then_some(())))?;
    wait_until("one pod", || {
        let pods = kubectl(testbed, &["get", "pods", "-o", "name"])?;
        Ok((pods.lines().count() == 1).then_some(()))
    })?;
    testbed.guest("default", &machine.name, node)?;
    let instance = instance(testbed, &machine.name).await?.context("an instance")?;
    ensure!(instance.metadata.uid.as_deref() == Some(uid));
    ensure!(node_of(testbed, &machine.name).await? == node);
    ensure!(object(testbed, &format!("vmi/{}", machine.name))?["status"]["phase"] == "Running");
    verified(testbed, machine).map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_is_called_off_in_each_phase_and_the_machine_is_unharmed() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    let web = slow(&testbed, "web").await?;
    let node = node_of(&testbed, "web").await?;
    let uid = instance(&testbed, "web").await?.and_then(|it| it.metadata.uid).context("a uid")?;
    let history = history(&testbed).await?;
    // It is called off as soon as the phase is heard of. It may be further by then, but never through:
    // memory takes much longer.
    for phase in &PHASES[..6] {
        let migration = web.migrate(&testbed).await?;
        history
            .first(phase, |change| {
                change.name == migration.name && *change.says("/status/phase") == **phase
            })
            .await?;
        call_off(&testbed, &migration.name).await?;
        let (leaving, last) = ended(&history, &migration).await?;
        ensure!(last["status"]["phase"] == "Failed", "called off in {phase}: {last}");
        ensure!(has_condition(&last, "migrationAbortRequested"), "{last}");
        let is_handed_off = !last["status"]["migrationState"]["startTimestamp"].is_null();
        if is_handed_off {
            let state = &last["status"]["migrationState"];
            ensure!(
                state["abortRequested"] == true && state["abortStatus"] == "Succeeded",
                "{state}"
            );
            ensure!(state["failureReason"] == "Live migration aborted ", "{state}");
            ensure!(state["completed"] == true && state["failed"] == true, "{state}");
            let why = "Migration is ready to be canceled by virt-handler.";
            told(&testbed, &migration.name, "SuccessfulAbortMigration", why).await?;
            let why = "source node reported migration failed";
            told(&testbed, &migration.name, "FailedMigration", why).await?;
            let why = "VirtualMachineInstance is aborting migration.";
            told(&testbed, "web", "Migrating", why).await?;
        } else {
            let why = "Migration failed due to being canceled";
            told(&testbed, &migration.name, "FailedMigration", why).await?;
        }
        println!("called off in {}", leaving["status"]["phase"]);
        unharmed(&testbed, &web, &node, &uid).await?;
    }
    never_backwards(&history)?;
    // What was called off six times can still be done.
    policy(&testbed, "slow", json!({ "bandwidthPerMigration": "0" })).await?;
    web.moved(&testbed).await?;
    verified(&testbed, &web).map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_migration_is_held_up_it_is_called_off_there() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    let web = slow(&testbed, "web").await?;
    let node = node_of(&testbed, "web").await?;
    let uid = instance(&testbed, "web").await?.and_then(|it| it.metadata.uid).context("a uid")?;
    let target = if node == "node-1" { "node-2" } else { "node-1" };
    let history = history(&testbed).await?;

    // In the line: there is no pod yet.
    configure(&testbed, json!({ "parallelMigrationsPerCluster": 0 })).await?;
    let migration = web.migrate(&testbed).await?;
    migration.waits("ClusterLimit").await?;
    ensure!(ferry(&testbed, &["cancel", "web"])?.contains("migrate-cancel"));
    let (leaving, _) = ended(&history, &migration).await?;
    ensure!(leaving["status"]["phase"] == "Pending", "{leaving}");
    configure(&testbed, json!({ "parallelMigrationsPerCluster": 5 })).await?;
    unharmed(&testbed, &web, &node, &uid).await?;

    // Where the target's node is silent: the pod does not start.
    testbed.node(target)?.freeze()?;
    let migration = web.migrate(&testbed).await?;
    migration.phase("Scheduling").await?;
    call_off(&testbed, &migration.name).await?;
    let (leaving, last) = ended(&history, &migration).await?;
    ensure!(leaving["status"]["phase"] == "Scheduling", "{leaving}");
    ensure!(last["status"]["phase"] == "Failed", "{last}");
    told(&testbed, &migration.name, "SuccessfulDelete", "migration canceled and pod default/")
        .await?;
    testbed.node(target)?.thaw()?;
    unharmed(&testbed, &web, &node, &uid).await?;

    // Where the source's node is silent: the target waits for memory. Nobody can be asked to stop
    // before the source has begun, as in KubeVirt; then it is the first thing that it hears.
    testbed.node(&node)?.freeze()?;
    let migration = web.migrate(&testbed).await?;
    migration.phase("TargetReady").await?;
    call_off(&testbed, &migration.name).await?;
    testbed.node(&node)?.thaw()?;
    let (leaving, last) = ended(&history, &migration).await?;
    ensure!(leaving["status"]["phase"] == "TargetReady", "{leaving}");
    ensure!(last["status"]["phase"] == "Failed", "{last}");
    unharmed(&testbed, &web, &node, &uid).await?;
    never_backwards(&history)
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_and_ferry_call_off_a_move_and_say_so() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    let web = slow(&testbed, "web").await?;
    let node = node_of(&testbed, "web").await?;
    let uid = instance(&testbed, "web").await?.and_then(|it| it.metadata.uid).context("a uid")?;
    let refused = testbed.ferry(["cancel", "web"])?;
    ensure!(
        refused.code == 1 && refused.stderr.contains("Found no migration to cancel for web"),
        "{refused:?}"
    );

    let migration = web.migrate(&testbed).await?;
    migration.phase("Running").await?;
    // kubectl waits until it is gone.
    kubectl(&testbed, &["delete", "vmim", &migration.name])?;
    unharmed(&testbed, &web, &node, &uid).await?;
    let history = history(&testbed).await?;
    let migration = web.migrate(&testbed).await?;
    migration.phase("Running").await?;
    let said = ferry(&testbed, &["cancel", "web"])?;
    ensure!(said.contains("VM web was scheduled to migrate-cancel"), "{said}");
    ended(&history, &migration).await?;
    unharmed(&testbed, &web, &node, &uid).await
}

#[tokio::test(flavor = "multi_thread")]
async fn once_the_guest_runs_at_the_target_it_is_too_late() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    let settings = json!({
        "bandwidthPerMigration": "8Mi", "completionTimeoutPerGiB": 16, "allowPostCopy": true,
    });
    policy(&testbed, "hasty", settings).await?;
    // It writes faster than its memory may cross, so it goes post-copy after a second.
    let web = machine("web").label("policy", "hasty").works("random,rate=32Mi").fills("48Mi");
    web.start(&testbed).await?;
    let node = node_of(&testbed, "web").await?;
    let migration = web.migrate(&testbed).await?;
    let is_post_copy = |it: &ferry_api::kubevirt::VirtualMachineInstance| {
        let state = it.status.as_ref().and_then(|status| status.migration_state.as_ref());
        state.is_some_and(|it| it.mode == Some(ferry_api::kubevirt::MigrationMode::PostCopy))
    };
    testbed.wait_for("default", "web", "post-copy", is_post_copy).await?;
    let history = history(&testbed).await?;
    call_off(&testbed, &migration.name).await?;
    let (_, last) = ended(&history, &migration).await?;
    ensure!(last["status"]["phase"] == "Succeeded", "{last}");
    ensure!(node_of(&testbed, "web").await? != node);
    verified(&testbed, &web)?;

    // And after the end it is only the object that goes.
    policy(&testbed, "hasty", json!({ "bandwidthPerMigration": "0" })).await?;
    let migration = web.migrate(&testbed).await?;
    migration.succeeded().await?;
    let there = node_of(&testbed, "web").await?;
    kubectl(&testbed, &["delete", "vmim", &migration.name])?;
    let Some(left) = instance(&testbed, "web").await? else { bail!("the machine has gone") };
    ensure!(left.status.and_then(|status| status.node_name) == Some(there));
    verified(&testbed, &web).map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn called_off_as_it_arrives_a_guest_is_here_or_there_and_its_migration_is_over() -> Result<()>
{
    let testbed = Testbed::builder().nodes(2).start().await?;
    policy(&testbed, "quick", json!({ "bandwidthPerMigration": "64Mi" })).await?;
    let web = machine("web").label("policy", "quick").works("random,rate=1Mi").fills("12Mi");
    web.start(&testbed).await?;
    let uid = instance(&testbed, "web").await?.and_then(|it| it.metadata.uid).context("a uid")?;
    let copies = Copies::watch(&testbed);
    let mut dice: Dice = dice()?;
    for round in 0..12 {
        let from = node_of(&testbed, "web").await?;
        let migration = web.migrate(&testbed).await?;
        migration.phase("Running").await?;
        let moment = Duration::from_millis(dice.below(400));
        let_pass(moment)?;
        kubectl(&testbed, &["delete", "vmim", &migration.name, "--wait=true", "--timeout=30s"])?;
        let to = node_of(&testbed, "web").await?;
        println!("{round}: after {moment:?}: from {from} to {to}");
        unharmed(&testbed, &web, &to, &uid).await?;
    }
    copies.seen()?.check()?;
    Ok(())
}
