//! A day's work: a machine is made, moved, checked, told of, and its node emptied.

use anyhow::Result;
use ferry_harness::Testbed;
use serde_json::{Value, json};

/// Runs a command that has to succeed.
fn ok(testbed: &Testbed, arguments: &[&str]) -> Result<String> {
    let run = testbed.ferry(arguments)?;
    assert_eq!(run.code, 0, "{arguments:?}: {}{}", run.stdout, run.stderr);
    Ok(run.stdout)
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn node_of(testbed: &Testbed) -> Result<Value> {
    let instance = parsed(&ok(testbed, &["get", "vmi", "web", "-o", "json"])?);
    Ok(instance["status"]["nodeName"].clone())
}

#[tokio::test]
async fn a_machine_is_moved_checked_and_told_of_and_leaves_a_node_that_is_drained() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    let machine = json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": { "name": "web" },
        "spec": { "runStrategy": "Always", "template": { "spec": {
            "evictionStrategy": "LiveMigrate",
            "domain": { "memory": { "guest": "64Mi" }, "devices": {} },
        } } },
    });
    let file = testbed.dir().path().join("web.json");
    std::fs::write(&file, machine.to_string())?;
    ok(&testbed, &["apply", "-f", file.to_str().unwrap()])?;
    testbed.wait_running("default", "web").await?;
    let first = node_of(&testbed)?;

    let moved = parsed(&ok(&testbed, &["migrate", "web", "--wait", "-o", "json"])?);
    assert_eq!((&moved["phase"], &moved["sourceNode"]), (&json!("Succeeded"), &first));
    assert_eq!(moved["targetNode"], node_of(&testbed)?);
    assert!(moved["blackoutNs"].as_u64().is_some_and(|ns| ns > 0), "{moved}");

    let whole = parsed(&ok(&testbed, &["verify", "web", "-o", "json"])?);
    assert_eq!((&whole["wrong"], &whole["node"]), (&json!(0), &moved["targetNode"]));
    assert!(whole["pages"].as_u64().is_some_and(|pages| pages > 0), "{whole}");
    assert!(ok(&testbed, &["console", "web"])?.contains("no image is booted"));

    let report = parsed(&ok(&testbed, &["report", "web", "-o", "json"])?);
    assert_eq!(report["missing"], json!([]), "{report}");
    assert_eq!(report["migration"], moved["migration"]);
    assert_eq!(report["settings"]["bandwidthPerMigration"]["origin"], "default");
    assert_eq!(report["transfer"]["blackoutNs"], moved["blackoutNs"]);

    let second = node_of(&testbed)?;
    let drained = ok(&testbed, &["drain", second.as_str().unwrap(), "--timeout", "60s"])?;
    assert!(
        drained.contains(&format!("default/web: moved to {}", first.as_str().unwrap())),
        "{drained}"
    );
    assert_eq!(node_of(&testbed)?, first);
    ok(&testbed, &["uncordon", second.as_str().unwrap()])?;
    ok(&testbed, &["delete", "vm", "web"])?;
    assert_eq!(ok(&testbed, &["get", "vm,vmi,vmim,pods", "-o", "name"])?, "");
    Ok(())
}
