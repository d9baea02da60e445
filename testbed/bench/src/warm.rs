//! Memory that the host has at hand.
//!
//! A virtual machine's hypervisor takes memory back that lies free, and takes longest of all to give
//! it again: 20 times what Linux takes for a huge page. A destination that populates its memory would
//! measure that. So as much is taken, touched and given back right before it starts. It wears off
//! within seconds, so what Linux hands out again is timed as well, as a yardstick.

use std::time::Instant;

use anyhow::Result;
use ferry_memory::{Loading, Populated};
use ferry_units::Bytes;

use crate::results::{Measured, Unit};
use crate::yardstick::gigabytes_per_second;

/// Takes that much, in huge pages where Linux gives them, and gives it back.
pub(super) fn warm(bytes: Bytes) -> Result<()> {
    populate(bytes).map(drop)
}

/// How fast Linux hands out what was given back just now.
pub(super) fn yardstick(bytes: Bytes) -> Result<Vec<Measured>> {
    warm(bytes)?;
    let start = Instant::now();
    let (memory, populated) = populate(bytes)?;
    let speed = gigabytes_per_second(bytes.get(), start.elapsed());
    drop(memory);
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let huge = populated.huge.get() as f64 * f64::from(2 << 20) / bytes.get() as f64;
    Ok(vec![
        Measured::new("yardstick population", Unit::GigabytesPerSecond, speed),
        Measured::new("yardstick population, in huge pages", Unit::Percent, huge * 100.0),
    ])
}

fn populate(bytes: Bytes) -> Result<(Loading, Populated)> {
    let memory = Loading::create("warm", bytes)?;
    let mut populated = Populated::default();
    for step in memory.ram().populate(memory.ram().whole())? {
        populated += step?;
    }
    Ok((memory, populated))
}
