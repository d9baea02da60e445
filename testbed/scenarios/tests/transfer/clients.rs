//! Several clients at once hear and see the same.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Result, ensure};
use ferry_harness::{Mark, Pair, Side};
use ferry_qmp::QueryMigrate;
use ferry_qmp::words::{FerryVerify, MigrationStatus};
use ferry_scenarios::{busy, let_go};

#[test]
fn every_client_hears_of_every_state() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    let others: Vec<_> = (0..4).map(|_| pair.source.connect()).collect::<Result<_>>()?;
    pair.migrate()?;
    thread::scope(|scope| {
        let asked: Vec<_> = others
            .iter()
            .map(|qmp| {
                scope.spawn(|| -> Result<u64> {
                    let mut asked = 0;
                    loop {
                        asked += 1;
                        let status = qmp.execute(&QueryMigrate)?.status;
                        if status == Some(MigrationStatus::Completed) {
                            return Ok(asked);
                        }
                        ensure!(status != Some(MigrationStatus::Failed), "it failed");
                    }
                })
            })
            .collect();
        asked.into_iter().try_for_each(|thread| {
            let asked = thread.join().expect("it does not panic")?;
            println!("asked {asked} times");
            Ok::<(), anyhow::Error>(())
        })
    })?;
    pair.wait_completed()?;
    let first = pair.source.qmp().migration_states(pair.since(Side::Source));
    for qmp in &others {
        qmp.wait_migration(Mark::default(), MigrationStatus::Completed)?;
        ensure!(qmp.migration_states(Mark::default()) == first);
    }
    pair.verify(Side::Destination).map(drop)
}

#[test]
fn a_client_that_leaves_does_not_end_the_migration() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    let uri = format!("tcp:{}", pair.listen()?);
    let mut raw = pair.source.connect_raw()?;
    raw.negotiate()?;
    pair.look_anew();
    let answer =
        raw.ask(&format!("{{'execute': 'migrate', 'arguments': {{'uri': '{uri}'}}, 'id': 'x'}}"))?;
    ensure!(answer == r#"{"return": {}, "id": "x"}"#, "{answer}");
    drop(raw);
    pair.wait_completed()?;
    pair.verify(Side::Destination).map(drop)
}

#[test]
fn a_client_that_verifies_has_its_answer_wherever_the_guest_goes() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.set(&let_go())?;
    let prober = pair.source.connect()?;
    pair.listen()?;
    let is_over = AtomicBool::new(false);
    let checked = thread::scope(|scope| -> Result<u64> {
        let checks = scope.spawn(|| -> Result<u64> {
            let mut checks = 0;
            // One of them is under way when the guest is stopped for good.
            while !is_over.load(Ordering::Relaxed) {
                ensure!(prober.execute(&FerryVerify::default())?.wrong == 0);
                checks += 1;
            }
            Ok(checks)
        });
        let moved = pair.migrate().and_then(|()| pair.wait_completed());
        is_over.store(true, Ordering::Relaxed);
        let checks = checks.join().expect("it does not panic");
        moved.and(checks)
    })?;
    println!("checked {checked} times");
    pair.verify(Side::Destination).map(drop)
}
