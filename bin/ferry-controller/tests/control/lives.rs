//! The lives of machines, migrations and nodes, as the controller leads them.

use anyhow::Result;
use ferry_api::hco::v1beta1::HyperConverged;
use ferry_api::kubevirt::{
    Condition, KubeVirt, MigrationPhase, VirtualMachine, VirtualMachineInstance,
    VirtualMachineInstanceMigration, VirtualMachineInstancePhase,
};
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use serde_json::json;

use crate::cluster::{Cluster, PLATFORM, machine, migration};

#[test]
fn a_machine_comes_to_a_node_runs_and_leaves_nothing() -> Result<()> {
    let cluster = Cluster::start(&[])?;
    cluster.create(&machine("web"))?;
    cluster.play_until("a pod that no node takes", |cluster| {
        let reasons = cluster.pods()?.first().map(|pod| cluster.reasons(pod)).transpose()?;
        Ok(reasons.filter(|reasons| reasons.contains(&"FailedScheduling".to_owned())))
    })?;
    drop(cluster);

    let cluster = Cluster::start(&["node-1"])?;
    assert_eq!(cluster.running("web")?, "node-1");
    let pods = cluster.pods()?;
    assert_eq!(pods.len(), 1, "{pods:?}");
    assert_eq!(cluster.reasons(&pods[0])?, ["Scheduled"]);
    cluster.play_until("a word for it", |cluster| {
        let machine: Option<VirtualMachine> = cluster.get("web")?;
        let word = machine.and_then(|it| it.status?.printable_status);
        Ok((word.as_deref() == Some("Running")).then_some(()))
    })?;
    cluster.delete::<VirtualMachine>("web")?;
    cluster.play_until("nothing", |cluster| {
        let machine: Option<VirtualMachine> = cluster.get("web")?;
        let instance: Option<VirtualMachineInstance> = cluster.get("web")?;
        let is_over = machine.is_none() && instance.is_none() && cluster.pods()?.is_empty();
        Ok(is_over.then_some(()))
    })?;
    Ok(())
}

#[test]
fn a_machine_tells_why_it_does_not_run_and_runs_when_that_is_mended() -> Result<()> {
    let cluster = Cluster::start(&["node-1"])?;
    let mut without = machine("web");
    without["spec"]["template"]["spec"]["domain"] = json!({ "devices": {} });
    cluster.create(&without)?;
    let failure = |cluster: &Cluster| -> Result<Option<Condition>> {
        let machine: Option<VirtualMachine> = cluster.get("web")?;
        let conditions = machine.and_then(|it| it.status?.conditions).unwrap_or_default();
        Ok(conditions.into_iter().find(|it| it.type_ == "Failure"))
    };
    let failed = cluster.play_until("a word why it does not run", failure)?;
    assert_eq!((failed.status.as_str(), failed.reason.as_deref()), ("True", Some("FailedCreate")));
    let message = failed.message.unwrap_or_default();
    assert!(message.starts_with("Failure while starting VMI: "), "{message}");
    assert!(message.contains("memory"), "{message}");
    cluster.play_until("an event of it", |cluster| {
        Ok(cluster.reasons("web")?.contains(&"FailedCreate".to_owned()).then_some(()))
    })?;
    let memory = json!({ "memory": { "guest": "64Mi" } });
    let change = json!({ "spec": { "template": { "spec": { "domain": memory } } } });
    cluster.patch::<VirtualMachine>("web", &change)?;
    cluster.play_until("a machine that runs and has forgotten it", |cluster| {
        let runs = cluster.phase_of_instance("web")? == VirtualMachineInstancePhase::Running;
        Ok((runs && failure(cluster)?.is_none()).then_some(()))
    })?;
    Ok(())
}

