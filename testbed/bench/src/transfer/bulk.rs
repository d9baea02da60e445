//! How fast memory that is full crosses, while the guest does nothing.

use anyhow::Result;
use ferry_harness::{Guest, GuestBuilder, Pair, Side};
use ferry_units::Bytes;

use crate::moves::{channels, cpu_per_gib, encrypt, total_time};
use crate::results::{Measured, Unit};
use crate::warm::warm;
use crate::yardstick::gigabytes_per_second;

/// A way to carry it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bulk {
    channels: u8,
    population: Population,
    security: Security,
}

/// When the destination's memory is populated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Population {
    Before,
    InsideTheClock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    Plain,
    Tls,
}

const fn bulk(channels: u8, population: Population, security: Security) -> Bulk {
    Bulk { channels, population, security }
}

/// Every way.
pub(super) const CASES: &[Bulk] = &[
    bulk(1, Population::Before, Security::Plain),
    bulk(2, Population::Before, Security::Plain),
    bulk(4, Population::Before, Security::Plain),
    bulk(2, Population::InsideTheClock, Security::Plain),
    bulk(1, Population::Before, Security::Tls),
    bulk(2, Population::Before, Security::Tls),
];

impl Bulk {
    pub(super) fn name(self) -> String {
        let population = match self.population {
            Population::Before => "",
            Population::InsideTheClock => " populating",
        };
        let security = match self.security {
            Security::Plain => "",
            Security::Tls => " tls",
        };
        format!("bulk {}{population}{security}", self.channels)
    }

    pub(super) fn take(self, memory: Bytes) -> Result<Vec<Measured>> {
        let guest = GuestBuilder::new().memory(memory).fill(memory).prealloc();
        let source = Guest::start(&guest)?;
        let destination = match self.population {
            Population::Before => guest.destination(),
            Population::InsideTheClock => {
                warm(memory)?;
                GuestBuilder::new().memory(memory).incoming("defer")
            }
        };
        let mut pair = Pair::of(source, Guest::start(&destination)?)?;
        channels(&pair, self.channels)?;
        if self.security == Security::Tls {
            encrypt(&pair)?;
        }
        let before = [pair.source.usage()?.cpu, pair.destination.usage()?.cpu];
        pair.migrate()?;
        pair.wait_completed()?;
        let after = [pair.source.usage()?.cpu, pair.destination.usage()?.cpu];
        let name = self.name();
        let speed = gigabytes_per_second(memory.get(), total_time(&pair)?);
        pair.verify(Side::Destination)?;
        let [source, destination] = cpu_per_gib(before, after, memory);
        Ok(vec![
            Measured::new(name.clone(), Unit::GigabytesPerSecond, speed),
            Measured::new(format!("{name}, source"), Unit::CpuSecondsPerGib, source),
            Measured::new(format!("{name}, destination"), Unit::CpuSecondsPerGib, destination),
        ])
    }
}
