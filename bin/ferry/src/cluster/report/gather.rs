//! Where the parts of a report come from.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ferry_api::kubevirt::{
    MigrationPhase, MigrationState, VirtualMachineInstance, VirtualMachineInstanceMigration,
};
use ferry_rpc::Story;
use k8s_openapi::api::core::v1::Event;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::Value;

use super::story::{PhaseEntered, Report, Setting, Told};
use crate::cluster::connection::Cluster;
use crate::cluster::resources::checked;
use crate::cluster::until::within;
use crate::cluster::{daemon, machine, migrate};

/// Where the controller writes down where each setting came from.
const ORIGINS: &str = "migration.ferry.dev/origins";

/// How long a daemon may take. A node that is gone is gone.
const ASK: Duration = Duration::from_secs(5);

/// The migration of that name, or the newest of the machine of that name.
pub(super) async fn find(cluster: &Cluster, name: &str) -> Result<VirtualMachineInstanceMigration> {
    let migrations = cluster.objects::<VirtualMachineInstanceMigration>();
    let named = migrations.get_opt(&checked(name)?).await;
    if let Some(migration) = named.map_err(|error| cluster.told(error))? {
        return Ok(migration);
    }
    match machine::migrations_of(cluster, name).await?.pop() {
        Some(newest) => Ok(newest),
        None => bail!(
            "namespace {} has no migration {name}, and none of a machine {name}",
            cluster.namespace
        ),
    }
}

/// All that is known of it.
pub(super) async fn gather(
    cluster: &Cluster,
    migration: VirtualMachineInstanceMigration,
) -> Result<Report> {
    let uid = migration.uid().context("a migration has a uid")?;
    let mut missing = Vec::new();
    let state = state(cluster, &migration, &uid, &mut missing).await?;
    let transfer = match transfer(cluster, &uid, state.source_node.as_deref()).await {
        Ok(story) => Some(story),
        Err(error) => {
            missing.push(format!("passes, rates and milestones: {error:#}"));
            None
        }
    };
    let phase = machine::phase(&migration);
    let reason = match phase {
        MigrationPhase::Failed => Some(migrate::reason(cluster, &migration).await),
        MigrationPhase::Unset
        | MigrationPhase::WaitingForSync
        | MigrationPhase::Synchronizing
        | MigrationPhase::Pending
        | MigrationPhase::Scheduling
        | MigrationPhase::Scheduled
        | MigrationPhase::PreparingTarget
        | MigrationPhase::TargetReady
        | MigrationPhase::Running
        | MigrationPhase::Succeeded => None,
    };
    Ok(Report {
        namespace: migration.namespace().unwrap_or_default(),
        migration: migration.name_any(),
        vm: migration.spec.vmi_name.clone(),
        phase: phase.to_string(),
        created: migration.creation_timestamp().map(|time| time.0.into()),
        mode: state.mode.map(|mode| format!("{mode:?}")),
        reason,
        abort_requested: state.abort_requested == Some(true)
            || migration.metadata.deletion_timestamp.is_some(),
        abort_status: state.abort_status.map(|status| format!("{status:?}")),
        waiting: migrate::waiting(&migration).map(str::to_owned),
        added_node_selector: migration.spec.added_node_selector.clone().unwrap_or_default(),
        policy: state.migration_policy_name.clone(),
        settings: settings(&migration, &state, &mut missing),
        phases: phases(&migration),
        events: events(cluster, &uid).await?,
        source_node: state.source_node,
        target_node: state.target_node,
        uid,
        transfer,
        missing,
    })
}

/// What the nodes have left of it: with the migration once it has ended, with the instance before.
async fn state(
    cluster: &Cluster,
    migration: &VirtualMachineInstanceMigration,
    uid: &str,
    missing: &mut Vec<String>,
) -> Result<MigrationState> {
    let own = migration.status.as_ref().and_then(|status| status.migration_state.as_ref());
    let is_own = |state: &MigrationState| state.migration_uid.as_deref() == Some(uid);
    if let Some(own) = own.filter(|state| is_own(state)) {
        return Ok(own.clone());
    }
    let instances = cluster.objects::<VirtualMachineInstance>();
    let instance = instances.get_opt(&migration.spec.vmi_name).await;
    let instance = instance.map_err(|error| cluster.told(error))?;
    let of_instance = instance.and_then(|one| one.status?.migration_state).filter(is_own);
    if of_instance.is_none() {
        missing.push("nodes and settings: the migration was not handed to nodes".to_owned());
    }
    Ok(of_instance.unwrap_or_default())
}

async fn transfer(cluster: &Cluster, uid: &str, node: Option<&str>) -> Result<Story> {
    let node = node.context("no node has sent anything")?;
    let asked = async { Ok(daemon::of_node(cluster, node).await?.story(uid).await?) };
    within(Some(ASK), asked).await.with_context(|| format!("node {node} does not answer"))?
}

fn settings(
    migration: &VirtualMachineInstanceMigration,
    state: &MigrationState,
    missing: &mut Vec<String>,
) -> BTreeMap<String, Setting> {
    let Some(configuration) = &state.migration_configuration else { return BTreeMap::new() };
    let written = migration.annotations().get(ORIGINS);
    let origins =
        written.and_then(|text| serde_json::from_str::<BTreeMap<String, String>>(text).ok());
    if origins.is_none() {
        missing.push(format!(
            "where settings came from: the migration has no annotation {ORIGINS} that says so"
        ));
    }
    let origins = origins.unwrap_or_default();
    let Ok(Value::Object(values)) = serde_json::to_value(configuration) else {
        return BTreeMap::new();
    };
    let sourced = |(name, value): (String, Value)| {
        let origin = origins.get(&name).cloned();
        (name, Setting { value, origin })
    };
    values.into_iter().map(sourced).collect()
}

fn phases(migration: &VirtualMachineInstanceMigration) -> Vec<PhaseEntered> {
    let status = migration.status.as_ref();
    let entered = status.and_then(|status| status.phase_transition_timestamps.as_ref());
    entered
        .into_iter()
        .flatten()
        .map(|one| PhaseEntered {
            phase: one.phase.to_string(),
            at: one.phase_transition_timestamp.0.into(),
        })
        .collect()
}

/// What was told of the migration, the first first.
async fn events(cluster: &Cluster, uid: &str) -> Result<Vec<Told>> {
    let of_it = ListParams::default().fields(&format!("involvedObject.uid={uid}"));
    let list =
        cluster.objects::<Event>().list(&of_it).await.map_err(|error| cluster.told(error))?;
    let mut told: Vec<Told> = list
        .items
        .into_iter()
        .map(|event| Told {
            at: event
                .last_timestamp
                .map(|time| time.0)
                .or(event.event_time.map(|time| time.0))
                .map(Into::into),
            type_: event.type_.unwrap_or_default(),
            reason: event.reason.unwrap_or_default(),
            message: event.message.unwrap_or_default(),
        })
        .collect();
    told.sort_by_key(|one| one.at);
    Ok(told)
}
