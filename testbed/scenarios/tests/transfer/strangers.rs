//! Whoever else knocks at a destination's door keeps its guest from nothing, and leaves nothing.

use std::fs;
use std::net::TcpStream;

use anyhow::{Context, Result, ensure};
use ferry_harness::{Guest, Pair, Side, wait_until};
use ferry_qmp::words::{Migrate, MigrateRecover, MigrationStatus};
use ferry_scenarios::{busy, let_go};
use ferry_units::Bytes;

/// How many files a guest has open.
fn files(guest: &Guest) -> Result<usize> {
    let list = fs::read_dir(format!("/proc/{}/fd", guest.id())).context("the guest's files")?;
    Ok(list.count())
}

#[test]
fn those_who_connect_and_say_nothing_keep_nobody_out() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.set(&let_go())?;
    let address = pair.listen()?;
    let silent: Vec<_> = (0..200).map(|_| TcpStream::connect(address)).collect::<Result<_, _>>()?;
    pair.migrate()?;
    pair.wait_completed()?;
    ensure!(pair.who_runs()? == Side::Destination);
    drop(silent);
    pair.verify(Side::Destination).map(drop)
}

#[test]
fn of_guests_that_were_refused_nothing_is_left() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.set(&let_go())?;
    let uri = format!("tcp:{}", pair.listen()?);
    let other = Guest::start(&busy().memory(Bytes::from_mib(16)).fill(Bytes::ZERO))?;
    let refused = || -> Result<()> {
        let migrate = Migrate { uri: Some(uri.clone()), ..Migrate::default() };
        other.qmp().execute(&migrate)?;
        wait_until("the end of a migration that is refused", || {
            let info = other.qmp().execute(&ferry_qmp::QueryMigrate)?;
            Ok((info.status == Some(MigrationStatus::Failed)).then_some(()))
        })
    };
    refused()?;
    let before = (files(&pair.destination)?, files(&other)?);
    for _ in 0..20 {
        refused()?;
    }
    // The last one may not be forgotten yet.
    let after = (files(&pair.destination)?, files(&other)?);
    ensure!(after.0 <= before.0 + 2 && after.1 <= before.1 + 2, "{before:?}, then {after:?}");
    pair.migrate()?;
    pair.wait_completed()?;
    pair.verify(Side::Destination).map(drop)
}

#[test]
fn a_place_that_was_named_for_a_recovery_is_closed_after_it() -> Result<()> {
    let mut pair = crate::recovery::post_copy()?;
    pair.relay()?.cut();
    crate::recovery::wait_paused(&pair)?;
    let mut places = Vec::new();
    for _ in 0..3 {
        let uri = "tcp:127.0.0.1:0".to_owned();
        pair.destination.qmp().execute_out_of_band(&MigrateRecover { uri })?;
        places.push(pair.address()?);
    }
    pair.look_anew();
    pair.resume(&format!("tcp:{}", places[2]))?;
    pair.wait_completed()?;
    for place in places {
        ensure!(TcpStream::connect(place).is_err(), "{place} is open");
    }
    pair.verify(Side::Destination).map(drop)
}
