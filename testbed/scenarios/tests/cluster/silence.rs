//! A node that goes silent: its daemon stands still, keeps its connections, and says nothing.

use anyhow::{Result, ensure};
use ferry_api::kubevirt::VirtualMachineInstance;
use ferry_harness::Testbed;
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::common::asking::listed;
use crate::common::broken::{verify, wait_tidy};

/// A machine, on a node of this name if there is one.
fn machine(name: &str, node: Option<&str>) -> String {
    let mut spec = json!({
        "domain": { "memory": { "guest": "64Mi" }, "devices": {} },
    });
    if let Some(node) = node {
        spec["nodeSelector"] = json!({ "kubernetes.io/hostname": node });
    }
    json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": { "name": name },
        "spec": { "runStrategy": "Always", "template": { "spec": spec } },
    })
    .to_string()
}

/// A condition of an instance.
fn condition(instance: &VirtualMachineInstance, wanted: &str) -> Value {
    let found = serde_json::to_value(instance).unwrap_or_default();
    let conditions = found["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|condition| condition["type"] == wanted).unwrap_or_default()
}

fn kubectl(testbed: &Testbed, line: &str) -> Result<String> {
    let output = testbed.kubectl(line.split(' '))?;
    ensure!(output.code == 0, "kubectl {line}: {}", output.stderr);
    Ok(output.stdout)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_node_is_not_ready_takes_nothing_new_and_its_machines_are_reported() -> Result<()>
{
    let testbed = Testbed::builder().nodes(2).start().await?;
    testbed.apply(&machine("there", Some("node-1"))).await?;
    testbed.wait_running("default", "there").await?;
    // It is a moment later than it runs.
    let is_ready = |it: &VirtualMachineInstance| condition(it, "Ready")["status"] == "True";
    let before = testbed.wait_for("default", "there", "Ready", is_ready).await?;
    let guest = testbed.guest("default", "there", "node-1")?;
    let node = testbed.node("node-1")?;

    node.freeze()?;
    // 40 s without a word, as on a real cluster.
    kubectl(&testbed, "wait --for=condition=Ready=Unknown node/node-1 --timeout=120s")?;
    let nodes = kubectl(&testbed, "get nodes --no-headers")?;
    let row = nodes.lines().find(|line| line.starts_with("node-1")).unwrap_or_default();
    ensure!(row.contains("NotReady"), "{nodes}");
    let silent = |it: &VirtualMachineInstance| condition(it, "Ready")["status"] == "False";
    let reported = testbed.wait_for("default", "there", "a report", silent).await?;
    println!("{}", condition(&reported, "Ready"));
    listed(&testbed, "default", &["NodeNotReady"])?;
    ensure!(guest.process().is_alive(), "a guest whose node is silent may well run");

    testbed.apply(&machine("elsewhere", None)).await?;
    let elsewhere = testbed.wait_running("default", "elsewhere").await?;
    ensure!(elsewhere.status.and_then(|status| status.node_name).as_deref() == Some("node-2"));
    testbed.apply(&machine("waiting", Some("node-1"))).await?;
    let unplaced =
        |it: &VirtualMachineInstance| condition(it, "PodScheduled")["reason"] == "Unschedulable";
    let waiting = testbed.wait_for("default", "waiting", "no place", unplaced).await?;
    println!("{}", condition(&waiting, "PodScheduled"));
    // Nor is anything moved there.
    let stuck = testbed.ferry(["migrate", "elsewhere", "--wait", "--timeout", "2s"])?;
    ensure!(stuck.code == 1, "{stuck:?}");
    ensure!(testbed.ferry(["cancel", "elsewhere"])?.code == 0);

    node.thaw()?;
    kubectl(&testbed, "wait --for=condition=Ready node/node-1 --timeout=60s")?;
    testbed.wait_running("default", "waiting").await?;
    let speaks = |it: &VirtualMachineInstance| condition(it, "Ready")["status"] == "True";
    let after = testbed.wait_for("default", "there", "its node's word", speaks).await?;
    ensure!(after.uid() == before.uid() && guest.process().is_alive(), "it is the one that ran");
    wait_tidy(&testbed, 3).await?;
    verify(&testbed, "there")
}
