//! How fast memory that is full crosses, while the guest does nothing.

use anyhow::Result;
use ferry_harness::{Guest, GuestBuilder, Pair, Side, certificates};
use ferry_qmp::qapi::StrOrNull;
use ferry_qmp::words::{
    MigrateSetParameters, ObjectAdd, ObjectKind, TlsCredsX509Properties, TlsEndpoint,
};
use ferry_units::Bytes;

use super::warm::warm;
use super::{channels, cpu_per_gib, total_time};
use crate::results::{Measured, Unit};
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
        let dir = tempfile::tempdir()?;
        if self.security == Security::Tls {
            certificates(dir.path())?;
            trust(&pair.source, dir.path(), TlsEndpoint::Client)?;
            trust(&pair.destination, dir.path(), TlsEndpoint::Server)?;
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

fn trust(guest: &Guest, dir: &std::path::Path, endpoint: TlsEndpoint) -> Result<()> {
    let object = ObjectKind::TlsCredsX509(TlsCredsX509Properties {
        dir: Some(dir.to_string_lossy().into_owned()),
        endpoint: Some(endpoint),
        ..TlsCredsX509Properties::default()
    });
    guest.qmp().execute(&ObjectAdd { object, id: "tls0".to_owned() })?;
    guest.qmp().execute(&MigrateSetParameters {
        tls_creds: Some(StrOrNull::from("tls0")),
        ..MigrateSetParameters::default()
    })?;
    Ok(())
}
