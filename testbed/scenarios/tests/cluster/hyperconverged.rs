//! Settings of the cluster that are changed while it runs.

use anyhow::{Context, Result, ensure};
use ferry_api::kubevirt::KubeVirt;
use ferry_harness::{Role, Testbed};
use serde_json::{Value, json};

use crate::common::asking::listed;
use crate::common::{PLATFORM, configure, machine};

const OLD: &str = "hyperconvergeds.v1beta1.hco.kubevirt.io/kubevirt-hyperconverged";
const NEW: &str = "hyperconvergeds.v1.hco.kubevirt.io/kubevirt-hyperconverged";
const KUBEVIRT: &str = "kubevirt-kubevirt-hyperconverged";

fn kubectl(testbed: &Testbed, arguments: &[&str]) -> Result<String> {
    let run = testbed.kubectl(arguments.iter().chain(&["-n", PLATFORM]))?;
    ensure!(run.code == 0, "{arguments:?}: {}", run.stderr);
    Ok(run.stdout)
}

/// What an object has at a path.
fn field(testbed: &Testbed, object: &str, path: &str) -> Result<Value> {
    let object: Value = serde_json::from_str(&kubectl(testbed, &["get", object, "-o", "json"])?)?;
    Ok(object.pointer(path).cloned().unwrap_or_default())
}

/// Waits until KubeVirt has this as a setting.
async fn becomes(testbed: &Testbed, key: &str, value: Value) -> Result<()> {
    let is_so = |kubevirt: &KubeVirt| {
        let found = serde_json::to_value(kubevirt).unwrap_or_default();
        found["spec"]["configuration"]["migrations"][key] == value
    };
    testbed.wait_for(PLATFORM, KUBEVIRT, key, is_so).await.map(drop)
}

/// The settings of a migration that begins now.
async fn of_a_migration(testbed: &Testbed) -> Result<Value> {
    let state = machine("web").moved(testbed).await?;
    Ok(serde_json::to_value(state.migration_configuration.context("settings")?)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_holds_for_the_next_migration_and_a_key_that_goes_has_its_default() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    let before: Vec<_> = testbed.processes()?.into_iter().map(|member| member.id).collect();
    machine("web").start(&testbed).await?;
    configure(
        &testbed,
        json!({
            "bandwidthPerMigration": "64Mi",
            "completionTimeoutPerGiB": 800,
            "progressTimeout": 17,
            "allowAutoConverge": true,
        }),
    )
    .await?;
    let found = of_a_migration(&testbed).await?;
    for (key, value) in [
        ("bandwidthPerMigration", json!("64Mi")),
        ("completionTimeoutPerGiB", json!(800)),
        ("progressTimeout", json!(17)),
        ("allowAutoConverge", json!(true)),
    ] {
        ensure!(found[key] == value, "{key}: {found:#}");
    }

    let settings = "/spec/liveMigrationConfig";
    kubectl(
        &testbed,
        &[
            "patch",
            OLD,
            "--type=json",
            "-p",
            &json!([
                { "op": "remove", "path": format!("{settings}/completionTimeoutPerGiB") },
                { "op": "remove", "path": format!("{settings}/progressTimeout") },
                { "op": "remove", "path": format!("{settings}/bandwidthPerMigration") },
            ])
            .to_string(),
        ],
    )?;
    ensure!(field(&testbed, OLD, &format!("{settings}/completionTimeoutPerGiB"))? == 150);
    becomes(&testbed, "completionTimeoutPerGiB", json!(150)).await?;
    becomes(&testbed, "bandwidthPerMigration", Value::Null).await?;
    let found = of_a_migration(&testbed).await?;
    for (key, value) in [
        ("bandwidthPerMigration", json!("0")),
        ("completionTimeoutPerGiB", json!(150)),
        ("progressTimeout", json!(150)),
        ("allowAutoConverge", json!(true)),
    ] {
        ensure!(found[key] == value, "{key}: {found:#}");
    }

    // The same in its other version, and the section as a whole.
    let patch = json!({ "spec": { "virtualization": {
        "liveMigrationConfig": { "parallelMigrationsPerCluster": 9 } } } });
    kubectl(&testbed, &["patch", NEW, "--type=merge", "-p", &patch.to_string()])?;
    becomes(&testbed, "parallelMigrationsPerCluster", json!(9)).await?;
    let gone = json!([{ "op": "remove", "path": settings }]).to_string();
    kubectl(&testbed, &["patch", OLD, "--type=json", "-p", &gone])?;
    becomes(&testbed, "parallelMigrationsPerCluster", json!(5)).await?;
    becomes(&testbed, "allowAutoConverge", json!(false)).await?;

    listed(&testbed, PLATFORM, &[&format!("Updated KubeVirt {KUBEVIRT}")])?;
    let events = kubectl(&testbed, &["get", "events"])?;
    ensure!(!events.contains("Overwritten"), "{events}");
    let after: Vec<_> = testbed.processes()?.into_iter().map(|member| member.id).collect();
    ensure!(before.iter().all(|id| after.contains(id)), "something was restarted");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changes_in_kubevirt_itself_is_undone_and_told() -> Result<()> {
    let testbed = Testbed::builder().nodes(1).start().await?;
    configure(&testbed, json!({ "progressTimeout": 170 })).await?;
    let object = format!("kubevirt/{KUBEVIRT}");
    for (edit, path) in [
        (json!({ "migrations": { "progressTimeout": 1 } }), "/migrations/progressTimeout"),
        (json!({ "migrations": { "allowPostCopy": true } }), "/migrations/allowPostCopy"),
        (json!({ "evictionStrategy": "External" }), "/evictionStrategy"),
    ] {
        let path = format!("/spec/configuration{path}");
        let own = field(&testbed, &object, &path)?;
        let generation = field(&testbed, &object, "/metadata/generation")?;
        let edit = json!({ "spec": { "configuration": edit } }).to_string();
        kubectl(&testbed, &["patch", &object, "--type=merge", "-p", &edit])?;
        let is_so = |kubevirt: &KubeVirt| {
            let found = serde_json::to_value(kubevirt).unwrap_or_default();
            let again = found.pointer(&path).cloned().unwrap_or_default();
            again == own && found["metadata"]["generation"].as_i64() > generation.as_i64()
        };
        testbed.wait_for(PLATFORM, KUBEVIRT, "the edit to be undone", is_so).await?;
    }
    let overwritten = format!("Overwritten KubeVirt {KUBEVIRT}");
    let of = "hyperconverged/kubevirt-hyperconverged";
    listed(&testbed, PLATFORM, &["Warning", of, &overwritten])?;
    ensure!(testbed.daemon(Role::Controller).process()?.is_some());
    Ok(())
}
