//! QEMU's guests under the same keeper: they boot, cross with all of their memory, and one copy runs.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use ferry_config::{Bandwidth, MigrationSettings, Permission, Tls};
use ferry_harness::{BootSector, Qmp, Relay, wait_until};
use ferry_qmp::words::Pmemsave;
use ferry_qmp::{Cont, Stop};
use ferry_reconcile::claims::Image;
use ferry_reconcile::guest::{
    Disk, DiskPlace, GuestEnd, GuestSpec, GuestState, LeavingEnd, MachineKind, MigrationMode, Order,
};
use ferry_units::{Bytes, BytesPerSecond, SecondsPerGiB};

use crate::common::{
    Cluster, Node, QEMU, arriving, begin, guest, leaving, migrate, plain, target, wait_crossing,
};

pub(crate) const POD: &str = "pod-1";

/// Enough for firmware and for what the guest walks over.
const MEMORY: Bytes = Bytes::from_mib(32);

/// It changes 160 MiB a second, which is more than crosses in any of these tests.
const WALK: BootSector = BootSector { first: 1 << 20, end: 12 << 20, pages_in_a_tick: 40 };

/// Whether QEMU is installed; says which test goes without it where it is not.
pub(crate) fn is_here(test: &str) -> bool {
    let found = Command::new(QEMU).arg("--version").stdout(Stdio::null()).status();
    let is_here = found.is_ok_and(|status| status.success());
    if !is_here {
        println!("skipped: {test}: no {QEMU}");
    }
    is_here
}

/// Ends a test where QEMU is not installed.
macro_rules! here {
    ($test:literal) => {
        if !is_here($test) {
            return Ok(());
        }
    };
}

pub(crate) use here;

