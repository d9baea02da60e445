//! Machines and migrations whose testbed is being broken: begun, waited for, and looked over.

use std::env;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ferry_api::kubevirt::{
    KubeVirt, VirtualMachineInstance, VirtualMachineInstanceMigration,
    VirtualMachineInstanceMigrationSpec, VirtualMachineInstancePhase,
};
use ferry_harness::{LIMIT, Testbed, What, wait_until};
use ferry_scenarios::Dice;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, ObjectMeta, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::copies::sockets;

/// The migration of a machine.
pub(crate) type Migration = VirtualMachineInstanceMigration;

/// Where HyperConverged and KubeVirt are.
const PLATFORM: &str = "openshift-cnv";

/// How often to ask the API server for what cannot be watched while it is killed.
const PAUSE: Duration = Duration::from_millis(50);

/// A machine of 64 MiB that writes to all of the 48 MiB that it has filled.
pub(crate) fn machine(name: &str, rate: &str) -> String {
    format!(
        "
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: {{name: {name}}}
spec:
  runStrategy: Always
  template:
    metadata:
      labels: {{app: {name}}}
      annotations:
        workload.ferry.dev/pattern: random,rate={rate}
        workload.ferry.dev/fill: 48Mi
    spec:
      evictionStrategy: LiveMigrate
      domain:
        memory: {{guest: 64Mi}}
        devices: {{}}
---
"
    )
}

/// Makes these members of `liveMigrationConfig` effective.
pub(crate) async fn configure(testbed: &Testbed, members: Value) -> Result<()> {
    let object = json!({
        "apiVersion": "hco.kubevirt.io/v1beta1", "kind": "HyperConverged",
        "metadata": { "name": "kubevirt-hyperconverged", "namespace": PLATFORM },
        "spec": { "liveMigrationConfig": &members },
    });
    testbed.apply(&object.to_string()).await?;
    let members = members.as_object().context("members")?;
    let are_so = |kubevirt: &KubeVirt| {
        let found = serde_json::to_value(kubevirt).unwrap_or_default();
        let found = &found["spec"]["configuration"]["migrations"];
        members.iter().all(|(key, value)| found[key] == *value)
    };
    let name = "kubevirt-kubevirt-hyperconverged";
    testbed.wait_for(PLATFORM, name, "the settings", are_so).await.map(drop)
}

/// Begins to move a machine; returns the migration's name.
pub(crate) async fn begin(testbed: &Testbed, machine: &str) -> Result<String> {
    let wanted = Migration {
        metadata: ObjectMeta {
            generate_name: Some(format!("{machine}-")),
            ..ObjectMeta::default()
        },
        spec: VirtualMachineInstanceMigrationSpec {
            vmi_name: machine.to_owned(),
            ..VirtualMachineInstanceMigrationSpec::default()
        },
        status: None,
    };
    let api = Api::<Migration>::default_namespaced(testbed.client());
    Ok(api.create(&PostParams::default(), &wanted).await?.name_any())
}

/// The phase of a migration.
pub(crate) fn phase(migration: &Migration) -> &'static str {
    migration.status.as_ref().map_or("", |status| status.phase.name())
}

/// Waits until a migration is in this phase.
pub(crate) async fn wait_phase(testbed: &Testbed, name: &str, wanted: &str) -> Result<Migration> {
    testbed.wait_for("default", name, wanted, |it: &Migration| phase(it) == wanted).await
}

/// Waits until a migration has succeeded or failed.
pub(crate) async fn wait_end(testbed: &Testbed, name: &str) -> Result<Migration> {
    let is_over = |it: &Migration| it.status.as_ref().is_some_and(|status| status.phase.is_final());
    testbed.wait_for("default", name, "the end of a migration", is_over).await
}

/// Waits until memory crosses, and returns the nodes that it leaves and comes to.
pub(crate) async fn wait_crossing(testbed: &Testbed, name: &str) -> Result<(String, String)> {
    let migration = wait_phase(testbed, name, "Running").await?;
    let instance = instance(testbed, &migration.spec.vmi_name).await?;
    let state = instance.status.and_then(|status| status.migration_state).context("a state")?;
    ensure!(state.migration_uid == migration.uid(), "{state:?}");
    Ok((state.source_node.context("a source")?, state.target_node.context("a target")?))
}

