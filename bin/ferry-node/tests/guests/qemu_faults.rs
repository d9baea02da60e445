//! What befalls QEMU's guests while they move: links that break, processes that are killed or hang. One
//! copy runs afterwards, and where nothing else is possible, none.

use anyhow::{Result, bail, ensure};
use ferry_config::{MigrationSettings, ProgressTimeout, Tls};
use ferry_reconcile::guest::{Board, GuestEnd, GuestSpec, Kernel, LeavingEnd, MachineKind, Order};
use nix::sys::signal::Signal;

use crate::common::{Cluster, begin, guest, migrate, target, wait_crossing};
use crate::qemu::{POD, arrives, disrupting, here, is_here, post_copy, slow, stays, walking};

#[tokio::test]
async fn a_qemu_guest_whose_source_is_killed_in_post_copy_is_torn() -> Result<()> {
    here!("a_qemu_guest_whose_source_is_killed_in_post_copy_is_torn");
    let (_cluster, one, two, _relay) = post_copy(Tls::Disabled).await?;
    one.signal(POD, Signal::SIGKILL)?;
    let torn = |end: &GuestEnd| matches!(end, GuestEnd::Torn { .. });
    let ends = (one.wait_ended(POD).await?, two.wait_ended("pod-2").await?);
    ensure!(torn(&ends.0) && torn(&ends.1), "{ends:?}");
    Ok(())
}

#[tokio::test]
async fn a_qemu_target_that_is_killed_leaves_the_guest_where_it_is() -> Result<()> {
    here!("a_qemu_target_that_is_killed_leaves_the_guest_where_it_is");
    let (_cluster, one, two, spec) = walking().await?;
    begin(&spec, &one, &two, &slow()).await?;
    wait_crossing(&one, POD).await?;
    two.signal("pod-2", Signal::SIGKILL)?;
    let end = one.wait_left(POD).await?;
    ensure!(matches!(&end, LeavingEnd::Failed { aborted: false, .. }), "{end:?}");
    ensure!(matches!(two.wait_ended("pod-2").await?, GuestEnd::NeverCame { .. }));
    stays(&one).await
}

#[tokio::test]
async fn a_qemu_source_that_is_killed_has_crashed_and_nothing_runs_at_the_target() -> Result<()> {
    here!("a_qemu_source_that_is_killed_has_crashed_and_nothing_runs_at_the_target");
    let (_cluster, one, two, spec) = walking().await?;
    begin(&spec, &one, &two, &slow()).await?;
    wait_crossing(&one, POD).await?;
    one.signal(POD, Signal::SIGKILL)?;
    ensure!(matches!(one.wait_ended(POD).await?, GuestEnd::Crashed { .. }));
    ensure!(matches!(two.wait_ended("pod-2").await?, GuestEnd::NeverCame { .. }));
    ensure!(matches!(one.wait_left(POD).await?, LeavingEnd::Failed { .. }));
    Ok(())
}

#[tokio::test]
async fn a_qemu_target_that_hangs_is_given_up() -> Result<()> {
    here!("a_qemu_target_that_hangs_is_given_up");
    let (_cluster, one, two, spec) = walking().await?;
    let settings = MigrationSettings { progress_timeout: ProgressTimeout::After(2), ..slow() };
    begin(&spec, &one, &two, &settings).await?;
    wait_crossing(&one, POD).await?;
    two.signal("pod-2", Signal::SIGSTOP)?;
    let end = one.wait_left(POD).await?;
    ensure!(matches!(&end, LeavingEnd::Failed { aborted: true, .. }), "{end:?}");
    stays(&one).await
}

#[tokio::test]
async fn a_qemu_target_that_hangs_from_the_first_moment_is_given_up() -> Result<()> {
    here!("a_qemu_target_that_hangs_from_the_first_moment_is_given_up");
    let (_cluster, one, two, spec) = walking().await?;
    let settings = MigrationSettings {
        progress_timeout: ProgressTimeout::After(2),
        ..MigrationSettings::default()
    };
    let there = two.expect(&target(&spec, "pod-2"), "migration-1", &settings, 8).await?;
    two.signal("pod-2", Signal::SIGSTOP)?;
    let mut order = migrate(&spec, "migration-1", "node-2", there, &settings);
    order.channels = 8;
    one.guests().order(Order::Migrate(order));
    let end = one.wait_left(POD).await?;
    ensure!(matches!(&end, LeavingEnd::Failed { .. }), "{end:?}");
    stays(&one).await
}

#[tokio::test]
async fn daemons_come_back_in_the_middle_of_the_migration_of_a_qemu_guest() -> Result<()> {
    here!("daemons_come_back_in_the_middle_of_the_migration_of_a_qemu_guest");
    let (_cluster, mut one, mut two, spec) = walking().await?;
    begin(&spec, &one, &two, &disrupting()).await?;
    wait_crossing(&one, POD).await?;
    one.restart().await?;
    two.restart().await?;
    arrives(&one, &two).await
}

#[tokio::test]
async fn the_link_of_a_qemu_guest_in_post_copy_is_replaced() -> Result<()> {
    here!("the_link_of_a_qemu_guest_in_post_copy_is_replaced");
    let (cluster, one, two, relay) = post_copy(Tls::Disabled).await?;
    relay.refuse();
    relay.cut();
    arrives(&one, &two).await?;
    let story = cluster.client(&one, one.identity()).await?.story("migration-1").await?;
    let is_told = story.milestones.iter().any(|it| it.what.contains("the link has broken"));
    ensure!(is_told, "{:?}", story.milestones);
    Ok(())
}

#[tokio::test]
async fn a_guest_without_its_program_says_how_to_get_it() -> Result<()> {
    let cluster = Cluster::new()?;
    let node = cluster.node("node-1").await?;
    let program = cluster.path().join("no-qemu");
    let node = node.reconfigured(|config| config.qemu.program = program).await?;
    let spec = GuestSpec { machine: Some(MachineKind::Qemu), ..guest(POD, &[]) };
    node.guests().order(Order::Start(spec));
    match node.wait_ended(POD).await? {
        GuestEnd::NotStarted { why } => {
            ensure!(why.contains("no-qemu") && why.contains("apt-get install"), "{why}");
        }
        end => bail!("{end:?}"),
    }
    // Others are not concerned.
    node.run(&guest("pod-2", &[])).await
}

#[tokio::test]
async fn a_qemu_guest_that_cannot_be_made_says_what_qemu_says() -> Result<()> {
    here!("a_qemu_guest_that_cannot_be_made_says_what_qemu_says");
    let cluster = Cluster::new()?;
    let node = cluster.node("node-1").await?;
    let arguments = Kernel { arguments: Some("quiet".to_owned()), ..Kernel::default() };
    for (pod, board, reason) in [
        ("pod-1", Board { kernel: Some(arguments), ..Board::default() }, "-append"),
        (
            "pod-2",
            Board { machine_type: Some("pc-q35-0.1".to_owned()), ..Board::default() },
            "unsupported machine type",
        ),
    ] {
        let spec = GuestSpec { machine: Some(MachineKind::Qemu), board, ..guest(pod, &[]) };
        node.guests().order(Order::Start(spec));
        match node.wait_ended(pod).await? {
            GuestEnd::NotStarted { why } => ensure!(why.contains(reason), "{why}"),
            end => bail!("{end:?}"),
        }
    }
    Ok(())
}
