//! What `query-migrate` tells depends on where the migration is.

use anyhow::{Context, Result, ensure};
use ferry_harness::{Guest, Pair, Side};
use ferry_qmp::words::{MigrateContinue, MigrationCapability, MigrationStatus};
use ferry_scenarios::{busy, hold_back, let_go};

const PRE_COPY: [&str; 5] = ["expected-downtime", "ram", "setup-time", "status", "total-time"];
const POST_COPY: [&str; 5] = ["downtime", "ram", "setup-time", "status", "total-time"];

/// The names of the members in the bytes that the guest really sends.
fn members(guest: &Guest) -> Result<Vec<String>> {
    let mut raw = guest.connect_raw()?;
    raw.negotiate()?;
    let answer = raw.ask("{'execute': 'query-migrate'}")?;
    let mut reader = ferry_qmp::json::Reader::new(ferry_qmp::json::Limits::ANSWERS);
    let json = reader.next(&mut answer.as_bytes()).context("an answer")??;
    let object = json.as_object().and_then(|answer| answer.get("return")?.as_object());
    let object = object.with_context(|| format!("{answer} has no object"))?;
    let mut names: Vec<_> = object.members().map(|(name, _)| name.to_owned()).collect();
    names.sort_unstable();
    Ok(names)
}

fn has(guest: &Guest, expected: &[&str]) -> Result<()> {
    let members = members(guest)?;
    ensure!(members == expected, "{members:?} instead of {expected:?}");
    Ok(())
}

#[test]
fn parity_members_depend_on_the_state() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    has(&pair.source, &[])?;
    has(&pair.destination, &[])?;
    pair.enable(&[MigrationCapability::PauseBeforeSwitchover])?;
    pair.set(&hold_back())?;
    pair.listen()?;
    has(&pair.destination, &["socket-address", "status"])?;
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Active)?;
    has(&pair.source, &PRE_COPY)?;
    pair.set(&let_go())?;
    let state = MigrationStatus::PreSwitchover;
    pair.wait(Side::Source, state)?;
    has(&pair.source, &PRE_COPY)?;
    pair.source.qmp().execute(&MigrateContinue { state })?;
    pair.wait_completed()?;
    has(&pair.source, &POST_COPY)
}

#[test]
fn parity_a_failure_has_a_text_and_no_figures() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.listen_behind_relay()?;
    pair.relay()?.refuse();
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Failed)?;
    has(&pair.source, &["error-desc", "status"])
}

#[test]
fn the_figures_add_up() -> Result<()> {
    let mut pair = Pair::start(&busy().workload("idle"))?;
    pair.listen_behind_relay()?;
    pair.migrate()?;
    pair.wait_completed()?;
    let ram = pair.info(Side::Source)?.ram.context("a completed migration has figures")?;
    let pages = ferry_units::PageSize::KIB_4.pages_in(ram.total);
    ensure!(ram.total == ferry_units::Bytes::from_mib(32) && ram.remaining.is_zero(), "{ram:?}");
    ensure!(ram.normal.get() + ram.duplicate.get() == pages.get(), "every page once: {ram:?}");
    ensure!(ram.normal_bytes.get() == ram.normal.get() * 4096, "{ram:?}");
    let carried = pair.relay()?.carried(ferry_harness::Direction::Forth);
    let off = carried.get().abs_diff(ram.transferred.get());
    ensure!(off * 100 <= carried.get(), "{carried} crossed, {} told", ram.transferred);
    Ok(())
}
