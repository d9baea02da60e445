//! `ferry cancel`: the migration of a machine that is under way is given up.

use anyhow::{Result, bail};
use clap::Args;
use ferry_api::kubevirt::VirtualMachineInstanceMigration;
use kube::ResourceExt;
use kube::api::DeleteParams;

use super::ClusterArguments;
use super::connection::Cluster;
use super::machine;
use crate::output::{Printer, Status};

/// Cancel the migration of a virtual machine that is under way
///
/// The guest stays where it runs. Once a migration is in post-copy it cannot be cancelled: the
/// guest runs at the target already.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// The virtual machine
    vm: String,

    #[command(flatten)]
    cluster: ClusterArguments,
}

pub(super) async fn run(arguments: &Arguments, out: &mut Printer) -> Result<Status> {
    let cluster = Cluster::connect(&arguments.cluster).await?;
    let vm = &arguments.vm;
    let under_way = machine::migrations_of(&cluster, vm).await?;
    let under_way = under_way.iter().find(|one| !machine::phase(one).is_final());
    let Some(migration) = under_way else {
        bail!("Found no migration to cancel for {vm}");
    };
    delete(&cluster, &migration.name_any()).await?;
    out.line(&format!("VM {vm} was scheduled to migrate-cancel"))?;
    Ok(Status::Success)
}

/// Deletes a migration, which is how one is cancelled.
pub(super) async fn delete(cluster: &Cluster, migration: &str) -> Result<()> {
    let migrations = cluster.objects::<VirtualMachineInstanceMigration>();
    let answer = migrations.delete(migration, &DeleteParams::default()).await;
    answer.map_err(|error| cluster.told(error))?;
    Ok(())
}
