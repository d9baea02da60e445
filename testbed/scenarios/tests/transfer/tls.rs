//! Encrypted migrations, and those that should not trust each other.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ferry_harness::{Authority, Guest, Pair, Side, certificates};
use ferry_qmp::qapi::StrOrNull;
use ferry_qmp::words::{
    Migrate, MigrateSetParameters, MigrationCapability, MigrationStatus, ObjectAdd, ObjectKind,
    RunState, TlsCredsX509Properties, TlsEndpoint,
};
use ferry_scenarios::busy;

/// Gives a guest the certificates in `dir`.
fn trust(guest: &Guest, dir: &Path, endpoint: TlsEndpoint) -> Result<()> {
    let qmp = guest.qmp();
    let object = ObjectKind::TlsCredsX509(TlsCredsX509Properties {
        dir: Some(dir.to_string_lossy().into_owned()),
        endpoint: Some(endpoint),
        ..TlsCredsX509Properties::default()
    });
    qmp.execute(&ObjectAdd { object, id: "tls0".to_owned() })?;
    qmp.execute(&MigrateSetParameters {
        tls_creds: Some(StrOrNull::from("tls0")),
        ..MigrateSetParameters::default()
    })?;
    Ok(())
}

/// The migration fails with a reason, and the guest never noticed.
fn is_refused(mut pair: Pair) -> Result<()> {
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Failed)?;
    let why = pair.info(Side::Source)?.error_desc.unwrap_or_default();
    println!("{why}");
    ensure!(!why.is_empty(), "it says why");
    ensure!(pair.who_runs()? == Side::Source);
    pair.source.wait_progress()?;
    pair.verify(Side::Source).map(drop)
}

#[test]
fn every_connection_is_encrypted() -> Result<()> {
    let dir = tempfile::tempdir()?;
    certificates(dir.path())?;
    for capabilities in [&[][..], &[MigrationCapability::Multifd]] {
        println!("{capabilities:?}");
        let mut pair = Pair::start(&busy())?;
        pair.enable(capabilities)?;
        trust(&pair.source, dir.path(), TlsEndpoint::Client)?;
        trust(&pair.destination, dir.path(), TlsEndpoint::Server)?;
        pair.migrate()?;
        pair.wait_completed()?;
        ensure!(pair.who_runs()? == Side::Destination);
        pair.verify(Side::Destination)?;
    }
    Ok(())
}

#[test]
fn sides_of_different_authorities_refuse_each_other() -> Result<()> {
    let (ours, theirs) = (tempfile::tempdir()?, tempfile::tempdir()?);
    certificates(ours.path())?;
    certificates(theirs.path())?;
    let pair = Pair::start(&busy())?;
    trust(&pair.source, ours.path(), TlsEndpoint::Client)?;
    trust(&pair.destination, theirs.path(), TlsEndpoint::Server)?;
    is_refused(pair)
}

#[test]
fn a_destination_of_another_name_is_refused() -> Result<()> {
    let dir = tempfile::tempdir()?;
    Authority::new()?.issue(dir.path(), &["elsewhere.example"])?;
    let pair = Pair::start(&busy())?;
    trust(&pair.source, dir.path(), TlsEndpoint::Client)?;
    trust(&pair.destination, dir.path(), TlsEndpoint::Server)?;
    is_refused(pair)
}

#[test]
fn a_destination_of_another_name_is_accepted_by_that_name() -> Result<()> {
    let dir = tempfile::tempdir()?;
    Authority::new()?.issue(dir.path(), &["elsewhere.example"])?;
    let mut pair = Pair::start(&busy())?;
    trust(&pair.source, dir.path(), TlsEndpoint::Client)?;
    trust(&pair.destination, dir.path(), TlsEndpoint::Server)?;
    pair.source.qmp().execute(&MigrateSetParameters {
        tls_hostname: Some(StrOrNull::from("elsewhere.example")),
        ..MigrateSetParameters::default()
    })?;
    pair.migrate()?;
    pair.wait_completed()?;
    pair.verify(Side::Destination).map(drop)
}

#[test]
fn a_side_that_is_plain_is_refused() -> Result<()> {
    let dir = tempfile::tempdir()?;
    certificates(dir.path())?;
    let pair = Pair::start(&busy())?;
    trust(&pair.destination, dir.path(), TlsEndpoint::Server)?;
    is_refused(pair)?;
    let pair = Pair::start(&busy())?;
    trust(&pair.source, dir.path(), TlsEndpoint::Client)?;
    is_refused(pair)
}

#[test]
fn it_is_given_up_at_once_while_a_destination_says_nothing() -> Result<()> {
    let dir = tempfile::tempdir()?;
    certificates(dir.path())?;
    let mut pair = Pair::start(&busy())?;
    trust(&pair.source, dir.path(), TlsEndpoint::Client)?;
    let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
    pair.look_anew();
    let uri = Some(format!("tcp:{}", silent.local_addr()?));
    pair.source.qmp().execute(&Migrate { uri, ..Migrate::default() })?;
    // It waits for a word of the handshake.
    let _connection = silent.accept()?;
    let before = Instant::now();
    pair.cancel()?;
    pair.wait(Side::Source, MigrationStatus::Cancelled)?;
    let took = before.elapsed();
    ensure!(took < Duration::from_secs(5), "it took {took:?} to give up a peer that is silent");
    ensure!(pair.source.run_state()? == RunState::Running);
    // What was under way then is no concern of the next one.
    trust_nobody(&pair.source)?;
    pair.migrate()?;
    pair.wait_completed()?;
    pair.verify(Side::Destination).map(drop)
}

/// Connections of a guest are not protected any more.
fn trust_nobody(guest: &Guest) -> Result<()> {
    guest.qmp().execute(&MigrateSetParameters {
        tls_creds: Some(StrOrNull::from("")),
        ..MigrateSetParameters::default()
    })?;
    Ok(())
}
