//! Which policy a migration follows.

use anyhow::{Context, Result, ensure};
use ferry_api::kubevirt::MigrationState;
use ferry_harness::{Semantics, Testbed};
use serde_json::{Value, json};

use crate::common::{Machine, machine, policy, verified};

/// A policy with these selectors.
async fn selecting(
    testbed: &Testbed,
    name: &str,
    namespace: &[&str],
    instance: &[&str],
) -> Result<()> {
    let labels = |keys: &[&str]| keys.iter().map(|key| (*key, "1")).collect::<Value>();
    let object = json!({
        "apiVersion": "migrations.kubevirt.io/v1alpha1",
        "kind": "MigrationPolicy",
        "metadata": { "name": name },
        "spec": {
            "allowAutoConverge": true,
            "selectors": {
                "namespaceSelector": labels(namespace),
                "virtualMachineInstanceSelector": labels(instance),
            },
        },
    });
    testbed.apply(&object.to_string()).await
}

async fn project(testbed: &Testbed, name: &str, labels: Value) -> Result<()> {
    let metadata = json!({ "name": name, "labels": labels });
    let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata });
    testbed.apply(&object.to_string()).await
}

/// What was fixed for a migration.
fn settings(state: &MigrationState) -> Result<Value> {
    Ok(serde_json::to_value(state.migration_configuration.as_ref().context("settings")?)?)
}

