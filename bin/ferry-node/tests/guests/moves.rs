//! Guests that move between nodes and what they are held to meanwhile.

use std::time::Duration;

use anyhow::{Result, ensure};
use ferry_config::{Bandwidth, MigrationSettings, Permission, ProgressTimeout};
use ferry_reconcile::claims::Image;
use ferry_reconcile::guest::{
    Disk, DiskPlace, GuestEnd, GuestState, LeavingEnd, MigrationMode, Order,
};
use ferry_rpc::{Ending, GuestName};
use ferry_units::{Bytes, BytesPerSecond, SecondsPerGiB};

use crate::common::{
    BUSY, Cluster, Node, arriving, begin, disrupting, guest, leaving, migrate, plain, target,
    wait_crossing,
};

const POD: &str = "pod-1";
const UID: &str = "migration-1";

async fn arrives(cluster: &Cluster, one: &Node, two: &Node) -> Result<()> {
    let end = one.wait_left(POD).await?;
    ensure!(matches!(end, LeavingEnd::Completed { .. }), "{end:?}");
    ensure!(one.wait_ended(POD).await? == GuestEnd::Moved);
    two.wait("pod-2", |report| arriving(report)?.completed.map(drop)).await?;
    two.wait_state("pod-2", GuestState::Running).await?;
    two.verify(cluster, "db").await
}

/// Settings at which a guest of [`BUSY`] never arrives by itself.
fn slow() -> MigrationSettings {
    MigrationSettings {
        bandwidth: Bandwidth::AtMost(BytesPerSecond::from_mib(4)),
        // Of 32 MiB, a second.
        completion_timeout_per_gib: SecondsPerGiB::new(32),
        ..plain()
    }
}

#[tokio::test]
async fn a_guest_moves_with_its_disks() -> Result<()> {
    let (cluster, one, two) = Cluster::pair().await?;
    let mut spec = guest(POD, &[("pattern", "disk,disk-rate=1Mi,rate=8Mi"), ("fill", "8Mi")]);
    let size = Bytes::from_mib(4);
    let claim = |name: &str| Image {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        uid: "0d1e2f30-0000-4000-8000-000000000001".to_owned(),
    };
    spec.disks = vec![
        Disk { name: "root".to_owned(), size, place: DiskPlace::Ephemeral },
        Disk { name: "own".to_owned(), size, place: DiskPlace::Claim(claim("own")) },
        Disk { name: "all".to_owned(), size, place: DiskPlace::SharedClaim(claim("all")) },
    ];
    one.run(&spec).await?;
    // Over TLS, which is the default, and several connections.
    let settings = MigrationSettings::default();
    let awaits = target(&spec, "pod-2");
    let there = two.expect(&awaits, UID, &settings, 4).await?;
    let mut order = migrate(&spec, UID, "node-2", there, &settings);
    order.channels = 4;
    one.guests().order(Order::Migrate(order.clone()));
    one.guests().order(Order::Migrate(order));
    arrives(&cluster, &one, &two).await?;
    ensure!(two.dir.join("claims/shop/own/0d1e2f30-0000-4000-8000-000000000001.img").is_file());
    ensure!(one.report(POD).is_some(), "what is left waits to be forgotten");

    let client = cluster.client(&one, two.identity()).await?;
    let story = client.story(UID).await?;
    ensure!(story.guest == GuestName::new("shop", "db") && story.target_node == "node-2");
    ensure!(story.last.end == Some(Ending::Completed) && story.ended.is_some());
    ensure!(!story.passes.is_empty() && story.blackout_ns.is_some(), "{story:?}");
    let mut watched = client.watch_migration(UID).await?;
    let last = watched.next().await.unwrap()?;
    ensure!(last.end == Some(Ending::Completed) && watched.next().await.is_none());
    Ok(())
}

#[tokio::test]
async fn a_guest_moves_on_and_back() -> Result<()> {
    let (cluster, one, two) = Cluster::pair().await?;
    let spec = guest(POD, &BUSY);
    one.run(&spec).await?;
    let awaits = begin(&spec, &one, &two, &plain()).await?;
    arrives(&cluster, &one, &two).await?;
    let back = target(&spec, "pod-3");
    let there = one.expect(&back, "migration-2", &plain(), 1).await?;
    two.guests().order(Order::Migrate(migrate(&awaits, "migration-2", "node-1", there, &plain())));
    ensure!(matches!(two.wait_left("pod-2").await?, LeavingEnd::Completed { .. }));
    one.wait_state("pod-3", GuestState::Running).await?;
    one.verify(&cluster, "db").await
}

