//! Accidents of every kind at any byte of a migration: whatever happens, one guest runs at most, it
//! is whole, both sides say what became of it, and a guest that has stayed can be moved.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use ferry_harness::{Direction, Disk, Guest, GuestBuilder, Pair, QmpError, Side, wait_until};
use ferry_qmp::words::{
    Empty, MigrateRecover, MigrateSetParameters, MigrationCapability, MigrationStatus, RunState,
    Yank, YankInstance,
};
use ferry_qmp::{MigratePause, MigrateStartPostcopy};
use ferry_scenarios::{Dice, busy, let_go, limits};
use ferry_units::{Bytes, BytesPerSecond};

use crate::soak::number;

/// How many accidents, unless it is said: under half a minute.
const ROUNDS: u64 = 16;

/// Nothing that happens here takes longer to be noticed.
const NOTICED: Duration = Duration::from_secs(30);

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Accident {
    Killed(Side),
    Frozen(Side),
    Paused(Side),
    Yanked(Side),
    Cut,
    Cancelled,
}

/// One migration that meets with an accident.
#[derive(Debug)]
struct Round {
    accident: Accident,
    /// After so much was carried.
    at: Bytes,
    is_postcopy: bool,
    connections: Option<u8>,
    disk: Option<DiskIs>,
}

#[derive(Clone, Copy, Debug)]
enum DiskIs {
    Local,
    Shared,
}

impl Round {
    fn draw(dice: &mut Dice) -> Self {
        use Accident::{Cancelled, Cut, Frozen, Killed, Paused, Yanked};
        let side = dice.one_of(&[Side::Source, Side::Destination]);
        Self {
            accident: dice.one_of(&[
                Killed(side),
                Frozen(side),
                Paused(side),
                Yanked(side),
                Cut,
                Cancelled,
            ]),
            at: Bytes::from_kib(dice.below(40 << 10)),
            is_postcopy: dice.below(2) == 0,
            connections: dice.one_of(&[None, Some(1), Some(4)]),
            disk: dice.one_of(&[None, Some(DiskIs::Local), Some(DiskIs::Shared)]),
        }
    }

    fn take(&self, seed: u64) -> Result<()> {
        let dir = tempfile::tempdir()?;
        let size = Bytes::from_mib(2);
        let guest = busy().seed(seed);
        let guest = match self.disk {
            None => guest,
            Some(DiskIs::Local) => guest.disk(Disk::Local { size }),
            Some(DiskIs::Shared) => {
                guest.disk(Disk::Shared { path: dir.path().join("shared.img"), size })
            }
        };
        let guest = match self.disk {
            None => guest,
            Some(_) => guest.workload("disk,disk-rate=2Mi,rate=20Mi"),
        };
        let mut pair = self.prepare(Guest::start(&guest)?, &guest)?;
        pair.set(&limits(BytesPerSecond::from_mib(64), ferry_qmp::words::Milliseconds(20)))?;
        pair.listen_behind_relay()?;
        pair.migrate()?;
        if self.is_postcopy {
            tolerated(pair.source.qmp().execute(&MigrateStartPostcopy))?;
        }
        wait_until("the moment", || {
            let is_there = pair.relay()?.carried(Direction::Forth) >= self.at;
            let is_over = !status(&pair, Side::Source)?.is_running();
            Ok((is_there || is_over).then_some(()))
        })?;
        let since = Instant::now();
        self.happen(&mut pair)?;
        settle(&mut pair)?;
        ensure!(since.elapsed() < NOTICED, "it took {:?} to end", since.elapsed());
        self.judge(pair, &guest)
    }

    fn prepare(&self, source: Guest, guest: &GuestBuilder) -> Result<Pair> {
        let pair = Pair::of(source, Guest::start(&guest.destination())?)?;
        if self.is_postcopy {
            pair.enable(&[MigrationCapability::PostcopyRam])?;
        }
        if self.connections.is_some() {
            pair.enable(&[MigrationCapability::Multifd])?;
            let multifd_channels = self.connections;
            pair.set(&MigrateSetParameters { multifd_channels, ..Default::default() })?;
        }
        Ok(pair)
    }

