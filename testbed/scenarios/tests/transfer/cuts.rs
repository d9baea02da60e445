//! The network fails after a byte, any byte: the guest runs at most once, and before the switch it
//! runs where it was.

use anyhow::{Result, bail, ensure};
use ferry_harness::{Direction, Guest, GuestBuilder, Pair, Side, wait_until};
use ferry_qmp::words::{MigrationStatus, RunState};
use ferry_units::Bytes;

/// In the last so many bytes of a direction it may be that the source has given the guest away and
/// does not know whether that was heard. Then it stands still at both sides, and says so.
const DOUBT: u64 = 256;

/// Idle, so that two moves are alike to the byte but for what is counted in them.
fn guest() -> GuestBuilder {
    let memory = Bytes::from_mib(16);
    GuestBuilder::new().memory(memory).fill(Bytes::from_mib(4))
}

/// What a whole move carries.
fn whole(direction: Direction) -> Result<u64> {
    let mut pair = Pair::start(&guest())?;
    pair.listen_behind_relay()?;
    pair.migrate()?;
    pair.wait_completed()?;
    let mut last = Bytes::ZERO;
    // The last byte is counted after it has arrived.
    let total = wait_until("all of it was counted", || {
        let now = pair.relay()?.carried(direction);
        let is_all = now == std::mem::replace(&mut last, now);
        Ok(is_all.then_some(now))
    })?;
    Ok(total.get())
}

/// Cuts there, and says who runs; nobody if it is in doubt.
fn cut(source: Guest, direction: Direction, after: u64) -> Result<(Pair, Option<Side>)> {
    let mut pair = Pair::of(source, Guest::start(&guest().destination())?)?;
    pair.listen_behind_relay()?;
    pair.relay()?.cut_after(direction, Bytes::new(after));
    pair.migrate()?;
    wait_until("the source is done", || {
        let status = pair.info(Side::Source)?.status.unwrap_or(MigrationStatus::None);
        Ok((!status.is_running()).then_some(()))
    })?;
    let states = (pair.source.run_state()?, pair.destination.run_state()?);
    let runs = match states {
        (RunState::Running, RunState::Running) => bail!("it runs at both sides"),
        (RunState::Running, _) => Some(Side::Source),
        (_, RunState::Running) => Some(Side::Destination),
        (_, _) => None,
    };
    Ok((pair, runs))
}

fn every_cut(direction: Direction) -> Result<()> {
    let total = whole(direction)?;
    let mut cuts: Vec<u64> = [0, 1, 2, 7, 16, 33, 64, 100, 150, 250, 500, 1000, 4000, 70_000]
        .into_iter()
        .chain((1..8).map(|eighth| total * eighth / 8))
        .chain([5000, 1000, 300, 100, 50, 20, 5, 1].map(|before| total.saturating_sub(before)))
        .filter(|after| *after < total)
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut source = Some(Guest::start(&guest())?);
    for after in cuts {
        println!("{direction:?}: {after} of {total}");
        let from = match source.take() {
            Some(source) => source,
            None => Guest::start(&guest())?,
        };
        let (pair, runs) = cut(from, direction, after)?;
        let is_near_end = after + DOUBT >= total;
        if let Some(side) = runs {
            ensure!(side == Side::Source || is_near_end, "it moved although it was cut");
            pair.verify(side)?;
        } else {
            ensure!(is_near_end, "the guest runs nowhere");
            let why = pair.info(Side::Source)?.error_desc.unwrap_or_default();
            println!("  in doubt: {why}");
            ensure!(!why.is_empty(), "the source says why it stands still");
        }
        if runs == Some(Side::Source) {
            source = Some(pair.source);
        }
    }
    Ok(())
}

#[test]
fn of_what_the_source_says() -> Result<()> {
    every_cut(Direction::Forth)
}

#[test]
fn of_what_the_destination_says() -> Result<()> {
    every_cut(Direction::Back)
}
