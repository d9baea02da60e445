//! What is done to two machines between which memory moves, and what is asked of them, whichever
//! program they are.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use ferry_harness::{Guest, Pair, Side, certificates};
use ferry_qmp::qapi::StrOrNull;
use ferry_qmp::words::{
    MigrateSetParameters, MigrationCapability, MigrationStatus, ObjectAdd, ObjectKind,
    TlsCredsX509Properties, TlsEndpoint,
};
use ferry_units::Bytes;

/// So many connections.
pub(crate) fn channels(pair: &Pair, channels: u8) -> Result<()> {
    pair.enable(&[MigrationCapability::Multifd])?;
    pair.set(&MigrateSetParameters {
        multifd_channels: Some(channels),
        ..MigrateSetParameters::default()
    })
}

/// From the first state at the source to the last at both sides. A source may be done when what it
/// sent has not arrived yet.
pub(crate) fn total_time(pair: &Pair) -> Result<Duration> {
    let time = |side: Side, status| {
        let notice = pair.guest(side).qmp().wait_migration(pair.since(side), status)?;
        notice.at.as_duration().context("an event has a time")
    };
    let start = time(Side::Source, MigrationStatus::Setup)?;
    let sent = time(Side::Source, MigrationStatus::Completed)?;
    let arrived = time(Side::Destination, MigrationStatus::Completed)?;
    sent.max(arrived).checked_sub(start).context("it ends after it has begun")
}

/// What each side used of the processors between two moments.
pub(crate) fn cpu_per_gib(before: [Duration; 2], after: [Duration; 2], memory: Bytes) -> [f64; 2] {
    #[expect(clippy::cast_precision_loss, reason = "a figure of three digits")]
    let gib = memory.get() as f64 / f64::from(1 << 30);
    [0, 1].map(|side| after[side].saturating_sub(before[side]).as_secs_f64() / gib)
}

/// How long no vCPU ran, as both sides found out together; by their events where they do not say.
pub(crate) fn blackout(pair: &Pair) -> Result<Duration> {
    let told = pair.source.qmp().execute(&ferry_qmp::FerryStats).ok();
    match told.and_then(|stats| stats.blackout) {
        Some(nanos) => Ok(Duration::from_nanos(nanos)),
        None => pair.blackout(),
    }
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Has both speak TLS.
pub(crate) fn encrypt(pair: &Pair) -> Result<()> {
    let dir = pair.destination.dir();
    certificates(dir)?;
    trust(&pair.source, dir, TlsEndpoint::Client)?;
    trust(&pair.destination, dir, TlsEndpoint::Server)
}

fn trust(guest: &Guest, dir: &Path, endpoint: TlsEndpoint) -> Result<()> {
    let object = ObjectKind::TlsCredsX509(TlsCredsX509Properties {
        dir: Some(dir.to_string_lossy().into_owned()),
        endpoint: Some(endpoint),
        ..TlsCredsX509Properties::default()
    });
    guest.qmp().execute(&ObjectAdd { object, id: "tls0".to_owned() })?;
    guest.qmp().execute(&MigrateSetParameters {
        tls_creds: Some(StrOrNull::from("tls0")),
        ..MigrateSetParameters::default()
    })?;
    Ok(())
}
