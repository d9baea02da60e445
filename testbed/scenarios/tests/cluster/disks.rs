//! Disks that move with their guests, and disks that stay.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use ferry_harness::{Testbed, Topology};
use serde_json::json;

use crate::common::{machine, verified};

/// How large the disks are.
const DISK: u64 = 64 << 20;

async fn claim(testbed: &Testbed, name: &str, mode: &str) -> Result<()> {
    let object = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": { "name": name },
        "spec": {
            "accessModes": [mode],
            "resources": { "requests": { "storage": "64Mi" } },
        },
    });
    testbed.apply(&object.to_string()).await
}

fn method(testbed: &Testbed, machine: &str) -> Result<String> {
    let method = ["get", "vmi", machine, "-o", "jsonpath={.status.migrationMethod}"];
    Ok(testbed.kubectl(method)?.stdout)
}

/// The files of disks that a node's guests have for themselves.
fn disks(testbed: &Testbed, node: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let guests = testbed.dir().node(node).join("guests");
    for guest in fs::read_dir(&guests).with_context(|| guests.display().to_string())? {
        if let Ok(disks) = fs::read_dir(guest?.path().join("disks")) {
            found.extend(disks.filter_map(Result::ok).map(|disk| disk.path()));
        }
    }
    Ok(found)
}

/// The file of a claim that all nodes have; there is one at most.
fn content(testbed: &Testbed, claim: &str) -> Result<Option<PathBuf>> {
    let dir = testbed.dir().shared().join("default").join(claim);
    let Ok(files) = fs::read_dir(dir) else { return Ok(None) };
    let files = files.collect::<Result<Vec<_>, _>>()?;
    ensure!(files.len() <= 1, "{files:?}");
    Ok(files.first().map(fs::DirEntry::path))
}

fn status(testbed: &Testbed, claim: &str) -> Result<String> {
    let words = ["get", "pvc", claim, "--no-headers", "--ignore-not-found"];
    let told = testbed.kubectl(words)?.stdout;
    Ok(told.split_whitespace().nth(1).unwrap_or("gone").to_owned())
}

fn wait_status(testbed: &Testbed, claim: &str, expected: &str) -> Result<()> {
    ferry_harness::wait_until(&format!("{claim} to be {expected}"), || {
        Ok((status(testbed, claim)? == expected).then_some(()))
    })
}

/// What went over the links in all.
fn carried(testbed: &Testbed) -> Result<u64> {
    Ok(testbed.links()?.iter().map(|link| link.state.forth.get()).sum())
}

#[tokio::test(flavor = "multi_thread")]
async fn local_disks_move_with_all_that_is_written_meanwhile_and_shared_ones_stay() -> Result<()> {
    let topology = Topology::of_nodes(2)?.relayed();
    let testbed = Testbed::builder().topology(topology).start().await?;

    let local = machine("local").local_disk("one", "64Mi").local_disk("two", "32Mi");
    let local = local.fills("32Mi").works("disk,rate=4Mi,disk-rate=8Mi");
    local.start(&testbed).await?;
    ensure!(method(&testbed, "local")? == "BlockMigration");
    let (_, blocks) = verified(&testbed, &local)?;
    ensure!(blocks == (DISK + DISK / 2) / 4096, "{blocks} blocks");
    for _ in 0..2 {
        let state = local.moved(&testbed).await?;
        let (from, to) = (state.source_node.context("a source")?, state.target_node.context("")?);
        verified(&testbed, &local)?;
        ensure!(disks(&testbed, &to)?.len() == 2, "{:?}", disks(&testbed, &to)?);
        ferry_harness::wait_until("the disks to go", || {
            Ok(disks(&testbed, &from)?.is_empty().then_some(()))
        })?;
    }

    claim(&testbed, "shared-data", "ReadWriteMany").await?;
    let before = carried(&testbed)?;
    let shared = machine("shared").claim("shared-data").works("disk,rate=1Mi,disk-rate=4Mi");
    shared.start(&testbed).await?;
    ensure!(method(&testbed, "shared")? == "LiveMigration");
    let file = content(&testbed, "shared-data")?.context("its file")?;
    for _ in 0..2 {
        ensure!(fs::metadata(&file)?.len() == DISK);
        shared.moved(&testbed).await?;
        let (_, blocks) = verified(&testbed, &shared)?;
        ensure!(blocks == DISK / 4096, "{blocks} blocks");
    }
    let crossed = carried(&testbed)? - before;
    ensure!(crossed < DISK, "{crossed} have crossed: more than the memory that was used");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_with_a_claim_of_one_node_is_not_moved_and_it_is_said_why() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    claim(&testbed, "pinned", "ReadWriteOnce").await?;
    let pinned = machine("pinned").claim("pinned").works("disk,rate=1Mi,disk-rate=4Mi");
    pinned.start(&testbed).await?;
    let why = "cannot migrate VMI: PVC pinned is not shared, live migration requires that all PVCs \
               must be shared (using ReadWriteMany access mode)";
    let condition = r#"jsonpath={.status.conditions[?(@.type=="LiveMigratable")]}"#;
    let told = testbed.kubectl(["get", "vmi", "pinned", "-o", condition])?.stdout;
    ensure!(told.contains("DisksNotLiveMigratable") && told.contains(why), "{told}");
    let refused = pinned.migrate(&testbed).await.err().context("it has to be refused")?;
    ensure!(format!("{refused:#}").contains(why), "{refused:#}");
    verified(&testbed, &pinned)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_bound_and_held_and_takes_its_content_along_when_it_goes() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    claim(&testbed, "data", "ReadWriteMany").await?;
    wait_status(&testbed, "data", "Bound")?;
    let user = machine("user").claim("data").works("disk,rate=1Mi,disk-rate=4Mi");
    user.start(&testbed).await?;
    let first = content(&testbed, "data")?.context("its file")?;

    testbed.kubectl(["delete", "pvc", "data", "--wait=false"])?;
    wait_status(&testbed, "data", "Terminating")?;
    verified(&testbed, &user)?;
    testbed.kubectl(["delete", "vm", "user"])?;
    wait_status(&testbed, "data", "gone")?;
    ferry_harness::wait_until("its file to go", || Ok((!first.exists()).then_some(())))?;

    // Whatever the last one wrote, this one finds nothing.
    claim(&testbed, "data", "ReadWriteMany").await?;
    user.start(&testbed).await?;
    let second = content(&testbed, "data")?.context("its file")?;
    ensure!(second != first && fs::metadata(&second)?.len() == DISK);
    verified(&testbed, &user)?;
    Ok(())
}