/// A guest that walks over its memory.
fn walker(cluster: &Cluster) -> Result<GuestSpec> {
    let path = cluster.path().join("boot.img");
    fs::write(&path, WALK.disk())?;
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
async fn check(node: &Node, pod: &str) -> Result<()> {
    let dir = node.guest_dir(pod);
    blocking(move || {
        let qmp = Qmp::connect(&dir.join("monitor.sock"))?;
        let copy = dir.join("memory");
        let filename = copy.display().to_string();
        qmp.execute(&Stop)?;
        qmp.execute(&Pmemsave {
            val: i64::from(WALK.first),
            size: i64::from(WALK.end - WALK.first),
            filename,
        })?;
        qmp.execute(&Cont)?;
        let memory = fs::read(copy)?;
        let firsts: Vec<u8> = memory.iter().step_by(BootSector::STEP as usize).copied().collect();
        ensure!(firsts.len() == WALK.pages() as usize, "{} pages", firsts.len());
        let lost = BootSector::lost(&firsts);
        ensure!(lost.is_none(), "page {lost:?} is not of the same moment");
        Ok(())
    })
    .await
}

/// Does what blocks, while the nodes of the test go on.
pub(crate) async fn blocking(work: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    tokio::task::spawn_blocking(work).await?
}

/// A guest has moved from the one to the other, and works there with the memory that it had.
pub(crate) async fn arrives(one: &Node, two: &Node) -> Result<()> {
    let end = one.wait_left(POD).await?;
    ensure!(matches!(end, LeavingEnd::Completed { .. }), "{end:?}");
    ensure!(one.wait_ended(POD).await? == GuestEnd::Moved);
    two.wait("pod-2", |report| arriving(report)?.completed.map(drop)).await?;
    two.wait_state("pod-2", GuestState::Running).await?;
    walks(two, "pod-2").await?;
    check(two, "pod-2").await
}

#[tokio::test]
async fn a_qemu_guest_moves_over_tls_and_several_connections() -> Result<()> {
    here!("a_qemu_guest_moves_over_tls_and_several_connections");
    let (cluster, one, two) = Cluster::pair().await?;
    let spec = walker(&cluster)?;
    one.run(&spec).await?;
    walks(&one, POD).await?;
    check(&one, POD).await?;
    let settings = MigrationSettings::default();
    let awaits = target(&spec, "pod-2");
    let there = two.expect(&awaits, "migration-1", &settings, 4).await?;
    let mut order = migrate(&spec, "migration-1", "node-2", there, &settings);
    order.channels = 4;
    one.guests().order(Order::Migrate(order));
    arrives(&one, &two).await?;
    let story = cluster.client(&one, two.identity()).await?.story("migration-1").await?;
    ensure!(story.blackout_ns.is_some_and(|nanos| nanos > 0), "{story:?}");
    ensure!(!story.passes.is_empty(), "{story:?}");
    Ok(())
}

/// A QEMU guest that walks over its memory on the first of two nodes.
pub(crate) async fn walking() -> Result<(Cluster, Node, Node, GuestSpec)> {
    let (cluster, one, two) = Cluster::pair().await?;
    let spec = walker(&cluster)?;
    one.run(&spec).await?;
    walks(&one, POD).await?;
    Ok((cluster, one, two, spec))
}

/// Settings at which it never arrives by itself, and has all the time it wants.
pub(crate) fn slow() -> MigrationSettings {
    MigrationSettings {
        bandwidth: Bandwidth::AtMost(BytesPerSecond::from_mib(4)),
        completion_timeout_per_gib: SecondsPerGiB::new(0),
        ..plain()
    }
}

/// The same, and after a second the monitor does what it is allowed to.
fn impatient() -> MigrationSettings {
    MigrationSettings { completion_timeout_per_gib: SecondsPerGiB::new(32), ..slow() }
}

/// Three seconds of that over a faster link; then the guest is suspended, and crosses in time.
pub(crate) fn disrupting() -> MigrationSettings {
    MigrationSettings {
        bandwidth: Bandwidth::AtMost(BytesPerSecond::from_mib(16)),
        completion_timeout_per_gib: SecondsPerGiB::new(96),
        workload_disruption: Permission::Allowed,
        ..plain()
    }
}

/// After a second it runs at the target, with most of its memory at the source.
fn ahead(tls: Tls) -> MigrationSettings {
    MigrationSettings {
        post_copy: Permission::Allowed,
        workload_disruption: Permission::Allowed,
        tls,
        ..impatient()
    }
}

/// The guest is where it was, unharmed.
pub(crate) async fn stays(one: &Node) -> Result<()> {
    one.wait_state(POD, GuestState::Running).await?;
    walks(one, POD).await?;
    check(one, POD).await
}

#[tokio::test]
async fn a_qemu_guest_moves_on_and_back() -> Result<()> {
    here!("a_qemu_guest_moves_on_and_back");
    let (_cluster, one, two, spec) = walking().await?;
    let awaits = begin(&spec, &one, &two, &plain()).await?;
    arrives(&one, &two).await?;
    let back = target(&spec, "pod-3");
    let there = one.expect(&back, "migration-2", &plain(), 1).await?;
    two.guests().order(Order::Migrate(migrate(&awaits, "migration-2", "node-1", there, &plain())));
    ensure!(matches!(two.wait_left("pod-2").await?, LeavingEnd::Completed { .. }));
    one.wait_state("pod-3", GuestState::Running).await?;
    walks(&one, "pod-3").await?;
    check(&one, "pod-3").await
}

#[tokio::test]
async fn a_qemu_guest_that_stands_still_moves_and_stands_still() -> Result<()> {
    here!("a_qemu_guest_that_stands_still_moves_and_stands_still");
    let (_cluster, one, two, spec) = walking().await?;
    one.guests().order(Order::Pause { pod_uid: POD.to_owned() });
    one.wait_state(POD, GuestState::Paused).await?;
    begin(&spec, &one, &two, &plain()).await?;
    ensure!(matches!(one.wait_left(POD).await?, LeavingEnd::Completed { .. }));
    two.wait("pod-2", |report| arriving(report)?.completed.map(drop)).await?;
    two.wait_state("pod-2", GuestState::Paused).await?;
    two.guests().order(Order::Resume { pod_uid: "pod-2".to_owned() });
    two.wait_state("pod-2", GuestState::Running).await?;
    walks(&two, "pod-2").await?;
    check(&two, "pod-2").await
}

#[tokio::test]
async fn a_qemu_guest_that_takes_too_long_stays_unharmed() -> Result<()> {
    here!("a_qemu_guest_that_takes_too_long_stays_unharmed");
    let (_cluster, one, two, spec) = walking().await?;
    begin(&spec, &one, &two, &impatient()).await?;
    let end = one.wait_left(POD).await?;
    ensure!(matches!(&end, LeavingEnd::Failed { aborted: true, .. }), "{end:?}");
    ensure!(matches!(two.wait_ended("pod-2").await?, GuestEnd::NeverCame { .. }));
    stays(&one).await
}

#[tokio::test]
async fn the_migration_of_a_qemu_guest_is_called_off() -> Result<()> {
    here!("the_migration_of_a_qemu_guest_is_called_off");
    let (_cluster, one, two, spec) = walking().await?;
    begin(&spec, &one, &two, &slow()).await?;
    wait_crossing(&one, POD).await?;
    one.guests()
        .order(Order::Abort { pod_uid: POD.to_owned(), migration_uid: "migration-1".to_owned() });
    let end = one.wait_left(POD).await?;
    ensure!(matches!(&end, LeavingEnd::Failed { aborted: true, .. }), "{end:?}");
    stays(&one).await
}

#[tokio::test]
async fn a_qemu_guest_is_awaited_where_nobody_else_listens() -> Result<()> {
    here!("a_qemu_guest_is_awaited_where_nobody_else_listens");
    let (_cluster, one, two, spec) = walking().await?;
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let taken = other.local_addr()?.port();
    let ports = taken.saturating_sub(4)..=taken.saturating_add(4);
    let first = *ports.start();
    let two = two.reconfigured(|config| config.migration_ports = ports).await?;
    // As many as it takes until that one would be next.
    for port in first..=taken {
        let pod = format!("pod-of-{port}");
        let awaits = target(&spec, &pod);
        let there = two.expect(&awaits, &pod, &plain(), 1).await?;
        ensure!(there.port != taken);
    }
    begin(&spec, &one, &two, &plain()).await?;
    arrives(&one, &two).await
}

#[tokio::test]
async fn a_qemu_guest_boots_from_a_qcow2_disk_and_takes_it_along() -> Result<()> {
    here!("a_qemu_guest_boots_from_a_qcow2_disk_and_takes_it_along");
    let (cluster, one, two) = Cluster::pair().await?;
    let mut spec = walker(&cluster)?;
    let (raw, path) = (cluster.path().join("boot.img"), cluster.path().join("boot.qcow2"));
    let image = |words: &[&str], paths: &[&Path]| -> Result<()> {
        let told = Command::new("qemu-img").args(words).args(paths).output()?;
        ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        Ok(())
    };
    image(&["convert", "-f", "raw", "-O", "qcow2"], &[&raw, &path])?;
    spec.disks[0].place = DiskPlace::SharedHost { path: path.clone() };
    one.run(&spec).await?;
    walks(&one, POD).await?;
    begin(&spec, &one, &two, &MigrationSettings::default()).await?;
    arrives(&one, &two).await?;
    two.guests().order(Order::Kill { pod_uid: "pod-2".to_owned() });
    two.wait_ended("pod-2").await?;
    two.forget("pod-2").await?;
    image(&["check", "-q", "-f", "qcow2"], &[&path])
}

/// Nothing of a migration that was called off is in the way of another one, and nothing that has been
/// written since is left behind.
async fn moves_again(settings: MigrationSettings) -> Result<()> {
    let (_cluster, one, two, spec) = walking().await?;
    begin(&spec, &one, &two, &impatient()).await?;
    let end = one.wait_left(POD).await?;
    ensure!(matches!(&end, LeavingEnd::Failed { aborted: true, .. }), "{end:?}");
    stays(&one).await?;
    two.wait_ended("pod-2").await?;
    let again = target(&spec, "pod-3");
    let there = two.expect(&again, "migration-2", &settings, 1).await?;
    one.guests().order(Order::Migrate(migrate(&spec, "migration-2", "node-2", there, &settings)));
    two.wait("pod-3", |report| arriving(report)?.completed.map(drop)).await?;
    two.wait_state("pod-3", GuestState::Running).await?;
    walks(&two, "pod-3").await?;
    check(&two, "pod-3").await
}

#[tokio::test]
async fn a_qemu_guest_that_was_called_back_moves_again() -> Result<()> {
    here!("a_qemu_guest_that_was_called_back_moves_again");
    moves_again(plain()).await
}

#[tokio::test]
async fn a_qemu_guest_that_was_called_back_is_suspended_to_cross() -> Result<()> {
    here!("a_qemu_guest_that_was_called_back_is_suspended_to_cross");
    moves_again(disrupting()).await
}

#[tokio::test]
async fn a_qemu_guest_that_was_called_back_goes_ahead_of_its_memory() -> Result<()> {
    here!("a_qemu_guest_that_was_called_back_goes_ahead_of_its_memory");
    moves_again(ahead(Tls::Disabled)).await
}

#[tokio::test]
async fn a_qemu_guest_is_suspended_to_cross_and_runs_at_its_target() -> Result<()> {
    here!("a_qemu_guest_is_suspended_to_cross_and_runs_at_its_target");
    let (_cluster, one, two, spec) = walking().await?;
    begin(&spec, &one, &two, &disrupting()).await?;
    one.wait(POD, |report| (leaving(report)?.mode == MigrationMode::Paused).then_some(())).await?;
    arrives(&one, &two).await
}

#[tokio::test]
async fn a_qemu_guest_is_slowed_down_until_it_arrives() -> Result<()> {
    here!("a_qemu_guest_is_slowed_down_until_it_arrives");
    let (_cluster, one, two, spec) = walking().await?;
    // It changes ten times as much as crosses, for as long as it takes.
    let settings = MigrationSettings {
        bandwidth: Bandwidth::AtMost(BytesPerSecond::from_mib(24)),
        auto_converge: Permission::Allowed,
        ..slow()
    };
    begin(&spec, &one, &two, &settings).await?;
    arrives(&one, &two).await?;
    let mode = one.report(POD).as_ref().and_then(leaving).map(|it| it.mode);
    ensure!(mode == Some(MigrationMode::PreCopy), "{mode:?}");
    Ok(())
}

/// A guest that runs at the second node, with most of its memory at the first.
pub(crate) async fn post_copy(tls: Tls) -> Result<(Cluster, Node, Node, Relay)> {
    let (cluster, one, two, spec) = walking().await?;
    let settings = ahead(tls);
    let awaits = target(&spec, "pod-2");
    let there = two.expect(&awaits, "migration-1", &settings, 1).await?;
    let relay = Relay::to((there.address, there.port).into())?;
    let mut order = migrate(&spec, "migration-1", "node-2", there, &settings);
    order.port = relay.address().port();
    one.guests().order(Order::Migrate(order));
    two.wait("pod-2", |report| arriving(report)?.resumed.map(drop)).await?;
    one.wait(POD, |report| (leaving(report)?.mode == MigrationMode::PostCopy).then_some(()))
        .await?;
    Ok((cluster, one, two, relay))
}

#[tokio::test]
async fn a_qemu_guest_goes_ahead_of_its_memory_and_cannot_be_called_back() -> Result<()> {
    here!("a_qemu_guest_goes_ahead_of_its_memory_and_cannot_be_called_back");
    let (_cluster, one, two, _relay) = post_copy(Tls::Disabled).await?;
    one.guests()
        .order(Order::Abort { pod_uid: POD.to_owned(), migration_uid: "migration-1".to_owned() });
    one.wait(POD, |report| leaving(report)?.abort_failed.then_some(())).await?;
    arrives(&one, &two).await
}

#[tokio::test]
async fn a_qemu_guest_goes_ahead_of_its_memory_over_tls() -> Result<()> {
    here!("a_qemu_guest_goes_ahead_of_its_memory_over_tls");
    let (_cluster, one, two, _relay) = post_copy(Tls::Required).await?;
    arrives(&one, &two).await
}

#[tokio::test]
async fn a_qemu_guest_keeps_to_its_limit_however_many_connections_it_may_have() -> Result<()> {
    here!("a_qemu_guest_keeps_to_its_limit_however_many_connections_it_may_have");
    let (_cluster, one, two, spec) = walking().await?;
    let settings = MigrationSettings { tls: Tls::Required, ..impatient() };
    let there = two.expect(&target(&spec, "pod-2"), "migration-1", &settings, 8).await?;
    let mut order = migrate(&spec, "migration-1", "node-2", there, &settings);
    order.channels = 8;
    one.guests().order(Order::Migrate(order));
    // If more crossed, it would be there in time.
    let end = one.wait_left(POD).await?;
    ensure!(matches!(&end, LeavingEnd::Failed { aborted: true, .. }), "{end:?}");
    stays(&one).await
}

#[tokio::test]
async fn what_a_qemu_guest_had_on_its_own_disks_comes_along() -> Result<()> {
    here!("what_a_qemu_guest_had_on_its_own_disks_comes_along");
    let (cluster, one, two) = Cluster::pair().await?;
    let mut spec = walker(&cluster)?;
    let image = Image {
        namespace: "shop".to_owned(),
        name: "data".to_owned(),
        uid: "0d1e2f30-0000-4000-8000-000000000001".to_owned(),
    };
    let at = |node: &Node| node.dir.join("claims/shop/data").join(format!("{}.img", image.uid));
    let contents: Vec<u8> =
        (0..4_u32 << 20).map(|at| (at / 4096 * 7 + at).to_le_bytes()[0]).collect();
    fs::create_dir_all(at(&one).parent().unwrap())?;
    fs::write(at(&one), &contents)?;
    let size = Bytes::from_mib(4);
    spec.disks.push(Disk { name: "data".to_owned(), size, place: DiskPlace::Claim(image.clone()) });
    spec.disks.push(Disk { name: "more".to_owned(), size, place: DiskPlace::Ephemeral });
    one.run(&spec).await?;
    walks(&one, POD).await?;
    // Over TLS, which is the default.
    begin(&spec, &one, &two, &MigrationSettings::default()).await?;
    arrives(&one, &two).await?;
    ensure!(fs::read(at(&two))? == contents, "the disk is another");
    Ok(())
}
