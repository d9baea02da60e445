//! Testbeds with machines on them that are taken down, killed and brought up again.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use ferry_harness::{Output, Role, Testbed, census, wait_until};
use kube::ResourceExt;
use serde_json::json;

use crate::common::Copies;
use crate::common::broken::{
    begin, configure, instance, machine, phase, verify, wait_another, wait_crossing, wait_end,
    wait_tidy,
};

/// Runs `ferry testbed` on the directory of a testbed.
fn ferry_testbed(testbed: &Testbed, arguments: &[&str]) -> Result<Output> {
    let dir = testbed.dir().path().to_str().context("a path of letters")?;
    testbed.ferry(["testbed"].iter().chain(arguments).chain(&["--dir", dir]))
}

fn ok(testbed: &Testbed, arguments: &[&str]) -> Result<String> {
    let output = ferry_testbed(testbed, arguments)?;
    ensure!(output.code == 0, "{arguments:?}: {output:?}");
    Ok(output.stdout)
}

/// Ends every process of a testbed as a power cut would.
fn kill_all(testbed: &Testbed) -> Result<()> {
    let pids = testbed.processes()?.into_iter().map(|member| member.id.pid.to_string());
    Command::new("kill").arg("-9").args(pids).status()?;
    wait_until("the end of all", || Ok(testbed.processes()?.is_empty().then_some(())))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_in_the_middle_of_a_migration_is_recovered_from() -> Result<()> {
    let testbed = Testbed::builder().nodes(3).start().await?;
    configure(&testbed, json!({ "bandwidthPerMigration": "8Mi" })).await?;
    testbed.apply(&machine("web", "20Mi")).await?;
    testbed.wait_running("default", "web").await?;
    let before = instance(&testbed, "web").await?.uid();
    let copies = Copies::watch(&testbed);
    let migration = begin(&testbed, "web").await?;
    wait_crossing(&testbed, &migration).await?;
    kill_all(&testbed)?;

    let said = ok(&testbed, &["up"])?;
    ensure!(said.contains("is up after"), "{said}");
    let end = wait_end(&testbed, &migration).await?;
    ensure!(phase(&end) == "Failed", "{end:?}");
    wait_another(&testbed, "web", before).await?;
    wait_tidy(&testbed, 1).await?;
    copies.seen()?.check()?;
    configure(&testbed, json!({ "bandwidthPerMigration": "0Mi" })).await?;
    ensure!(phase(&testbed.migrate("default", "web", &[]).await?) == "Succeeded");
    verify(&testbed, "web")
}

#[tokio::test(flavor = "multi_thread")]
async fn down_leaves_no_process_whatever_was_done_to_them_and_up_has_the_machines_again()
-> Result<()> {
    let testbed = Testbed::builder().nodes(3).start().await?;
    testbed.apply(&machine("web", "1Mi")).await?;
    let node = testbed.wait_running("default", "web").await?;
    let node = node.status.and_then(|status| status.node_name).context("a node")?;
    let before = instance(&testbed, "web").await?.uid();
    let guest = testbed.guest("default", "web", &node)?;

    // One that nobody looks after, one that stands still, and two that are gone.
    testbed.node(&node)?.kill()?;
    guest.freeze()?;
    testbed.daemon(Role::Controller).freeze()?;
    testbed.daemon(Role::ApiServer).kill()?;
    let status = ferry_testbed(&testbed, &["status"])?;
    ensure!(status.stdout.contains("not running"), "{status:?}");
    ensure!(status.stderr.contains("the API server does not run"), "{status:?}");
    let said = ok(&testbed, &["down"])?;
    ensure!(said == "4 processes were stopped.\n", "{said}");
    ensure!(census(testbed.dir())?.is_empty() && !guest.process().is_alive());

    ok(&testbed, &["up"])?;
    wait_another(&testbed, "web", before).await?;
    wait_tidy(&testbed, 1).await?;
    let own = testbed.dir().path().join("notes.txt");
    fs::write(&own, "mine")?;
    ok(&testbed, &["down", "--purge"])?;
    ensure!(fs::read_to_string(&own)? == "mine", "what is not the testbed's stays");
    let left: Vec<_> = fs::read_dir(testbed.dir().path())?.flatten().collect();
    ensure!(left.len() == 1, "{left:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_start_a_testbed_at_once_start_one() -> Result<()> {
    let testbed = Testbed::builder().nodes(1).start().await?;
    ok(&testbed, &["down"])?;
    let up = || ferry_testbed(&testbed, &["up"]);
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(up);
        let other = up();
        (one.join().map_err(|_| anyhow::anyhow!("it has panicked")), other)
    });
    let outputs = [one??, other?];
    ensure!(outputs.iter().any(|it| it.stdout.contains("is up after")), "{outputs:?}");
    for output in &outputs {
        let is_known = match output.code {
            0 => output.stdout.contains("is up"),
            1 => output.stderr.contains("another `testbed up` or `testbed down` is at work"),
            _ => false,
        };
        ensure!(is_known, "{output:?}");
    }
    ensure!(testbed.processes()?.len() == 3, "an API server, a controller, a node");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn testbeds_side_by_side_know_nothing_of_each_other() -> Result<()> {
    let one = Testbed::builder().nodes(1).start().await?;
    let other = Testbed::builder().nodes(1).start().await?;
    one.apply(&machine("web", "1Mi")).await?;
    one.wait_running("default", "web").await?;
    ensure!(other.kubectl(["get", "vm", "-A", "-o", "name"])?.stdout.is_empty());
    ok(&other, &["down"])?;
    ensure!(other.processes()?.is_empty() && one.processes()?.len() == 4);
    verify(&one, "web")
}

#[test]
fn a_directory_that_nobody_can_write_to_is_named() -> Result<()> {
    // Not even root can.
    let ferry = ferry_harness::Programs::built()?.ferry().to_owned();
    let up = Command::new(ferry).args(["testbed", "up", "--dir", "/proc/testbed"]).output()?;
    let said = String::from_utf8(up.stderr)?;
    ensure!(up.status.code() == Some(1), "{said}");
    ensure!(
        said.starts_with("error: the testbed's directory /proc/testbed cannot be used"),
        "{said}"
    );
    ensure!(said.lines().count() == 1, "{said}");
    Ok(())
}