/// Waits until a guest runs before its memory is there.
pub(crate) async fn wait_post_copy(testbed: &Testbed, name: &str) -> Result<()> {
    let is_so = |it: &VirtualMachineInstance| {
        let state = it.status.as_ref().and_then(|status| status.migration_state.as_ref());
        serde_json::to_value(state).unwrap_or_default()["mode"] == "PostCopy"
    };
    testbed.wait_for("default", name, "post-copy", is_so).await.map(drop)
}

/// Waits until another instance of a machine runs than the one of this uid.
pub(crate) async fn wait_another(
    testbed: &Testbed,
    name: &str,
    before: Option<String>,
) -> Result<()> {
    let is_so = |it: &VirtualMachineInstance| {
        let phase = it.status.as_ref().and_then(|status| status.phase);
        it.uid() != before && phase == Some(VirtualMachineInstancePhase::Running)
    };
    // Between the two there is none, which ends a wait for one.
    let api = Api::<VirtualMachineInstance>::default_namespaced(testbed.client());
    let mut looks = tokio::time::interval(PAUSE);
    let deadline = Instant::now() + LIMIT;
    loop {
        looks.tick().await;
        let found = api.get_opt(name).await?;
        if found.as_ref().is_some_and(is_so) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "no other instance of {name}, but {found:?}");
    }
}

/// The node that a machine is on.
pub(crate) async fn node_of(testbed: &Testbed, name: &str) -> Result<String> {
    let instance = instance(testbed, name).await?;
    instance.status.and_then(|status| status.node_name).context("it has a node")
}

/// The instance of a machine.
pub(crate) async fn instance(testbed: &Testbed, name: &str) -> Result<VirtualMachineInstance> {
    Ok(Api::default_namespaced(testbed.client()).get(name).await?)
}

/// Checks every page of a machine against what it knows that it wrote.
pub(crate) fn verify(testbed: &Testbed, name: &str) -> Result<()> {
    let output = testbed.ferry(["verify", name])?;
    ensure!(output.code == 0, "{name}: {}{}", output.stdout, output.stderr);
    Ok(())
}

/// Dice that fall alike each time, unless `FERRY_SEED` says what they are to fall by.
pub(crate) fn dice() -> Result<Dice> {
    /// Any number.
    const SEED: u64 = 5;
    let given = env::var("FERRY_SEED").ok();
    let seed = given.map_or(Ok(SEED), |text| text.parse()).context("FERRY_SEED is a number")?;
    println!("FERRY_SEED={seed}");
    Ok(Dice::new(seed))
}

/// Lets a time go by in which something is to break: random, so nothing can be waited for.
pub(crate) fn let_pass(time: Duration) -> Result<()> {
    let begun = Instant::now();
    wait_until("a time", || Ok((begun.elapsed() >= time).then_some(())))
}

/// Waits until nothing of any copy is left but one for each of so many machines: its process, what its
/// node keeps of it, its pod.
pub(crate) async fn wait_tidy(testbed: &Testbed, machines: usize) -> Result<()> {
    let pods = Api::<Pod>::default_namespaced(testbed.client());
    let mut looks = tokio::time::interval(PAUSE);
    let deadline = Instant::now() + LIMIT;
    loop {
        looks.tick().await;
        let pods = pods.list(&ListParams::default()).await?.items.into_iter();
        let is_over = |phase: &String| phase == "Succeeded" || phase == "Failed";
        let pods = pods.filter_map(|pod| pod.status?.phase).filter(|it| !is_over(it)).count();
        let members = testbed.processes()?;
        let is_guest = |what: &What| matches!(what, What::Guest { .. });
        let guests = members.iter().filter(|member| is_guest(&member.what)).count();
        let kept = sockets(&testbed.dir().path().join("nodes")).len();
        if [pods, guests, kept] == [machines; 3] {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "{machines} machines, but {pods} pods, {guests} guests, {kept} directories: {members:?}"
        );
    }
}
