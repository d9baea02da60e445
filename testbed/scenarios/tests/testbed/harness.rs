//! The library: what other people's tests do with a testbed.

use anyhow::{Context, Result};
use ferry_harness::{Role, Testbed, wait_until};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::ListParams;

use crate::common::pids;

#[tokio::test]
async fn a_testbed_is_used_broken_mended_and_gone() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    let path = testbed.dir().path().to_owned();
    let nodes = Api::<Node>::all(testbed.client()).list(&ListParams::default()).await?;
    assert_eq!(nodes.items.len(), 2);
    let output = testbed.kubectl(["get", "nodes", "-o", "name"])?;
    assert_eq!(output.stdout, "node/node-1\nnode/node-2\n");
    let output = testbed.ferry(["get", "nodes", "-o", "name"])?;
    assert_eq!(output.stdout, "node/node-1\nnode/node-2\n", "{output:?}");

    for daemon in
        [testbed.daemon(Role::ApiServer), testbed.daemon(Role::Controller), testbed.node("node-2")?]
    {
        let before = daemon.process()?.context("it runs")?;
        daemon.freeze()?;
        daemon.thaw()?;
        daemon.kill()?;
        assert!(daemon.process()?.is_none(), "{}", daemon.role());
        assert!(daemon.kill().unwrap_err().to_string().contains("does not run"));
        daemon.start()?;
        daemon.wait_ready().await?;
        assert!(daemon.start().unwrap_err().to_string().contains("runs already"));
        assert_ne!(daemon.process()?, Some(before));
        daemon.restart()?;
        daemon.wait_ready().await?;
        assert!(!daemon.log()?.is_empty());
    }
    assert!(testbed.node("node-3").err().unwrap().to_string().contains("there is no node"));
    assert_eq!(pids(&path)?.len(), 4);
    drop(testbed);
    assert!(!path.exists(), "the directory went with the testbed");
    Ok(())
}

#[tokio::test]
async fn a_node_that_goes_silent_is_missed_and_comes_back() -> Result<()> {
    let testbed = Testbed::builder().nodes(1).start().await?;
    let node = testbed.node("node-1")?;
    let lease =
        ["get", "lease", "node-1", "-n", "kube-node-lease", "-o", "jsonpath={.spec.renewTime}"];
    let before = testbed.kubectl(lease)?.stdout;
    assert!(!before.is_empty());
    node.restart()?;
    node.wait_ready().await?;
    let after = testbed.kubectl(lease)?.stdout;
    assert!(after > before, "{after} after {before}");
    Ok(())
}

#[tokio::test]
async fn a_test_that_fails_leaves_its_testbed_to_look_at_and_no_process() -> Result<()> {
    let testbed = Testbed::builder().nodes(1).start().await?;
    let path = testbed.dir().path().to_owned();
    let failed = std::thread::spawn(move || {
        let _testbed = testbed;
        panic!("as a test does");
    });
    assert!(failed.join().is_err());
    assert!(path.join("logs/controller.log").is_file());
    wait_until("no process", || Ok(pids(&path)?.is_empty().then_some(())))?;
    std::fs::remove_dir_all(path)?;
    Ok(())
}
