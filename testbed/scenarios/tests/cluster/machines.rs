//! Machines: how they start, end, pause, and start again.

use anyhow::{Context, Result, ensure};
use ferry_api::kubevirt::{VirtualMachine, VirtualMachineInstance};
use ferry_harness::{Qmp, Testbed, wait_until};
use ferry_qmp::QueryStatus;
use k8s_openapi::serde::Serialize;
use serde_json::{Value, json};

use crate::common::asking::{ferry, instance, kubectl, node_of, object, put};
use crate::common::{machine, verified};

/// Waits until the status of a machine is this.
async fn shown(testbed: &Testbed, name: &str, status: &str) -> Result<Value> {
    let is_so = |machine: &VirtualMachine| of(machine)["status"]["printableStatus"] == *status;
    Ok(of(&testbed.wait_for("default", name, status, is_so).await?))
}

fn of(object: &impl Serialize) -> Value {
    serde_json::to_value(object).expect("it came as JSON")
}

/// The uid of the instance that a machine has.
async fn uid_of(testbed: &Testbed, name: &str) -> Result<String> {
    let instance = instance(testbed, name).await?.context("an instance")?;
    instance.metadata.uid.context("a uid")
}

/// Waits until another instance than this runs.
async fn another_runs(testbed: &Testbed, name: &str, than: &str) -> Result<String> {
    wait_gone(testbed, name, than).await?;
    let found = testbed.wait_running("default", name).await?;
    found.metadata.uid.context("a uid")
}

/// Waits until a machine's instance is not this any more.
async fn wait_gone(testbed: &Testbed, name: &str, uid: &str) -> Result<()> {
    let deadline = tokio::time::Instant::now() + ferry_harness::LIMIT;
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(20));
    while instance(testbed, name).await?.is_some_and(|it| it.metadata.uid.as_deref() == Some(uid)) {
        looks.tick().await;
        ensure!(tokio::time::Instant::now() < deadline, "the instance {uid} of {name} stays");
    }
    Ok(())
}

async fn crash(testbed: &Testbed, name: &str) -> Result<()> {
    testbed.guest("default", name, &node_of(testbed, name).await?)?.kill()
}

