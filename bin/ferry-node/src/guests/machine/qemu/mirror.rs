//! Local disks, which QEMU does not move by itself: the target lends blank ones over NBD, the source
//! copies its own there and keeps the copies up to date, and the last writes cross while the guest
//! stands still between the two.
//!
//! ```text
//!   nothing ──copies begin──► copying ──all caught up──► migrate ─► pre-switchover
//!                                                                      │ copies end
//!                                                     completed ◄─ migrate-continue
//! ```
//!
//! Where a migration is on that way is asked of the machine each time, so whoever has been away goes on.

use std::net::SocketAddr;

use ferry_config::{Bandwidth, Tls};
use ferry_qmp::words::{
    BlockExportAdd, BlockExportMeans, BlockExportOptionsNbd, BlockJobCancel, BlockJobDismiss,
    BlockJobInfo, BlockdevDel, BlockdevDiscard, BlockdevDriverOptions, BlockdevMirror,
    BlockdevOnError, BlockdevOptions, BlockdevOptionsNbd, InetSocketAddress, JobStatus,
    MigrateContinue, MigrationCapability, MigrationInfo, MigrationStats, MigrationStatus,
    MirrorSyncMode, NbdServerStart, SocketAddress,
};
use ferry_qmp::{Execute, MigrateCancel, NbdServerStop, QueryBlockJobs, QueryMigrate};
use ferry_reconcile::guest::{Disk, GuestSpec, Migrate, MigrationMode};
use ferry_units::Bytes;

use super::node_of;
use crate::guests::machine::disks::{Moves, moves};
use crate::guests::machine::is_under_way;
use crate::guests::machine::transfer::{CREDENTIALS, Link, Listens, migrate, taken};
use crate::guests::qmp::{Qmp, QmpError};

/// What jobs that copy a disk are called before the number of the disk.
const JOB: &str = "mirror";

/// The disks that move, by their numbers.
fn moving(disks: &[Disk]) -> impl Iterator<Item = usize> {
    let moving = disks.iter().enumerate().filter(|(_, disk)| moves(disk) == Moves::Along);
    moving.map(|(index, _)| index)
}

fn has_moving(disks: &[Disk]) -> bool {
    moving(disks).next().is_some()
}

fn job_of(index: usize) -> String {
    format!("{JOB}{index}")
}

/// The source's name for a disk of the target.
fn remote_of(index: usize) -> String {
    format!("remote{index}")
}

/// Where disks are lent, beside where memory is awaited.
fn beside(memory: SocketAddr) -> Option<SocketAddr> {
    Some(SocketAddr::new(memory.ip(), memory.port().checked_add(1)?))
}

fn inet(at: SocketAddr) -> InetSocketAddress {
    let (host, port) = (at.ip().to_string(), at.port().to_string());
    InetSocketAddress { host, port, ..InetSocketAddress::default() }
}

fn credentials(link: Link<'_>) -> Option<String> {
    match link.settings.tls {
        Tls::Required => Some(CREDENTIALS.to_owned()),
        Tls::Disabled => None,
    }
}

/// What a migration can be told to do that only this machine needs.
pub(in crate::guests::machine) fn capabilities(link: Link<'_>) -> [(MigrationCapability, bool); 2] {
    [
        // What has come takes its disks when it is let go: until then they may be the source's.
        (MigrationCapability::LateBlockActivate, true),
        (MigrationCapability::PauseBeforeSwitchover, has_moving(link.disks)),
    ]
}

/// Lends the disks that come. `last` is the last port that may be taken.
pub(in crate::guests::machine) async fn open_disks(
    qmp: &Qmp,
    link: Link<'_>,
    memory: SocketAddr,
    last: u16,
) -> Result<Listens, QmpError> {
    if !has_moving(link.disks) {
        return Ok(Listens::Yes);
    }
    let Some(at) = beside(memory).filter(|at| at.port() <= last) else { return Ok(Listens::Taken) };
    // Those of an earlier daemon, which could not go on.
    quietly(qmp, &NbdServerStop).await?;
    let server = NbdServerStart {
        addr: SocketAddress::Inet(inet(at)).into(),
        tls_creds: credentials(link),
        tls_authz: None,
        max_connections: None,
    };
    match qmp.execute(&server).await {
        Ok(_) => {}
        Err(error) => return taken(error),
    }
    for index in moving(link.disks) {
        let name = Some(node_of(index));
        qmp.execute(&BlockExportAdd {
            means: BlockExportMeans::Nbd(BlockExportOptionsNbd { name }),
            id: format!("export{index}"),
            node_name: node_of(index),
            writable: Some(true),
        })
        .await?;
    }
    Ok(Listens::Yes)
}

