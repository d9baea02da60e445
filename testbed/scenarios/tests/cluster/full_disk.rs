//! A disk that is full: what runs runs on, what cannot be written down is not done, and room is all
//! that is needed afterwards.

use std::os::unix::fs::MetadataExt;

use anyhow::{Result, ensure};
use ferry_harness::Testbed;
use ferry_units::Bytes;
use kube::ResourceExt;

use crate::common::Copies;
use crate::common::broken::{instance, machine, phase, verify, wait_tidy};

/// For journals, logs and what nodes write down; a guest's memory is not on it.
const DISK: Bytes = Bytes::from_mib(96);

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_no_guest_and_room_mends_the_rest() -> Result<()> {
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        println!("only root may mount a disk to be filled: not tested");
        return Ok(());
    }
    let testbed = Testbed::builder().nodes(2).disk(DISK).start().await?;
    testbed.apply(&machine("web", "8Mi")).await?;
    testbed.wait_running("default", "web").await?;
    let before = instance(&testbed, "web").await?.uid();
    let copies = Copies::watch(&testbed);
    let guests = testbed.guests()?;

    testbed.fill_disk()?;
    let refused = testbed.kubectl(["create", "namespace", "more"])?;
    println!("{refused:?}");
    ensure!(refused.code != 0, "what is not durable is not done");
    ensure!(testbed.kubectl(["get", "vmi", "web"])?.code == 0, "what is there can be read");
    let moved = testbed.ferry(["migrate", "web", "--wait", "--timeout", "10s"])?;
    println!("{moved:?}");
    ensure!(moved.code != 0);
    ensure!(testbed.guests()? == guests && guests[0].process().is_alive());

    testbed.free_disk()?;
    let made = testbed.kubectl(["create", "namespace", "more"])?;
    ensure!(made.code == 0, "{made:?}");
    ensure!(phase(&testbed.migrate("default", "web", &[]).await?) == "Succeeded");
    ensure!(instance(&testbed, "web").await?.uid() == before, "it was started again");
    wait_tidy(&testbed, 1).await?;
    verify(&testbed, "web")?;
    copies.seen()?.check()?;
    Ok(())
}
