//! How long a guest stands still, by what it does and by what it allows.

use anyhow::Result;
use ferry_harness::{GuestBuilder, Pair, Side};
use ferry_qmp::words::{MigrateSetParameters, MigrationCapability, Milliseconds};
use ferry_units::Bytes;

use crate::moves::{blackout, channels, milliseconds, total_time};
use crate::results::{Measured, Unit};

/// A guest that works, and how long it may stand still.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blackout {
    pub(super) name: &'static str,
    workload: &'static str,
    limit: Milliseconds,
    /// The name of the figure that tells by how much the guest had to be slowed down.
    throttle: Option<&'static str>,
}

const fn busy(name: &'static str, workload: &'static str, limit: u64) -> Blackout {
    Blackout { name, workload, limit: Milliseconds(limit), throttle: None }
}

/// Every guest.
pub(super) const CASES: &[Blackout] = &[
    busy("idle 300 ms", "idle", 300),
    busy("idle 20 ms", "idle", 20),
    busy("hot 300 ms", "random,working-set=96Mi,rate=max", 300),
    busy("hot 20 ms", "random,working-set=96Mi,rate=max", 20),
    busy("100 MB/s 20 ms", "random,rate=96Mi", 20),
    Blackout {
        throttle: Some("throttle 500 MB/s"),
        ..busy("500 MB/s 300 ms", "random,rate=480Mi", 300)
    },
    busy("500 MB/s 20 ms", "random,rate=480Mi", 20),
];

impl Blackout {
    pub(super) fn take(&self, memory: Bytes) -> Result<Vec<Measured>> {
        let guest = GuestBuilder::new().memory(memory).fill(memory).prealloc();
        let mut pair = Pair::start(&guest.workload(self.workload))?;
        channels(&pair, 2)?;
        pair.set(&MigrateSetParameters {
            downtime_limit: Some(self.limit),
            ..MigrateSetParameters::default()
        })?;
        if self.throttle.is_some() {
            // It may be slowed down; the aim is that it need not be.
            pair.enable(&[MigrationCapability::AutoConverge])?;
        }
        if self.workload != "idle" {
            pair.source.wait_progress()?;
        }
        pair.migrate()?;
        pair.wait_completed()?;
        let info = pair.info(Side::Source)?;
        let ram = info.ram.unwrap_or_default();
        let name = self.name;
        #[expect(clippy::cast_precision_loss, reason = "a figure of three digits")]
        let mut measured = vec![
            Measured::new(
                format!("blackout {name}"),
                Unit::Milliseconds,
                milliseconds(blackout(&pair)?),
            ),
            Measured::new(
                format!("total {name}"),
                Unit::Milliseconds,
                milliseconds(total_time(&pair)?),
            ),
            Measured::new(
                format!("sent {name}"),
                Unit::Mebibytes,
                ram.transferred.get() as f64 / f64::from(1 << 20),
            ),
            Measured::new(format!("passes {name}"), Unit::Count, ram.dirty_sync_count as f64),
        ];
        if self.workload == "idle" {
            // As it is measured of QEMU.
            let by_events = milliseconds(pair.blackout()?);
            let figure = format!("blackout {name}, by events");
            measured.push(Measured::new(figure, Unit::Milliseconds, by_events));
        }
        if let Some(figure) = self.throttle {
            let percent = info.cpu_throttle_percentage.unwrap_or(0);
            #[expect(clippy::cast_precision_loss, reason = "at most 99")]
            measured.push(Measured::new(figure, Unit::Percent, percent as f64));
        }
        Ok(measured)
    }
}
