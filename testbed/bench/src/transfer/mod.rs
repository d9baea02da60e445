//! Migrations of memory: which cases there are.

mod blackout;
mod bulk;
mod cost;
mod criteria;
mod postcopy;
mod qemu;
mod sparse;

use anyhow::{Context, Result};
use ferry_harness::Program;
use ferry_units::Bytes;

use crate::cli::TransferOptions;
use crate::turns::Case;
use crate::{warm, yardstick};

pub(crate) use criteria::CRITERIA;

/// The cases.
///
/// # Errors
/// When there is nothing to measure.
pub(crate) fn cases(options: &TransferOptions) -> Result<Vec<Case>> {
    Program::ferry_guest().context("the guest to measure")?;
    let memory = options.memory();
    let mut cases = of_ferry(memory);
    if let Some(qemu) = Program::qemu() {
        cases.extend(of_qemu(&qemu, memory));
    }
    Ok(cases)
}

fn of_ferry(memory: Bytes) -> Vec<Case> {
    let mut cases = Vec::new();
    for streams in [1, 2] {
        cases.push(Case::new(format!("yardstick tcp {streams}"), move || {
            yardstick::tcp(streams, memory)
        }));
        cases.push(Case::new(format!("yardstick tls {streams}"), move || {
            yardstick::tls(streams, memory)
        }));
    }
    cases
        .push(Case::new("yardstick tcp 2, memory to memory", move || yardstick::memory(2, memory)));
    cases.push(Case::new("yardstick population", move || warm::yardstick(memory)));
    cases.extend(bulk::CASES.iter().map(|bulk| Case::new(bulk.name(), move || bulk.take(memory))));
    cases.push(Case::new("untouched 4 GiB", sparse::untouched));
    cases.push(Case::new("zeros", move || sparse::zeros(memory)));
    cases.extend(blackout::CASES.iter().map(|blackout| {
        Case::new(format!("blackout {}", blackout.name), move || blackout.take(memory))
    }));
    cases.push(Case::new("post-copy", move || postcopy::take(memory)));
    cases.push(Case::new("slowdown by tracking", move || cost::slowdown(memory)));
    cases.push(Case::new("overhead", move || cost::overhead(memory)));
    cases
}

fn of_qemu(program: &Program, memory: Bytes) -> Vec<Case> {
    let set_ups = qemu::CASES.iter().map(|set_up| {
        let program = program.clone();
        Case::new(set_up.name(), move || set_up.take(&program, memory))
    });
    let running = qemu::LIMITS.iter().map(|&limit| {
        let program = program.clone();
        Case::new(qemu::running(limit), move || qemu::take_running(&program, limit, memory))
    });
    set_ups.chain(running).collect()
}