/// Checks that a machine has not begun anew, once it had time to: another one that crashed after it
/// has.
async fn stays(testbed: &Testbed, name: &str, phase: &str) -> Result<()> {
    let is_so = |it: &VirtualMachineInstance| of(it)["status"]["phase"] == *phase;
    let before = testbed.wait_for("default", name, phase, is_so).await?;
    let witness = uid_of(testbed, "always").await?;
    crash(testbed, "always").await?;
    another_runs(testbed, "always", &witness).await?;
    let after = instance(testbed, name).await?.context("the instance is still there")?;
    ensure!(before.metadata.uid == after.metadata.uid && is_so(&after), "{after:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn run_strategies_say_when_a_machine_runs() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    for (name, strategy) in [("always", "Always"), ("rerun", "RerunOnFailure"), ("once", "Once")] {
        machine(name).runs(strategy).start(&testbed).await?;
        shown(&testbed, name, "Running").await?;
    }
    for (name, strategy) in [("manual", "Manual"), ("halted", "Halted")] {
        machine(name).runs(strategy).make(&testbed).await?;
        shown(&testbed, name, "Stopped").await?;
    }

    // A guest that crashes is started again by those that are to run whatever happens.
    for name in ["always", "rerun"] {
        let before = uid_of(&testbed, name).await?;
        crash(&testbed, name).await?;
        another_runs(&testbed, name, &before).await?;
        shown(&testbed, name, "Running").await?;
    }
    crash(&testbed, "once").await?;
    stays(&testbed, "once", "Failed").await?;

    // Those that are halted or wait to be told run when somebody says so.
    put(&testbed, "virtualmachines/manual/start", json!({})).await?;
    ensure!(ferry(&testbed, &["start", "halted"])?.contains("halted was scheduled to start"));
    for name in ["manual", "halted"] {
        testbed.wait_running("default", name).await?;
    }
    ensure!(object(&testbed, "vm/manual")?["spec"]["runStrategy"] == "Manual");
    ensure!(object(&testbed, "vm/halted")?["spec"]["runStrategy"] == "Always");
    let refused = put(&testbed, "virtualmachines/manual/start", json!({})).await.unwrap_err();
    ensure!(refused.to_string().contains("VM is already running"), "{refused}");
    crash(&testbed, "manual").await?;
    stays(&testbed, "manual", "Failed").await?;

    // Whoever stops is stopped, and stays so.
    for name in ["always", "rerun"] {
        let before = uid_of(&testbed, name).await?;
        put(&testbed, &format!("virtualmachines/{name}/restart"), json!({})).await?;
        another_runs(&testbed, name, &before).await?;
    }
    kubectl(
        &testbed,
        &["patch", "vm", "halted", "--type=merge", "-p", r#"{"spec":{"runStrategy":"Halted"}}"#],
    )?;
    ferry(&testbed, &["stop", "rerun"])?;
    put(&testbed, "virtualmachines/always/stop", json!({})).await?;
    for (name, strategy) in
        [("always", "Halted"), ("rerun", "RerunOnFailure"), ("halted", "Halted")]
    {
        let after = shown(&testbed, name, "Stopped").await?;
        ensure!(after["spec"]["runStrategy"] == strategy, "{after}");
        // One that has ended is stopped, and goes then.
        if let Some(left) = instance(&testbed, name).await? {
            wait_gone(&testbed, name, &left.metadata.uid.context("a uid")?).await?;
        }
        ensure!(instance(&testbed, name).await?.is_none());
    }
    let refused = testbed.ferry(["restart", "rerun"])?;
    ensure!(refused.code == 1 && refused.stderr.contains("VM is not running"), "{refused:?}");

    // A machine that is deleted leaves nothing behind.
    for name in ["always", "rerun", "once", "manual", "halted"] {
        kubectl(&testbed, &["delete", "vm", name])?;
    }
    wait_until("no guest", || Ok(testbed.guests()?.is_empty().then_some(())))?;
    wait_until("no object", || {
        let left = kubectl(&testbed, &["get", "vm,vmi,pods", "-o", "name"])?;
        Ok(left.is_empty().then_some(()))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn running_and_a_strategy_say_the_same_and_not_both() -> Result<()> {
    let testbed = Testbed::builder().nodes(1).start().await?;
    let text = |name: &str, how: &str| {
        format!(
            "apiVersion: kubevirt.io/v1\nkind: VirtualMachine\nmetadata: {{name: {name}}}\nspec:\n  \
             {how}\n  template: {{spec: {{domain: {{memory: {{guest: 64Mi}}, devices: {{}}}}}}}}\n"
        )
    };
    let both = testbed.apply(&text("both", "running: true\n  runStrategy: Always")).await;
    let both = format!("{:#}", both.unwrap_err());
    ensure!(both.contains("mutually exclusive"), "{both}");
    testbed.apply(&text("wanted", "running: true")).await?;
    testbed.apply(&text("unwanted", "running: false")).await?;
    testbed.wait_running("default", "wanted").await?;
    shown(&testbed, "unwanted", "Stopped").await?;
    put(&testbed, "virtualmachines/unwanted/start", json!({})).await?;
    put(&testbed, "virtualmachines/wanted/stop", json!({})).await?;
    testbed.wait_running("default", "unwanted").await?;
    shown(&testbed, "wanted", "Stopped").await?;
    ensure!(object(&testbed, "vm/unwanted")?["spec"]["running"] == true);
    ensure!(object(&testbed, "vm/wanted")?["spec"]["running"] == false);
    Ok(())
}

/// Whether the processors of a machine's guest stand still, as the guest itself says.
async fn is_still(testbed: &Testbed, name: &str) -> Result<bool> {
    let node = node_of(testbed, name).await?;
    let pod = testbed.guest("default", name, &node)?.name().pod.clone();
    let dir = testbed.dir().node(&node).join("guests").join(pod);
    let qmp = Qmp::connect(&dir.join("qmp.sock"))?;
    Ok(!qmp.execute(&QueryStatus)?.running)
}

fn is_paused(instance: &VirtualMachineInstance) -> bool {
    let instance = of(instance);
    let conditions = instance["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|each| {
        each["type"] == "Paused" && each["status"] == "True" && each["reason"] == "PausedByUser"
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_is_paused_stands_still_even_where_it_moves_until_it_is_unpaused()
-> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    let web = machine("web").works("random,rate=20Mi").fills("32Mi");
    web.start(&testbed).await?;
    ensure!(!is_still(&testbed, "web").await?);

    ensure!(ferry(&testbed, &["pause", "web"])?.contains("web was scheduled to pause"));
    testbed.wait_for("default", "web", "a pause", is_paused).await?;
    ensure!(is_still(&testbed, "web").await?);
    shown(&testbed, "web", "Paused").await?;
    let refused = put(&testbed, "virtualmachineinstances/web/pause", json!({})).await.unwrap_err();
    ensure!(refused.to_string().contains("VMI is already paused"), "{refused}");

    let moved = web.moved(&testbed).await?;
    let target = node_of(&testbed, "web").await?;
    ensure!(moved.target_node.as_ref() == Some(&target) && moved.source_node != moved.target_node);
    ensure!(is_still(&testbed, "web").await?, "it has begun to run by moving");
    ensure!(is_paused(&instance(&testbed, "web").await?.context("an instance")?));

    put(&testbed, "virtualmachineinstances/web/unpause", json!({})).await?;
    testbed.wait_for("default", "web", "an end of the pause", |it| !is_paused(it)).await?;
    ensure!(!is_still(&testbed, "web").await?);
    shown(&testbed, "web", "Running").await?;
    verified(&testbed, &web)?;
    web.moved(&testbed).await?;
    verified(&testbed, &web).map(drop)
}
