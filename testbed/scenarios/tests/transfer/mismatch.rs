//! A destination that is another machine is refused, and the source never noticed.

use anyhow::{Result, ensure};
use ferry_harness::{Direction, Disk, Guest, GuestBuilder, Pair, Side};
use ferry_qmp::words::MigrationStatus;
use ferry_scenarios::busy;
use ferry_units::Bytes;

fn is_refused(what: &str, source: &GuestBuilder, destination: &GuestBuilder) -> Result<()> {
    println!("{what}");
    let mut pair = Pair::of(Guest::start(source)?, Guest::start(&destination.destination())?)?;
    pair.listen_behind_relay()?;
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Failed)?;
    let why = pair.info(Side::Source)?.error_desc.unwrap_or_default();
    println!("  {why}");
    ensure!(why.to_lowercase().contains(what), "{why:?} does not speak of {what}");
    let sent = pair.relay()?.carried(Direction::Forth);
    ensure!(sent < Bytes::from_kib(64), "{sent} were sent before it was noticed");
    ensure!(pair.who_runs()? == Side::Source);
    pair.source.wait_progress()?;
    pair.verify(Side::Source).map(drop)
}

#[test]
fn another_machine_is_refused_before_anything_is_sent() -> Result<()> {
    let local = |size| Disk::Local { size: Bytes::from_mib(size) };
    let uuid = "11111111-2222-3333-4444-555555555555";
    for (what, source, destination) in [
        ("memory", busy(), busy().memory(Bytes::from_mib(64))),
        ("cpu", busy(), busy().cpus(1)),
        ("disk", busy().disk(local(4)), busy()),
        ("disk", busy(), busy().disk(local(4))),
        ("disk", busy().disk(local(4)), busy().disk(local(8))),
        ("uuid", busy(), busy().uuid(uuid)),
    ] {
        is_refused(what, &source, &destination)?;
    }
    Ok(())
}
