//! Up, up again, down, up on what was there, killed, up once more, removed.

use std::process::Command;

use anyhow::{Context, Result};
use ferry_harness::wait_until;

use crate::common::{Place, run};

fn kill_all(place: &Place) -> Result<()> {
    let pids = place.pids()?.into_iter().map(|pid| pid.to_string());
    run(Command::new("kill").arg("-9").args(pids))?;
    wait_until("the end of all of them", || Ok(place.pids()?.is_empty().then_some(())))
}

#[test]
fn a_testbed_continues_whatever_has_become_of_its_processes() -> Result<()> {
    let place = Place::new()?;
    let said = place.ok(&["up", "--nodes", "2"])?;
    let kubeconfig = place.path().join("kubeconfig");
    assert!(said.contains("is up after") && said.contains("2 nodes"), "{said}");
    assert!(said.contains(&format!("export KUBECONFIG={}", kubeconfig.display())), "{said}");
    let before = std::fs::read_to_string(&kubeconfig)?;

    let status = place.status()?;
    let names = |list: &str| -> Vec<String> {
        let found = status[list].as_array().into_iter().flatten();
        found.filter_map(|each| Some(each["name"].as_str()?.to_owned())).collect()
    };
    assert_eq!(names("processes"), ["apiserver", "controller", "node-1", "node-2"]);
    assert!(status["processes"].as_array().unwrap().iter().all(|each| each["pid"].is_i64()));
    assert_eq!(names("nodes"), ["node-1", "node-2"]);
    assert!(status["nodes"].as_array().unwrap().iter().all(|each| each["ready"] == "True"));
    assert_eq!(status["problems"], serde_json::json!([]));

    let pids = place.pids()?;
    let said = place.ok(&["up"])?;
    assert!(said.contains("is up already"), "{said}");
    assert_eq!(place.pids()?, pids, "nothing was started");
    place.kubectl(&["create", "namespace", "kept"])?;

    let said = place.ok(&["down"])?;
    assert_eq!(said, "4 processes were stopped.\n");
    assert!(place.pids()?.is_empty());
    let said = place.ok(&["down"])?;
    assert!(said.starts_with("Nothing of a testbed in "), "{said}");

    place.ok(&["up"])?;
    place.kubectl(&["get", "namespace", "kept"])?;
    kill_all(&place)?;
    place.ok(&["up"])?;
    place.kubectl(&["get", "namespace", "kept"])?;
    let server = |text: &str| text.lines().find(|line| line.contains("server:")).map(str::to_owned);
    let after = std::fs::read_to_string(&kubeconfig)?;
    assert_eq!(server(&before), server(&after), "it is found where it was");

    // One is missing: only that is started.
    let pids = place.pids()?;
    run(Command::new("kill").arg("-9").arg(pids[1].to_string()))?;
    wait_until("its end", || Ok((place.pids()?.len() == 3).then_some(())))?;
    place.ok(&["up"])?;
    let again = place.pids()?;
    assert_eq!(again.len(), 4);
    assert_eq!(again.iter().filter(|pid| pids.contains(pid)).count(), 3);

    // Those that were told to end a moment ago do not count, though they may still be there.
    for (from, to) in [(0, 4), (1, 3)] {
        let before = place.pids()?;
        let told = &before[from..to];
        run(Command::new("kill").args(told.iter().map(ToString::to_string)))?;
        let said = place.ok(&["up"])?;
        assert!(said.contains("is up after"), "{said}");
        let now = place.pids()?;
        assert_eq!(now.len(), 4, "{before:?} {told:?} {now:?}");
        assert!(!now.iter().any(|pid| told.contains(pid)), "{before:?} {told:?} {now:?}");
    }

    place.ok(&["down", "--purge"])?;
    assert!(place.pids()?.is_empty());
    assert!(!place.path().exists());
    let complaint = place.fails(1, &["status"])?;
    assert!(complaint.contains("there is no testbed in "), "{complaint}");
    Ok(())
}

#[test]
fn what_a_testbed_begins_with_is_there() -> Result<()> {
    let place = Place::new()?;
    let topology = place.file(
        "t.yaml",
        "nodes: [{name: a, zone: east, labels: {tier: gold}, taints: [dedicated=db:NoSchedule]}]\n\
         networks: [{name: fast}]\n",
    )?;
    let topology = topology.to_str().context("a path of letters")?;
    place.ok(&["up", "--topology", topology])?;
    let node = place.kubectl(&["get", "node", "a", "-o", "json"])?;
    let node: serde_json::Value = serde_json::from_str(&node)?;
    let labels = &node["metadata"]["labels"];
    assert_eq!(labels["topology.kubernetes.io/zone"], "east");
    assert_eq!(labels["tier"], "gold");
    assert_eq!(labels["network.node.ferry.dev/fast"], "true");
    assert_eq!(node["spec"]["taints"][0]["key"], "dedicated");
    assert_eq!(node["status"]["allocatable"]["memory"], "4Gi");
    place.kubectl(&["get", "net-attach-def", "fast", "-n", "openshift-cnv"])?;
    place.kubectl(&["get", "hco", "kubevirt-hyperconverged", "-n", "openshift-cnv"])?;
    place.kubectl(&[
        "wait",
        "--for=create",
        "--timeout=30s",
        "-n",
        "openshift-cnv",
        "kubevirt",
        "kubevirt-kubevirt-hyperconverged",
    ])?;

    let logs = place.ok(&["logs", "a", "--tail", "1"])?;
    assert_eq!(logs.lines().count(), 1, "{logs}");
    let logs = place.ok(&["logs"])?;
    assert!(logs.lines().any(|line| line.starts_with("apiserver ")), "{logs}");
    let complaint = place.fails(1, &["logs", "b"])?;
    assert!(complaint.contains("there is no node \"b\"; there are a"), "{complaint}");
    Ok(())
}
