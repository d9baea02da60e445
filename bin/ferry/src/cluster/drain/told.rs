//! How each guest leaves, in a line for each step.

use std::collections::BTreeMap;

use anyhow::Result;
use ferry_api::kubevirt::{
    MigrationPhase, VirtualMachineInstance, VirtualMachineInstanceMigration,
};
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use super::guests::Guest;
use crate::cluster::connection::Cluster;
use crate::cluster::machine::phase;

/// What was told already.
#[derive(Default)]
pub(super) struct Told {
    /// Every guest that was seen on the node, by namespace and name.
    seen: BTreeMap<(String, String), Seen>,
}

/// What was told of a guest.
#[derive(Default)]
struct Seen {
    /// The migration and where it was.
    migration: Option<(String, MigrationPhase)>,
    /// Its pod has gone.
    is_away: bool,
}

impl Told {
    /// The lines that are new.
    pub(super) async fn of(
        &mut self,
        cluster: &Cluster,
        node: &str,
        guests: &[Guest],
    ) -> Result<Vec<String>> {
        for guest in guests {
            let seen = self.seen.entry((guest.namespace.clone(), guest.vm.clone())).or_default();
            seen.is_away = false;
        }
        let migrations: Api<VirtualMachineInstanceMigration> = Api::all(cluster.client.clone());
        let migrations = migrations.list(&ListParams::default()).await;
        let migrations = migrations.map_err(|error| cluster.told(error))?.items;
        let mut lines = Vec::new();
        for ((namespace, vm), seen) in &mut self.seen {
            let latest = latest(&migrations, namespace, vm);
            if let Some(migration) = latest
                && let Some(line) = seen.step(migration)
            {
                lines.push(format!("{namespace}/{vm}: {line}"));
            }
            let is_here = |guest: &Guest| guest.namespace == *namespace && guest.vm == *vm;
            if !seen.is_away && !guests.iter().any(is_here) {
                seen.is_away = true;
                let whereabouts = whereabouts(cluster, namespace, vm, node).await?;
                lines.push(format!("{namespace}/{vm}: {whereabouts}"));
            }
        }
        Ok(lines)
    }
}

impl Seen {
    /// The step that a migration has made since.
    fn step(&mut self, migration: &VirtualMachineInstanceMigration) -> Option<String> {
        let now = (migration.name_any(), phase(migration));
        let is_old = self.migration.is_none() && now.1.is_final();
        if self.migration.as_ref() == Some(&now) || is_old {
            return None;
        }
        self.migration = Some(now.clone());
        let (name, phase) = now;
        let state = migration.status.as_ref().and_then(|one| one.migration_state.as_ref());
        let reason = state.and_then(|state| state.failure_reason.as_deref());
        match (phase, reason) {
            (MigrationPhase::Unset, _) => None,
            (MigrationPhase::Failed, Some(reason)) => {
                Some(format!("migration {name}: Failed: {}", reason.trim()))
            }
            (phase, _) => Some(format!("migration {name}: {phase}")),
        }
    }
}

/// The newest migration of a guest.
fn latest<'a>(
    migrations: &'a [VirtualMachineInstanceMigration],
    namespace: &str,
    vm: &str,
) -> Option<&'a VirtualMachineInstanceMigration> {
    let is_of = |one: &&VirtualMachineInstanceMigration| {
        one.metadata.namespace.as_deref() == Some(namespace) && one.spec.vmi_name == vm
    };
    let born = |one: &VirtualMachineInstanceMigration| one.metadata.creation_timestamp.clone();
    migrations.iter().filter(is_of).max_by(|one, other| born(one).cmp(&born(other)))
}

/// Where a guest is that has left a node.
async fn whereabouts(cluster: &Cluster, namespace: &str, vm: &str, node: &str) -> Result<String> {
    let instances: Api<VirtualMachineInstance> = Api::namespaced(cluster.client.clone(), namespace);
    let instance = instances.get_opt(vm).await.map_err(|error| cluster.told(error))?;
    let now = instance.and_then(|instance| instance.status?.node_name);
    Ok(match now {
        Some(now) if now != node => format!("moved to {now}"),
        Some(_) | None => "shut down".to_owned(),
    })
}