#[test]
fn a_migration_goes_through_its_phases_and_its_figures_are_shown() -> Result<()> {
    let cluster = Cluster::start(&["node-1", "node-2"])?;
    let source = cluster.running("web")?;
    cluster.create(&migration("move", "web"))?;
    cluster.play_until("a migration that has succeeded", |cluster| {
        let phase = cluster.phase_of_migration("move")?;
        Ok((phase == MigrationPhase::Succeeded).then_some(()))
    })?;
    assert_ne!(cluster.node_of("web")?, source);
    let migration: VirtualMachineInstanceMigration = cluster.get("move")?.expect("it is kept");
    let entered = migration.status.and_then(|it| it.phase_transition_timestamps);
    let entered: Vec<_> = entered.into_iter().flatten().map(|one| one.phase).collect();
    assert_eq!(
        entered,
        [
            MigrationPhase::Pending,
            MigrationPhase::Scheduling,
            MigrationPhase::Scheduled,
            MigrationPhase::PreparingTarget,
            MigrationPhase::TargetReady,
            MigrationPhase::Running,
            MigrationPhase::Succeeded,
        ]
    );
    let origins = migration.metadata.annotations.unwrap_or_default();
    assert!(origins["migration.ferry.dev/origins"].contains(r#""progressTimeout":""#));
    cluster.play_until("one pod", |cluster| Ok((cluster.pods()?.len() == 1).then_some(())))?;
    cluster.play_until("its events", |cluster| {
        let told = cluster.reasons("move")?;
        let expected = ["SuccessfulCreate", "SuccessfulHandOver", "SuccessfulMigration"];
        Ok((told == expected).then_some(()))
    })?;

    let figures = cluster.controller.page("/metrics")?.1;
    for line in [
        "kubevirt_vmi_migrations_in_running_phase 0",
        r#"kubevirt_vmi_migration_succeeded{namespace="default",vmi="web",vmim="move"} 1"#,
        r#"migration_phase_transition_time_from_creation_seconds_count{phase="Succeeded"} 1"#,
        r#"status="succeeded"} 1795694400"#,
    ] {
        assert!(figures.contains(line), "no {line} in\n{figures}");
    }
    Ok(())
}

#[test]
fn a_drained_node_is_emptied_within_the_limits() -> Result<()> {
    let cluster = Cluster::start(&["node-1", "node-2"])?;
    for name in ["a", "b", "c", "d"] {
        cluster.running(name)?;
    }
    let from = cluster.node_of("a")?;
    let taint =
        json!({ "spec": { "taints": [{ "key": "kubevirt.io/drain", "effect": "NoSchedule" }] } });
    cluster.patch::<Node>(&from, &taint)?;
    cluster.play_until("an empty node", |cluster| {
        let running = cluster.all::<VirtualMachineInstanceMigration>()?.into_iter().filter(|it| {
            let phase = it.status.as_ref().map(|status| status.phase).unwrap_or_default();
            phase > MigrationPhase::Pending && !phase.is_final()
        });
        assert!(running.count() <= 2, "parallelOutboundMigrationsPerNode");
        let pods: Vec<Pod> = cluster.all()?;
        let is_here = |pod: &Pod| pod.spec.as_ref()?.node_name.as_deref().map(|it| it == from);
        Ok((!pods.iter().any(|pod| is_here(pod) == Some(true))).then_some(()))
    })?;
    for name in ["a", "b", "c", "d"] {
        assert_eq!(cluster.phase_of_instance(name)?, VirtualMachineInstancePhase::Running);
    }
    Ok(())
}

#[test]
fn a_silent_node_is_reported_and_one_that_speaks_again_is_taken_back() -> Result<()> {
    let cluster = Cluster::with(&["node-1"], &["--node-grace", "1500ms"])?;
    cluster.play_until("a node that is not ready", |cluster| {
        Ok((cluster.health("node-1")? == "Unknown").then_some(()))
    })?;
    cluster.play_until("its taint", |cluster| {
        let node: Option<Node> = cluster.get("node-1")?;
        let taints = node.and_then(|it| it.spec?.taints).unwrap_or_default();
        Ok(taints.iter().any(|it| it.key == "node.kubernetes.io/unreachable").then_some(()))
    })?;
    cluster.play_until("the news", |cluster| {
        Ok(cluster.reasons("node-1")?.contains(&"NodeNotReady".to_owned()).then_some(()))
    })?;
    Ok(())
}

#[test]
fn hyperconverged_is_made_true_and_what_others_write_is_undone() -> Result<()> {
    let cluster = Cluster::start(&[])?;
    if cluster.get::<Namespace>(PLATFORM)?.is_none() {
        cluster.create(&json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": PLATFORM },
        }))?;
    }
    let wanted = json!({ "liveMigrationConfig": { "parallelMigrationsPerCluster": 7 } });
    if cluster.get::<HyperConverged>("kubevirt-hyperconverged")?.is_none() {
        cluster.create(&json!({
            "apiVersion": "hco.kubevirt.io/v1beta1", "kind": "HyperConverged",
            "metadata": { "name": "kubevirt-hyperconverged", "namespace": PLATFORM },
            "spec": wanted,
        }))?;
    } else {
        cluster.patch::<HyperConverged>("kubevirt-hyperconverged", &json!({ "spec": wanted }))?;
    }
    let limit = |cluster: &Cluster| -> Result<Option<u32>> {
        let kubevirt: Option<KubeVirt> = cluster.get("kubevirt-kubevirt-hyperconverged")?;
        let migrations = kubevirt.and_then(|it| it.spec.configuration?.migrations);
        Ok(migrations.and_then(|it| it.parallel_migrations_per_cluster))
    };
    cluster.play_until("the limit", |cluster| Ok(limit(cluster)?.filter(|limit| *limit == 7)))?;
    let other = json!({ "spec": { "configuration": { "migrations": { "parallelMigrationsPerCluster": 3 } } } });
    cluster.patch::<KubeVirt>("kubevirt-kubevirt-hyperconverged", &other)?;
    cluster.play_until("it to be undone", |cluster| Ok(limit(cluster)?.filter(|it| *it == 7)))?;
    cluster.play_until("the news", |cluster| {
        let told = cluster.reasons("kubevirt-hyperconverged")?;
        Ok(told.contains(&"Overwritten".to_owned()).then_some(()))
    })?;
    let figures = cluster.controller.page("/metrics")?.1;
    let counted = r#"kubevirt_hco_out_of_band_modifications_total{component_name="kubevirt/kubevirt-kubevirt-hyperconverged"} 1"#;
    assert!(figures.contains(counted), "{figures}");
    Ok(())
}