#[tokio::test]
async fn a_guest_that_stands_still_moves_and_stands_still() -> Result<()> {
    let (cluster, one, two) = Cluster::pair().await?;
    let spec = guest(POD, &BUSY);
    one.run(&spec).await?;
    one.guests().order(Order::Pause { pod_uid: POD.to_owned() });
    one.wait_state(POD, GuestState::Paused).await?;
    begin(&spec, &one, &two, &plain()).await?;
    ensure!(matches!(one.wait_left(POD).await?, LeavingEnd::Completed { .. }));
    two.wait("pod-2", |report| arriving(report)?.completed.map(drop)).await?;
    two.wait_state("pod-2", GuestState::Paused).await?;
    two.guests().order(Order::Resume { pod_uid: "pod-2".to_owned() });
    two.wait_state("pod-2", GuestState::Running).await?;
    two.verify(&cluster, "db").await
}

#[tokio::test]
async fn a_guest_that_takes_too_long_stays() -> Result<()> {
    let (cluster, one, two) = Cluster::pair().await?;
    let spec = guest(POD, &BUSY);
    one.run(&spec).await?;
    begin(&spec, &one, &two, &slow()).await?;
    let end = one.wait_left(POD).await?;
    let expected = "Live migration is not completed after 1 seconds and has been aborted";
    ensure!(
        matches!(&end, LeavingEnd::Failed { reason, aborted: true, .. } if reason == expected),
        "{end:?}"
    );
    one.wait_state(POD, GuestState::Running).await?;
    ensure!(matches!(two.wait_ended("pod-2").await?, GuestEnd::NeverCame { .. }));
    one.verify(&cluster, "db").await?;

    // It can be sent again.
    let awaits = target(&spec, "pod-4");
    let there = two.expect(&awaits, "migration-2", &plain(), 1).await?;
    one.guests().order(Order::Migrate(migrate(&spec, "migration-2", "node-2", there, &plain())));
    ensure!(matches!(
        one.wait(POD, |report| leaving(report)
            .filter(|it| it.migration_uid == "migration-2")?
            .end
            .clone())
            .await?,
        LeavingEnd::Completed { .. }
    ));
    two.wait_state("pod-4", GuestState::Running).await
}

#[tokio::test]
async fn a_guest_that_makes_no_progress_stays() -> Result<()> {
    let (cluster, one, two) = Cluster::pair().await?;
    let spec = guest(POD, &BUSY);
    one.run(&spec).await?;
    let settings = MigrationSettings {
        completion_timeout_per_gib: SecondsPerGiB::new(0),
        progress_timeout: ProgressTimeout::After(1),
        ..plain()
    };
    let awaits = target(&spec, "pod-2");
    let there = two.expect(&awaits, UID, &settings, 1).await?;
    let relay = ferry_harness::Relay::to((there.address, there.port).into())?;
    relay.stall();
    let mut order = migrate(&spec, UID, "node-2", there, &settings);
    order.port = relay.address().port();
    one.guests().order(Order::Migrate(order));
    let end = one.wait_left(POD).await?;
    ensure!(
        matches!(&end, LeavingEnd::Failed { reason, aborted: true, .. }
            if reason.starts_with("Live migration stuck for ")),
        "{end:?}"
    );
    one.wait_state(POD, GuestState::Running).await?;
    one.verify(&cluster, "db").await
}

#[tokio::test]
async fn a_guest_that_was_paused_stands_still_at_its_target_though_nobody_has_told_of_it()
-> Result<()> {
    let (_cluster, one, two) = Cluster::pair().await?;
    let spec = guest(POD, &BUSY);
    one.run(&spec).await?;
    one.guests().order(Order::Pause { pod_uid: POD.to_owned() });
    one.wait_state(POD, GuestState::Paused).await?;
    begin(&spec, &one, &two, &plain()).await?;
    ensure!(matches!(one.wait_left(POD).await?, LeavingEnd::Completed { .. }));
    two.wait("pod-2", |report| arriving(report)?.completed.map(drop)).await?;
    two.wait_state("pod-2", GuestState::Paused).await
}