    fn happen(&self, pair: &mut Pair) -> Result<()> {
        match self.accident {
            Accident::Killed(Side::Source) => pair.source.kill(),
            Accident::Killed(Side::Destination) => pair.destination.kill(),
            Accident::Frozen(side) => {
                pair.guest(side).freeze()?;
                // The other one has time for whoever asks it, whatever it waits for.
                let other = match side {
                    Side::Source => Side::Destination,
                    Side::Destination => Side::Source,
                };
                let answered = (0..20).try_for_each(|_| status(pair, other).map(drop));
                pair.guest(side).thaw()?;
                answered
            }
            Accident::Paused(side) => {
                tolerated(pair.guest(side).qmp().execute_out_of_band(&MigratePause))
            }
            Accident::Yanked(side) => {
                let instances = vec![YankInstance::Migration(Empty {})];
                tolerated(pair.guest(side).qmp().execute_out_of_band(&Yank { instances }))
            }
            Accident::Cut => {
                pair.relay()?.cut();
                Ok(())
            }
            Accident::Cancelled => tolerated(pair.source.qmp().execute(&ferry_qmp::MigrateCancel)),
        }
    }

    /// Looks at what is left, and moves what can be moved.
    fn judge(&self, mut pair: Pair, guest: &GuestBuilder) -> Result<()> {
        let of = |guest: &mut Guest| -> Result<Option<RunState>> {
            if guest.is_alive()? { guest.run_state().map(Some) } else { Ok(None) }
        };
        let states = [of(&mut pair.source)?, of(&mut pair.destination)?];
        println!("  {states:?}");
        let runs = states.map(|state| state == Some(RunState::Running));
        match runs {
            [true, true] => anyhow::bail!("it runs at both sides"),
            [true, false] => self.moves_on(pair, guest),
            [false, true] => arrives(pair, states[0].is_some()),
            // It died with one of them, or was lost in the moment of the hand-over.
            [false, false] => {
                let is_killed = matches!(self.accident, Accident::Killed(_));
                let was_left = states[0] == Some(RunState::Postmigrate);
                ensure!(is_killed || was_left, "it runs nowhere");
                Ok(())
            }
        }
    }

    /// A guest that has stayed can be moved to a new destination.
    fn moves_on(&self, pair: Pair, guest: &GuestBuilder) -> Result<()> {
        pair.verify(Side::Source)?;
        let Pair { source, destination, .. } = pair;
        drop(destination);
        let mut again = self.prepare(source, guest)?;
        again.set(&let_go())?;
        again.migrate()?;
        again.wait_completed()?;
        ensure!(again.who_runs()? == Side::Destination);
        again.verify(Side::Destination).map(drop)
    }
}

/// A guest that runs at the destination is whole, if there is still somebody who has the rest.
fn arrives(mut pair: Pair, source_lives: bool) -> Result<()> {
    if status(&pair, Side::Destination)? == MigrationStatus::PostcopyPaused {
        if !source_lives || status(&pair, Side::Source)? != MigrationStatus::PostcopyPaused {
            return Ok(());
        }
        let uri = "tcp:127.0.0.1:0".to_owned();
        pair.destination.qmp().execute_out_of_band(&MigrateRecover { uri })?;
        pair.look_anew();
        pair.resume(&format!("tcp:{}", pair.address()?))?;
        pair.wait_completed()?;
    }
    pair.verify(Side::Destination).map(drop)
}

/// Lets both sides come to an end of this migration.
fn settle(pair: &mut Pair) -> Result<()> {
    for side in [Side::Source, Side::Destination] {
        if is_alive(pair, side)? {
            pair.guest(side).qmp().execute(&let_go())?;
        }
    }
    wait_until("an end", || {
        for side in [Side::Source, Side::Destination] {
            if !is_alive(pair, side)? {
                continue;
            }
            let status = status(pair, side)?;
            let awaits_another = side == Side::Destination && status == MigrationStatus::Setup;
            let is_paused = status == MigrationStatus::PostcopyPaused;
            if status.is_running() && !is_paused && !awaits_another {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
}

fn is_alive(pair: &mut Pair, side: Side) -> Result<bool> {
    match side {
        Side::Source => pair.source.is_alive(),
        Side::Destination => pair.destination.is_alive(),
    }
}

fn status(pair: &Pair, side: Side) -> Result<MigrationStatus> {
    Ok(pair.info(side)?.status.unwrap_or_default())
}

/// It may be too early or too late for that.
fn tolerated<T>(outcome: Result<T, QmpError>) -> Result<()> {
    match outcome {
        Ok(_) | Err(QmpError::Refused { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[test]
fn whatever_happens_one_guest_runs_at_most_and_is_whole() -> Result<()> {
    let rounds = number("FERRY_CHAOS_ROUNDS", ROUNDS)?;
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let seed = number("FERRY_CHAOS_SEED", since.as_secs())?;
    println!("FERRY_CHAOS_SEED={seed}");
    let mut dice = Dice::new(seed);
    for number in 1..=rounds {
        let round = Round::draw(&mut dice);
        println!("round {number}: {round:?}");
        let what = || format!("round {number} with FERRY_CHAOS_SEED={seed}: {round:?}");
        round.take(seed).with_context(what)?;
    }
    Ok(())
}
