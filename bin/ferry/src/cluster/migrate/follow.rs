//! Waiting for a migration: its phases from the API, its memory from the source node's daemon.

use std::pin::{Pin, pin};
use std::time::Duration;

use anyhow::{Context, Result};
use ferry_api::kubevirt::{
    MigrationPhase, VirtualMachineInstance, VirtualMachineInstanceMigration,
};
use ferry_rpc::Progress;
use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::ListParams;

use super::interrupt::{Wish, wish};
use super::teller::Teller;
use super::updates::{Update, updates};
use crate::cluster::cancel;
use crate::cluster::connection::Cluster;
use crate::cluster::machine::phase;
use crate::cluster::presses::Presses;
use crate::cluster::until::changes;

/// How often to look why a target pod has no node yet: what it is told changes with the nodes.
const LOOK_AT_THE_POD: Duration = Duration::from_secs(1);

/// On a pod: the uid of the migration that it is the target of.
const MIGRATION_UID: &str = "kubevirt.io/migrationJobUID";

/// The condition of a migration that somebody has asked to end.
const ABORT: &str = "migrationAbortRequested";

/// How waiting ended.
pub(crate) enum Followed {
    /// With the migration.
    Ended(Box<VirtualMachineInstanceMigration>, Option<Box<Progress>>),
    /// It is gone, as one that was cancelled early.
    Gone,
    /// It took longer than somebody wanted to wait; so it was then.
    TooLong(Box<VirtualMachineInstanceMigration>),
    /// Whoever waited has left.
    Left,
}

/// One wait.
struct Wait<'a, 'b> {
    cluster: &'a Cluster,
    uid: String,
    vm: String,
    teller: &'b mut Teller,
    last: VirtualMachineInstanceMigration,
    updates: Pin<Box<dyn Stream<Item = Update> + 'a>>,
    is_crossing: bool,
    progress: Option<Box<Progress>>,
}

/// Follows a migration to its end.
pub(crate) async fn follow(
    cluster: &Cluster,
    migration: &VirtualMachineInstanceMigration,
    limit: Option<Duration>,
    teller: &mut Teller,
) -> Result<Followed> {
    let mut presses = Presses::listen();
    let mut wait = Wait {
        cluster,
        uid: migration.uid().context("a migration has a uid")?,
        vm: migration.spec.vmi_name.clone(),
        teller,
        last: migration.clone(),
        updates: Box::pin(futures::stream::pending()),
        is_crossing: false,
        progress: None,
    };
    let migrations = cluster.objects::<VirtualMachineInstanceMigration>();
    let mut seen = pin!(changes(migrations, &migration.name_any()));
    let mut look = tokio::time::interval(LOOK_AT_THE_POD);
    let mut over = pin!(async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    });
    loop {
        tokio::select! {
            change = seen.next() => match change.flatten() {
                Some(migration) if migration.uid().as_ref() == Some(&wait.uid) => {
                    if let Some(end) = wait.change(migration).await {
                        return Ok(end);
                    }
                }
                Some(_) | None => return Ok(Followed::Gone),
            },
            Some(update) = wait.updates.next() => wait.update(update),
            _ = look.tick() => wait.look_at_the_pod().await,
            () = presses.next() => {
                if wait.is_left(&mut presses).await? {
                    return Ok(Followed::Left);
                }
            }
            () = &mut over => return Ok(Followed::TooLong(Box::new(wait.last))),
        }
    }
}

impl Wait<'_, '_> {
    /// The migration has changed.
    async fn change(&mut self, migration: VirtualMachineInstanceMigration) -> Option<Followed> {
        self.last = migration;
        let phase = phase(&self.last);
        if phase.is_final() {
            let migration = Box::new(self.last.clone());
            return Some(Followed::Ended(migration, self.progress.take()));
        }
        self.teller.phase(phase, waiting(&self.last));
        if phase == MigrationPhase::Running && !self.is_crossing {
            self.is_crossing = true;
            if let Some(node) = self.source().await {
                self.updates = Box::pin(updates(self.cluster, &node, &self.uid));
            }
        }
        None
    }

    /// The node that the guest leaves.
    async fn source(&self) -> Option<String> {
        let instances = self.cluster.objects::<VirtualMachineInstance>();
        let instance = instances.get_opt(&self.vm).await.ok().flatten()?;
        let status = instance.status?;
        let of_migration = status.migration_state.and_then(|state| state.source_node);
        of_migration.or(status.node_name)
    }

    fn update(&mut self, update: Update) {
        match update {
            Update::Progress(progress) => {
                self.teller.progress(&progress);
                self.progress = Some(progress);
            }
            Update::Deaf(why) => {
                self.teller.note(&format!("note: only phases can be shown: {why}"));
            }
        }
    }

    /// Tells why no node takes the target pod, while none does.
    async fn look_at_the_pod(&mut self) {
        let phase = phase(&self.last);
        if !matches!(phase, MigrationPhase::Pending | MigrationPhase::Scheduling) {
            return;
        }
        let labelled = ListParams::default().labels(&format!("{MIGRATION_UID}={}", self.uid));
        // What cannot be read now is read a second later.
        let Ok(pods) = self.cluster.objects::<Pod>().list(&labelled).await else { return };
        if let Some(why) = pods.items.iter().find_map(unscheduled) {
            self.teller.phase(phase, Some(&why));
        }
    }

    /// Whether whoever waits has had enough.
    async fn is_left(&self, presses: &mut Presses) -> Result<bool> {
        self.teller.pause();
        let wish = wish(&self.vm, presses).await;
        self.teller.resume();
        match wish {
            Wish::Leave => Ok(true),
            Wish::Stay => Ok(false),
            Wish::Cancel => {
                cancel::delete(self.cluster, &self.last.name_any()).await?;
                Ok(false)
            }
        }
    }
}

/// What a migration waits for, as its conditions say.
pub(crate) fn waiting(migration: &VirtualMachineInstanceMigration) -> Option<&str> {
    let conditions = migration.status.as_ref()?.conditions.as_ref()?;
    let holds = |type_: &str, status: &str| status == "True" && type_ != ABORT;
    let condition = conditions.iter().rfind(|one| holds(&one.type_, &one.status))?;
    condition.message.as_deref().or(condition.reason.as_deref())
}

/// Why a pod has no node.
fn unscheduled(pod: &Pod) -> Option<String> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let condition = conditions.iter().find(|one| one.type_ == "PodScheduled")?;
    if condition.status == "False" { condition.message.clone() } else { None }
}
