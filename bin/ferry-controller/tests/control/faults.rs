//! What the controller does when it is killed, when the API server is, and when it is told to end.

use std::process::Command;

use anyhow::Result;
use ferry_api::kubevirt::{
    MigrationPhase, VirtualMachineInstanceMigration, VirtualMachineInstancePhase,
};
use ferry_harness::wait_until;

use crate::cluster::{Cluster, machine, migration};
use crate::process::Controller;

/// So many machines are moved while things break.
const MACHINES: usize = 8;

/// So many migrations may be under way at once where nobody says otherwise.
const LIMIT: usize = 5;

fn names() -> Vec<String> {
    (0..MACHINES).map(|number| format!("vm-{number}")).collect()
}

/// A cluster whose machines are all about to move.
fn storm() -> Result<Cluster> {
    let cluster = Cluster::start(&["node-1", "node-2", "node-3"])?;
    for name in names() {
        cluster.running(&name)?;
    }
    for name in names() {
        cluster.create(&migration(&format!("move-{name}"), &name))?;
    }
    Ok(cluster)
}

/// How many of the migrations have succeeded. None has failed, and no more are under way at this
/// moment than may be.
fn succeeded(cluster: &Cluster) -> Result<usize> {
    let migrations: Vec<VirtualMachineInstanceMigration> = cluster.all()?;
    let phases = migrations.iter().map(|it| it.status.as_ref().map(|status| status.phase));
    let phases: Vec<_> = phases.map(Option::unwrap_or_default).collect();
    assert!(!phases.contains(&MigrationPhase::Failed), "{phases:?}");
    let is_under_way =
        |phase: &MigrationPhase| *phase > MigrationPhase::Pending && !phase.is_final();
    let under_way = phases.iter().filter(|phase| is_under_way(phase)).count();
    assert!(under_way <= LIMIT, "parallelMigrationsPerCluster: {phases:?}");
    Ok(phases.iter().filter(|phase| **phase == MigrationPhase::Succeeded).count())
}

#[test]
fn of_several_controllers_one_works_and_the_next_goes_on_at_once() -> Result<()> {
    let arguments = ["--node-grace", "1h", "--leader-elect"];
    let mut cluster = Cluster::with(&["node-1"], &arguments)?;
    let says = |controller: &Controller, what: &str| {
        wait_until(what, || Ok(controller.log().contains(what).then_some(())))
    };
    says(&cluster.controller, "leads")?;
    let second = Controller::start(cluster.server.dir(), 2, &arguments)?;
    says(&second, "another one leads")?;
    cluster.running("first")?;
    assert!(!second.log().contains("at work"), "{}", second.log());
    assert!(cluster.controller.stop()?.success());
    says(&second, "at work")?;
    cluster.running("second")?;
    Ok(())
}

/// Everything goes on to its end: all have moved, and one pod is left of each.
fn all_move(cluster: &Cluster) -> Result<()> {
    cluster.play_until("migrations that have all succeeded", |cluster| {
        Ok((succeeded(cluster)? == MACHINES).then_some(()))
    })?;
    cluster.play_until("one pod for each machine", |cluster| {
        Ok((cluster.pods()?.len() == MACHINES).then_some(()))
    })?;
    for name in names() {
        assert_eq!(cluster.phase_of_instance(&name)?, VirtualMachineInstancePhase::Running);
    }
    Ok(())
}

#[test]
fn a_controller_that_is_killed_again_and_again_goes_on_where_it_was() -> Result<()> {
    let mut cluster = storm()?;
    for kill in 0..8 {
        // Each time a little further: after a look, in the middle of a plan, between two.
        for _ in 0..=kill {
            cluster.play().ok();
        }
        cluster.controller.kill()?;
        cluster.restart_controller()?;
    }
    all_move(&cluster)
}

#[test]
fn a_controller_outlives_its_api_server() -> Result<()> {
    let mut cluster = storm()?;
    for _ in 0..2 {
        for _ in 0..4 {
            cluster.play().ok();
        }
        cluster.server.kill()?;
        wait_until("a controller that misses it", || {
            Ok((cluster.controller.page("/readyz")?.0 == 503).then_some(()))
        })?;
        cluster.server.start_again()?;
    }
    all_move(&cluster)?;
    cluster.controller.wait_ready()?;
    let log = cluster.controller.log();
    assert!(log.matches("the API server is not heard").count() <= 4, "it is told once:\n{log}");
    assert!(!log.contains("ERROR"), "{log}");
    Ok(())
}

#[test]
fn a_controller_waits_for_an_api_server_and_ends_when_it_is_told_to() -> Result<()> {
    let mut cluster = Cluster::start(&["node-1"])?;
    cluster.server.kill()?;
    let ended = cluster.controller.stop()?;
    assert_eq!(ended.code(), Some(0), "{}", cluster.controller.log());
    cluster.restart_controller()?;
    let (code, why) = cluster.controller.page("/readyz")?;
    assert_eq!((code, why.trim()), (503, "the objects of the cluster are not known yet"));
    assert_eq!(cluster.controller.page("/healthz")?.0, 200);
    wait_until("a word about it", || {
        Ok(cluster.controller.log().contains("the API server is not heard").then_some(()))
    })?;
    cluster.server.start_again()?;
    cluster.controller.wait_ready()?;
    cluster.create(&machine("web"))?;
    cluster.play_until("a machine that runs", |cluster| {
        let phase = cluster.phase_of_instance("web")?;
        Ok((phase == VirtualMachineInstancePhase::Running).then_some(()))
    })?;
    let ended = cluster.controller.stop()?;
    assert_eq!(ended.code(), Some(0), "{}", cluster.controller.log());
    Ok(())
}

#[test]
fn what_is_wrong_at_the_start_is_said_in_one_line() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let missing = dir.path().join("nothing");
    for (arguments, code, said) in [
        (vec!["--kubeconfig", missing.to_str().unwrap_or_default()], 1, "No such file"),
        (vec!["--kubeconfig", "k", "--log", "loudly"], 2, "is no level"),
        (vec!["--kubeconfig", "k", "--node-grace", "soon"], 2, "--node-grace"),
        (vec![], 2, "--kubeconfig <PATH>"),
    ] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_ferry-controller")).args(&arguments).output()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
    }
    Ok(())
}