fn labelled(machine: Machine, keys: &[&str]) -> Machine {
    keys.iter().fold(machine, |machine, key| machine.label(key, "1"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_of_the_documentation_applies_to_what_it_selects_and_nothing_else() -> Result<()>
{
    let testbed = Testbed::builder().nodes(2).start().await?;
    testbed.apply_file("../manifests/policy-documentation.yaml").await?;
    testbed.wait_running("hpc", "simulation").await?;
    let selected = machine("simulation").namespace("hpc");
    let state = selected.moved(&testbed).await?;
    ensure!(state.migration_policy_name.as_deref() == Some("my-policy"), "{state:?}");
    let all = json!({
        "allowAutoConverge": true,
        "allowPostCopy": false,
        "allowWorkloadDisruption": false,
        "bandwidthPerMigration": "217Ki",
        "completionTimeoutPerGiB": 23,
        "nodeDrainTaintKey": "kubevirt.io/drain",
        "parallelMigrationsPerCluster": 5,
        "parallelOutboundMigrationsPerNode": 2,
        "progressTimeout": 150,
        "unsafeMigrationOverride": false,
    });
    let found = settings(&state)?;
    for (key, value) in all.as_object().into_iter().flatten() {
        ensure!(found[key] == *value, "{key}: {found:#}");
    }
    let report = testbed.ferry(["report", "simulation", "-n", "hpc", "-o", "json"])?.stdout;
    let report: Value = serde_json::from_str(&report)?;
    ensure!(report["policy"] == "my-policy", "{report:#}");
    for (key, origin) in [
        ("bandwidthPerMigration", "policy/my-policy"),
        ("completionTimeoutPerGiB", "policy/my-policy"),
        ("progressTimeout", "cluster"),
    ] {
        ensure!(report["settings"][key]["origin"] == origin, "{key}: {report:#}");
    }

    // Labels of the project or of the machine alone are not enough, nor is the right key with another
    // value, and labels beside them do not matter.
    project(&testbed, "half", json!({ "hpc-workloads": "True", "xyz-workloads-type": "a" }))
        .await?;
    let both =
        |name: &str| machine(name).label("workload-type", "db").label("operating-system", "");
    for (machine, policy) in [
        (both("elsewhere"), None),
        (both("half").namespace("half"), None),
        (machine("bare").namespace("hpc"), None),
        (machine("other").namespace("hpc").label("workload-type", "db"), None),
        (both("more").namespace("hpc").label("and", "more"), Some("my-policy")),
    ] {
        machine.start(&testbed).await?;
        let state = machine.moved(&testbed).await?;
        ensure!(state.migration_policy_name.as_deref() == policy, "{}: {state:?}", machine.name);
        let bandwidth = settings(&state)?["bandwidthPerMigration"].clone();
        ensure!(bandwidth == policy.map_or("0", |_| "217Ki"), "{}: {bandwidth}", machine.name);
    }
    Ok(())
}

/// Ties, and who wins them: by the documentation, and in KubeVirt.
const TIES: [(&str, &str, &str); 4] = [
    ("first-key", "z-aaa", "a-bbb"),
    ("three-each", "ns-heavy", "vmi-heavy"),
    ("same", "p1", "p1"),
    ("more", "two", "two"),
];

async fn ties(semantics: Semantics) -> Result<()> {
    let testbed = Testbed::builder().nodes(2).semantics(semantics).start().await?;
    let project_labels = json!({ "priority": "1", "bandwidth": "1", "hpc": "1" });
    project(&testbed, "ties", project_labels).await?;
    selecting(&testbed, "z-aaa", &[], &["aaa"]).await?;
    selecting(&testbed, "a-bbb", &[], &["bbb"]).await?;
    selecting(&testbed, "vmi-heavy", &["priority"], &["size", "os"]).await?;
    selecting(&testbed, "ns-heavy", &["bandwidth", "hpc"], &["gpu"]).await?;
    selecting(&testbed, "p2", &[], &["same"]).await?;
    selecting(&testbed, "p1", &[], &["same"]).await?;
    selecting(&testbed, "one", &[], &["one-a"]).await?;
    selecting(&testbed, "two", &[], &["two-a", "two-b"]).await?;
    let labels: [&[&str]; 4] =
        [&["aaa", "bbb"], &["size", "os", "gpu"], &["same"], &["one-a", "two-a", "two-b"]];
    for ((name, documented, kubevirt), labels) in TIES.into_iter().zip(labels) {
        let machine = labelled(machine(name).memory("16Mi").namespace("ties"), labels);
        machine.start(&testbed).await?;
        let state = machine.moved(&testbed).await?;
        let winner = match semantics {
            Semantics::Documented => documented,
            Semantics::KubeVirt => kubevirt,
        };
        ensure!(state.migration_policy_name.as_deref() == Some(winner), "{name}: {state:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ties_end_as_the_documentation_says() -> Result<()> {
    ties(Semantics::Documented).await
}

#[tokio::test(flavor = "multi_thread")]
async fn ties_end_as_in_kubevirt_where_that_is_wanted() -> Result<()> {
    ties(Semantics::KubeVirt).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_fixed_at_hand_off_stays_whatever_becomes_of_the_policy() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    let slow = json!({ "bandwidthPerMigration": "4Mi", "completionTimeoutPerGiB": 0 });
    policy(&testbed, "slow", slow).await?;
    let web = machine("web").memory("64Mi").fills("24Mi").label("policy", "slow");
    web.start(&testbed).await?;
    let migration = web.migrate(&testbed).await?;
    migration.phase("Running").await?;
    // Either of these would end it: there is no budget, or no memory crosses any more.
    policy(&testbed, "slow", json!({ "bandwidthPerMigration": "1", "completionTimeoutPerGiB": 1 }))
        .await?;
    let deleted = testbed.kubectl(["delete", "migrationpolicy", "slow"])?;
    ensure!(deleted.code == 0, "{}", deleted.stderr);
    let state = migration.succeeded().await?;
    ensure!(state.migration_policy_name.as_deref() == Some("slow"), "{state:?}");
    let found = settings(&state)?;
    ensure!(found["bandwidthPerMigration"] == "4Mi" && found["completionTimeoutPerGiB"] == 0);

    // The next one has what there is now.
    let state = web.moved(&testbed).await?;
    ensure!(state.migration_policy_name.is_none(), "{state:?}");
    ensure!(settings(&state)?["bandwidthPerMigration"] == "0");
    verified(&testbed, &web)?;
    Ok(())
}