/// Lends no disks any more.
pub(in crate::guests::machine) async fn close_disks(qmp: &Qmp) -> Result<(), QmpError> {
    quietly(qmp, &NbdServerStop).await
}

/// Begins to send a guest: its disks, if some move, or else its memory.
pub(in crate::guests::machine) async fn send(
    qmp: &Qmp,
    link: Link<'_>,
    order: &Migrate,
) -> Result<(), QmpError> {
    if !has_moving(link.disks) {
        return migrate(qmp, order).await;
    }
    tidy(qmp, link.disks).await?;
    let Some(at) = beside(SocketAddr::new(order.address, order.port)) else {
        return migrate(qmp, order).await;
    };
    let count = u64::try_from(moving(link.disks).count()).unwrap_or(1).max(1);
    let speed = match link.settings.bandwidth {
        Bandwidth::AtMost(rate) => i64::try_from(rate.get() / count).ok(),
        Bandwidth::Unlimited | Bandwidth::BelowZero => None,
    };
    for index in moving(link.disks) {
        let tls_creds = credentials(link);
        let nbd = BlockdevOptionsNbd {
            tls_hostname: tls_creds.as_ref().map(|_| order.target_node.clone()),
            tls_creds,
            ..BlockdevOptionsNbd::inet(inet(at), &node_of(index))
        };
        qmp.execute(&BlockdevOptions {
            driver: BlockdevDriverOptions::Nbd(nbd),
            node_name: Some(remote_of(index)),
            // What is blank stays blank there, and takes no place.
            discard: Some(BlockdevDiscard::Unmap),
            cache: None,
            read_only: None,
            detect_zeroes: None,
        })
        .await?;
        qmp.execute(&BlockdevMirror {
            job_id: Some(job_of(index)),
            device: node_of(index),
            target: remote_of(index),
            replaces: None,
            sync: MirrorSyncMode::Full,
            speed,
            granularity: None,
            buf_size: None,
            on_source_error: Some(BlockdevOnError::Report),
            on_target_error: Some(BlockdevOnError::Report),
            filter_node_name: None,
            copy_mode: None,
            auto_finalize: None,
            // It stays to be asked what went wrong.
            auto_dismiss: Some(false),
        })
        .await?;
    }
    Ok(())
}

/// How a migration is, with the disks that move as a part of it.
pub(in crate::guests::machine) async fn look(
    qmp: &Qmp,
    spec: &GuestSpec,
) -> Result<MigrationInfo, QmpError> {
    let mut info = qmp.execute(&QueryMigrate).await?;
    if !has_moving(&spec.disks) {
        return Ok(info);
    }
    let jobs = jobs(qmp).await?;
    if jobs.is_empty() {
        return Ok(info);
    }
    let (total, done) = jobs.iter().fold((0, 0), |(total, done), job| {
        (total + job.len.max(0).unsigned_abs(), done + job.offset.max(0).unsigned_abs())
    });
    let disks = (Bytes::new(total), Bytes::new(done));
    if !is_under_way(info.status.unwrap_or_default()) {
        match jobs.iter().find_map(|job| Some((job, job.error.as_ref()?))) {
            Some((job, error)) => {
                info.status = Some(MigrationStatus::Failed);
                info.error_desc = Some(format!("copying a disk ({}): {error}", job.device));
                return Ok(info);
            }
            None => info.status = Some(MigrationStatus::Active),
        }
        info.error_desc = None;
        // Memory has not begun to cross.
        let ram = info.ram.insert(MigrationStats::default());
        (ram.total, ram.remaining) = (spec.memory, spec.memory);
    }
    if let Some(ram) = &mut info.ram {
        ram.total = sum(ram.total, disks.0);
        ram.transferred = sum(ram.transferred, disks.1);
        ram.remaining = sum(ram.remaining, disks.0.saturating_sub(disks.1));
    }
    Ok(info)
}

