//! Guests of which there is nothing to send.

use anyhow::Result;
use ferry_harness::{GuestBuilder, Pair, wait_until};
use ferry_units::Bytes;

use crate::moves::{milliseconds, total_time};
use crate::results::{Measured, Unit};

/// A guest that never wrote.
pub(super) fn untouched() -> Result<Vec<Measured>> {
    let pair = Pair::start(&GuestBuilder::new().memory(Bytes::from_gib(4)))?;
    time("untouched 4 GiB", pair)
}

/// A guest that wrote zeros all over.
pub(super) fn zeros(memory: Bytes) -> Result<Vec<Measured>> {
    let guest = GuestBuilder::new().memory(memory).prealloc();
    let pair = Pair::start(&guest.workload("sequential,rate=max,contents=zero"))?;
    wait_until("zeros all over", || Ok((pair.source.workload()?.written >= memory).then_some(())))?;
    pair.source.set_workload(idle())?;
    time("zeros", pair)
}

fn idle() -> ferry_qmp::words::Workload {
    ferry_qmp::words::Workload {
        pattern: ferry_qmp::words::WorkloadPattern::Idle(ferry_qmp::words::Empty {}),
        rate: None,
        working_set: None,
        read_share: None,
        contents: None,
    }
}

fn time(figure: &str, mut pair: Pair) -> Result<Vec<Measured>> {
    pair.migrate()?;
    pair.wait_completed()?;
    Ok(vec![Measured::new(figure, Unit::Milliseconds, milliseconds(total_time(&pair)?))])
}
