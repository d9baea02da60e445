//! Who of those that wait goes first, and what is left of those that have gone.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use ferry_api::kubevirt::VirtualMachineInstanceMigration;
use ferry_harness::{Testbed, wait_until};
use kube::api::ApiResource;
use serde_json::json;

use crate::common::asking::{kubectl, never_backwards};
use crate::common::{History, Migration, configure, machine, policy};

/// Makes a migration of a machine as the controller does, which alone may give it a priority.
fn of_the_controller(testbed: &Testbed, machine: &str, priority: &str) -> Result<()> {
    let object = json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceMigration",
        "metadata": { "name": format!("of-{machine}"), "namespace": "default" },
        "spec": { "vmiName": machine, "priority": priority },
    });
    let file = testbed.dir().path().join(format!("{machine}.json"));
    std::fs::write(&file, object.to_string())?;
    let file = file.display().to_string();
    let refused = testbed.kubectl(["create", "-f", &file])?;
    let why = "only virt-controller is allowed to set priority field";
    ensure!(refused.code == 1 && refused.stderr.contains(why), "{refused:?}");
    let own = testbed.dir().controller().join("kubeconfig").display().to_string();
    kubectl(testbed, &["create", "-f", &file, "--kubeconfig", &own]).map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_that_wait_the_most_important_goes_first_and_then_the_oldest() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    let names =
        ["first", "older", "younger", "maintained", "triggered", "critical", "critical-too"];
    for name in names {
        machine(name).start(&testbed).await?;
    }
    let kinds = [ApiResource::erase::<VirtualMachineInstanceMigration>(&())];
    let history = History::of(&testbed, &kinds).await?;
    configure(&testbed, json!({ "parallelMigrationsPerCluster": 0 })).await?;
    let older = machine("older").migrate(&testbed).await?;
    older.waits("ClusterLimit").await?;
    let younger = machine("younger").migrate(&testbed).await?;
    younger.waits("ClusterLimit").await?;
    for (name, priority) in [
        ("maintained", "system-maintenance"),
        ("triggered", "user-triggered"),
        ("critical", "system-critical"),
        ("critical-too", "system-critical"),
    ] {
        of_the_controller(&testbed, name, priority)?;
        let migration = Migration::of(&testbed, "default", &format!("of-{name}"));
        migration.waits("ClusterLimit").await?;
    }
    configure(&testbed, json!({ "parallelMigrationsPerCluster": 1 })).await?;
    younger.succeeded().await?;

    let mut started = Vec::new();
    let mut seen = BTreeSet::new();
    for change in history.changes() {
        let machine = change.says("/spec/vmiName").as_str().unwrap_or_default().to_owned();
        if *change.says("/status/phase") == "Scheduling" && seen.insert(change.name.clone()) {
            started.push(machine);
        }
    }
    let wanted = ["critical", "critical-too", "triggered", "maintained", "older", "younger"];
    ensure!(started == wanted, "{started:?}");
    never_backwards(&history)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_place_in_line_moves_up_as_others_go() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    policy(&testbed, "slow", json!({ "bandwidthPerMigration": "8Mi" })).await?;
    configure(&testbed, json!({ "parallelMigrationsPerCluster": 1 })).await?;
    let mut waiting = Vec::new();
    let machines: Vec<_> = (0..4)
        .map(|number| machine(&format!("vm-{number}")).label("policy", "slow").fills("16Mi"))
        .collect();
    for machine in &machines {
        machine.start(&testbed).await?;
    }
    let kinds = [ApiResource::erase::<VirtualMachineInstanceMigration>(&())];
    let history = History::of(&testbed, &kinds).await?;
    for (number, machine) in machines.iter().enumerate() {
        let migration = machine.migrate(&testbed).await?;
        match number {
            0 => drop(migration.phase("Scheduling").await?),
            _ => drop(migration.waits("ClusterLimit").await?),
        }
        waiting.push(migration);
    }
    for migration in &waiting {
        migration.succeeded().await?;
    }
    // What each was told, in the order in which it was.
    for (number, migration) in waiting.iter().enumerate() {
        let mut told = Vec::new();
        for change in history.changes().iter().filter(|change| change.name == migration.name) {
            let conditions = change.says("/status/conditions").as_array().into_iter().flatten();
            for condition in conditions.filter(|each| each["type"] == "migrationWaiting") {
                let message = condition["message"].as_str().unwrap_or_default().to_owned();
                if told.last() != Some(&message) {
                    told.push(message);
                }
            }
        }
        let wanted: Vec<_> = (1..=number)
            .rev()
            .map(|place| {
                format!(
                    "waiting for a slot: parallelMigrationsPerCluster 1 of 1 in use, position {place} in line"
                )
            })
            .collect();
        ensure!(told == wanted, "{}: {told:?}", migration.name);
    }
    never_backwards(&history)
}

#[tokio::test(flavor = "multi_thread")]
async fn five_that_have_ended_are_kept_of_each_machine_and_the_oldest_go() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    let web = machine("web");
    web.start(&testbed).await?;
    let other = machine("other");
    other.start(&testbed).await?;
    let kept = other.migrate(&testbed).await?;
    kept.succeeded().await?;
    let mut all = Vec::new();
    for number in 0..7 {
        // Those that have failed count as well.
        let migration = if number % 3 == 0 {
            let migration = web.migrate_to(&testbed, &[("no", "node")]).await?;
            migration.failed().await?;
            migration
        } else {
            let migration = web.migrate(&testbed).await?;
            migration.succeeded().await?;
            migration
        };
        all.push(migration.name);
        // Creation times are whole seconds: who is older is said by them alone.
        let ended = std::time::Instant::now();
        wait_until("another second", || Ok((ended.elapsed().as_millis() >= 1000).then_some(())))?;
    }
    let names = || -> Result<BTreeSet<String>> {
        let printed = kubectl(&testbed, &["get", "vmim", "-o", "name"])?;
        Ok(printed.lines().filter_map(|line| Some(line.split_once('/')?.1.to_owned())).collect())
    };
    let mut wanted: BTreeSet<_> = all[2..].iter().cloned().collect();
    wanted.insert(kept.name.clone());
    wait_until("five that are kept", || {
        let names = names()?;
        Ok((names == wanted).then_some(()))
    })
}