/// Does what is next: memory follows disks, and the copies of disks end when the guest stands still.
pub(in crate::guests::machine) async fn drive(
    qmp: &Qmp,
    link: Link<'_>,
    order: &Migrate,
) -> Result<(), QmpError> {
    if !has_moving(link.disks) {
        return Ok(());
    }
    let status = qmp.execute(&QueryMigrate).await?.status;
    let jobs = jobs(qmp).await?;
    let is_sending = is_under_way(status.unwrap_or_default());
    if is_sending && jobs.iter().any(|job| job.error.is_some()) {
        // Why is asked of the job, once memory has stopped to cross.
        return qmp.execute(&MigrateCancel).await.map(drop);
    }
    let is_ready = |job: &BlockJobInfo| job.status == JobStatus::Ready;
    if !is_sending && !jobs.is_empty() && jobs.iter().all(is_ready) {
        return migrate(qmp, order).await;
    }
    if status != Some(MigrationStatus::PreSwitchover) {
        return Ok(());
    }
    for job in jobs.iter().filter(|job| is_ready(job)) {
        // A copy that is up to date ends well by that.
        quietly(qmp, &BlockJobCancel { device: job.device.clone(), force: None }).await?;
    }
    if jobs.iter().all(|job| job.status == JobStatus::Concluded) {
        tidy(qmp, link.disks).await?;
        qmp.execute(&MigrateContinue { state: MigrationStatus::PreSwitchover }).await?;
    }
    Ok(())
}

/// Whether a guest runs elsewhere, or was told to. An old QEMU would call a post-copy off all the same,
/// and nobody would have the guest then.
pub(in crate::guests::machine) async fn has_gone(
    qmp: &Qmp,
    mode: MigrationMode,
) -> Result<bool, QmpError> {
    let status = qmp.execute(&QueryMigrate).await?.status.unwrap_or_default();
    let is_post_copy = matches!(
        status,
        MigrationStatus::PostcopyActive
            | MigrationStatus::PostcopyPaused
            | MigrationStatus::PostcopyRecoverSetup
            | MigrationStatus::PostcopyRecover
    );
    Ok(is_post_copy || mode == MigrationMode::PostCopy)
}

/// Gives the copies up, as far as there are some.
pub(in crate::guests::machine) async fn cancel(qmp: &Qmp, disks: &[Disk]) -> Result<(), QmpError> {
    if !has_moving(disks) {
        return Ok(());
    }
    for job in jobs(qmp).await? {
        if job.status != JobStatus::Concluded {
            quietly(qmp, &BlockJobCancel { device: job.device, force: Some(true) }).await?;
        }
    }
    Ok(())
}

/// Removes what is left of copies that are over.
pub(in crate::guests::machine) async fn tidy(qmp: &Qmp, disks: &[Disk]) -> Result<(), QmpError> {
    for index in moving(disks) {
        quietly(qmp, &BlockJobDismiss { job: job_of(index) }).await?;
        quietly(qmp, &BlockdevDel { node_name: remote_of(index) }).await?;
    }
    Ok(())
}

/// The jobs that copy disks.
async fn jobs(qmp: &Qmp) -> Result<Vec<BlockJobInfo>, QmpError> {
    let mut jobs = qmp.execute(&QueryBlockJobs).await?;
    jobs.retain(|job| job.device.starts_with(JOB));
    Ok(jobs)
}

/// Tells the machine something that it refuses where there is nothing to do.
async fn quietly<C: Execute>(qmp: &Qmp, command: &C) -> Result<(), QmpError> {
    match qmp.execute(command).await {
        Ok(_) => Ok(()),
        Err(error) if error.refusal().is_some() => Ok(()),
        Err(error) => Err(error),
    }
}

fn sum(one: Bytes, other: Bytes) -> Bytes {
    Bytes::new(one.get().saturating_add(other.get()))
}