#[tokio::test]
async fn a_guest_is_suspended_to_cross_and_runs_at_its_target() -> Result<()> {
    let (cluster, one, two) = Cluster::pair().await?;
    let spec = guest(POD, &BUSY);
    one.run(&spec).await?;
    begin(&spec, &one, &two, &disrupting()?).await?;
    one.wait(POD, |report| {
        (leaving(report)?.mode == MigrationMode::Paused && report.state == GuestState::Held)
            .then_some(())
    })
    .await?;
    arrives(&cluster, &one, &two).await
}

#[tokio::test]
async fn a_guest_that_was_suspended_in_vain_runs_on() -> Result<()> {
    let (cluster, one, two) = Cluster::pair().await?;
    let spec = guest(POD, &BUSY);
    one.run(&spec).await?;
    let settings = MigrationSettings {
        workload_disruption: Permission::Allowed,
        bandwidth: Bandwidth::AtMost(BytesPerSecond::from_mib(1)),
        ..slow()
    };
    begin(&spec, &one, &two, &settings).await?;
    let end = one.wait_left(POD).await?;
    let expected = "Live migration is not completed after 2 seconds and has been aborted";
    ensure!(matches!(&end, LeavingEnd::Failed { reason, .. } if reason == expected), "{end:?}");
    one.wait_state(POD, GuestState::Running).await?;
    one.verify(&cluster, "db").await
}

#[tokio::test]
async fn a_migration_is_called_off() -> Result<()> {
    let (cluster, one, two) = Cluster::pair().await?;
    let spec = guest(POD, &BUSY);
    one.run(&spec).await?;
    let settings =
        MigrationSettings { completion_timeout_per_gib: SecondsPerGiB::new(0), ..slow() };
    begin(&spec, &one, &two, &settings).await?;
    wait_crossing(&one, POD).await?;
    let abort = |uid: &str| Order::Abort { pod_uid: POD.to_owned(), migration_uid: uid.to_owned() };
    one.guests().order(abort("another"));
    one.guests().order(abort(UID));
    let end = one.wait_left(POD).await?;
    ensure!(
        matches!(&end, LeavingEnd::Failed { reason, aborted: true, .. }
            if reason == "Live migration aborted "),
        "{end:?}"
    );
    one.wait_state(POD, GuestState::Running).await?;
    one.verify(&cluster, "db").await
}

#[tokio::test]
async fn bandwidth_holds() -> Result<()> {
    let (cluster, one, two) = Cluster::pair().await?;
    let spec = guest(POD, &[("pattern", "idle"), ("fill", "24Mi")]);
    one.run(&spec).await?;
    let settings =
        MigrationSettings { bandwidth: Bandwidth::AtMost(BytesPerSecond::from_mib(8)), ..plain() };
    // What is filled first has to be.
    let console = one.guest_dir(POD).join("serial.log");
    ferry_harness::wait_until("it is booted", || {
        Ok(std::fs::read_to_string(&console)?.contains("booted").then_some(()))
    })?;
    begin(&spec, &one, &two, &settings).await?;
    arrives(&cluster, &one, &two).await?;
    let story = cluster.client(&one, one.identity()).await?.story(UID).await?;
    ensure!(story.last.elapsed >= Duration::from_millis(2900), "{:?}", story.last);
    Ok(())
}

#[tokio::test]
async fn a_network_that_a_node_is_not_on_is_not_replaced_by_another() -> Result<()> {
    let (cluster, one, two) = Cluster::pair().await?;
    let spec = guest(POD, &BUSY);
    one.run(&spec).await?;
    let far = MigrationSettings { network: Some("kubevirt/storage".to_owned()), ..plain() };
    let awaits = target(&spec, "pod-2");
    let there = two.expect(&awaits, UID, &plain(), 1).await?;
    one.guests().order(Order::Migrate(migrate(&spec, UID, "node-2", there, &far)));
    let end = one.wait_left(POD).await?;
    let text = "Live migration failed the node node-1 has no address on the network storage";
    ensure!(matches!(&end, LeavingEnd::Failed { reason, .. } if reason == text), "{end:?}");
    one.wait_state(POD, GuestState::Running).await?;
    one.verify(&cluster, "db").await
}
