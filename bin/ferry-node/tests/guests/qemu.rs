//! QEMU's guests under the same keeper: they boot, cross with all of their memory, and one copy runs.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ferry_config::{MigrationSettings, Permission};
use ferry_harness::{Payload, Qmp, wait_until};
use ferry_qmp::words::Pmemsave;
use ferry_qmp::{Cont, Stop};
use ferry_reconcile::guest::{
    Disk, DiskPlace, GuestEnd, GuestSpec, GuestState, LeavingEnd, MachineKind, MigrationMode, Order,
};
use ferry_units::Bytes;
use nix::sys::signal::Signal;

use crate::common::{
    Cluster, Node, QEMU, arriving, begin, guest, leaving, migrate, plain, runs_at, target,
    wait_crossing,
};

const POD: &str = "pod-1";

/// Enough for firmware and for what the guest walks over.
const MEMORY: Bytes = Bytes::from_mib(32);

/// Whether QEMU is installed; says which test goes without it where it is not.
fn is_here(test: &str) -> bool {
    let found = Command::new(QEMU).arg("--version").stdout(Stdio::null()).status();
    let is_here = found.is_ok_and(|status| status.success());
    if !is_here {
        println!("skipped: {test}: no {QEMU}");
    }
    is_here
}

/// A guest that walks over its memory.
fn walker(cluster: &Cluster, payload: Payload) -> Result<GuestSpec> {
    let path = cluster.path().join("boot.img");
    payload.write(&path)?;
    let place = DiskPlace::SharedHost { path };
    Ok(GuestSpec {
        memory: MEMORY,
        machine: Some(MachineKind::Qemu),
        disks: vec![Disk { name: "boot".to_owned(), size: Bytes::from_kib(4), place }],
        ..guest(POD, &[])
    })
}

/// Waits until a guest has begun another pass.
async fn walks(node: &Node, pod: &str) -> Result<()> {
    let console = node.guest_dir(pod).join("serial.log");
    let letters = move || fs::read(&console).unwrap_or_default().len();
    let what = format!("{pod} walks on {}", node.name);
    blocking(move || {
        let before = letters();
        wait_until(&what, || Ok((letters() > before + 1).then_some(())))
    })
    .await
}

/// Checks the memory of a guest, which stands still meanwhile.
async fn check(node: &Node, pod: &str, payload: Payload) -> Result<()> {
    let dir = node.guest_dir(pod);
    blocking(move || {
        let qmp = Qmp::connect(&dir.join("monitor.sock"))?;
        let copy = dir.join("memory");
        let filename = copy.display().to_string();
        qmp.execute(&Stop)?;
        qmp.execute(&Pmemsave {
            val: i64::from(payload.start),
            size: i64::try_from(payload.length())?,
            filename,
        })?;
        qmp.execute(&Cont)?;
        payload.check(&fs::read(copy)?).map(drop)
    })
    .await
}

/// Does what blocks, while the nodes of the test go on.
async fn blocking(work: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    tokio::task::spawn_blocking(work).await?
}

/// A guest has moved from the one to the other, and works there with the memory that it had.
async fn arrives(one: &Node, two: &Node, payload: Payload) -> Result<()> {
    let end = one.wait_left(POD).await?;
    ensure!(matches!(end, LeavingEnd::Completed { .. }), "{end:?}");
    ensure!(one.wait_ended(POD).await? == GuestEnd::Moved);
    two.wait("pod-2", |report| arriving(report)?.completed.map(drop)).await?;
    two.wait_state("pod-2", GuestState::Running).await?;
    walks(two, "pod-2").await?;
    check(two, "pod-2", payload).await
}

#[tokio::test]
async fn a_qemu_guest_moves_over_tls_and_several_connections() -> Result<()> {
    if !is_here("a_qemu_guest_moves_over_tls_and_several_connections") {
        return Ok(());
    }
    let (cluster, one, two) = Cluster::pair().await?;
    let payload = Payload::default();
    let spec = walker(&cluster, payload)?;
    one.run(&spec).await?;
    walks(&one, POD).await?;
    check(&one, POD, payload).await?;
    let settings = MigrationSettings::default();
    let awaits = target(&spec, "pod-2");
    let there = two.expect(&awaits, "migration-1", &settings, 4).await?;
    let mut order = migrate(&spec, "migration-1", "node-2", there, &settings);
    order.channels = 4;
    one.guests().order(Order::Migrate(order));
    arrives(&one, &two, payload).await?;
    let story = cluster.client(&one, two.identity()).await?.story("migration-1").await?;
    println!("{story:?}");
    ensure!(story.blackout_ns.is_some_and(|nanos| nanos > 0), "{story:?}");
    ensure!(!story.passes.is_empty(), "{story:?}");
    Ok(())
}
