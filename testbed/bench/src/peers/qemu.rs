//! QEMU among its peers.

use anyhow::{Context, Result};
use ferry_harness::{Pair, Program};
use ferry_qmp::words::{MigrateSetParameters, Milliseconds};
use ferry_qmp::{Cont, QueryMigrateParameters};
use ferry_units::Bytes;

use super::work::{Switch, Work};
use crate::moves::{channels, encrypt};
use crate::qemu::{self, Backing, Machine, Start};
use crate::warm::warm;

/// Connections at its best: what was fastest on two processors.
const CHANNELS: u8 = 4;

/// How it is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// As it comes: one connection, 128 MiB/s, memory populated as it arrives.
    Default,
    /// The same without the limit.
    Uncapped,
    /// Four connections, no limit, the destination's memory populated before. Post-copy has one.
    Best,
    /// The same over TLS.
    Tls,
}

/// Every way.
pub(super) const WAYS: &[Way] = &[Way::Default, Way::Uncapped, Way::Best, Way::Tls];

/// A way to move it, and the program.
pub(super) struct SetUp {
    pub(super) way: Way,
    pub(super) program: Program,
}

impl SetUp {
    fn machine(&self, work: Work, memory: Bytes) -> Machine<'_> {
        Machine { program: &self.program, memory, boots: work.walk }
    }
}

impl super::SetUp for SetUp {
    fn name(&self) -> &'static str {
        match self.way {
            Way::Default => "qemu default",
            Way::Uncapped => "qemu uncapped",
            Way::Best => "qemu best",
            Way::Tls => "qemu tls",
        }
    }

    fn downtime(&self) -> Milliseconds {
        match self.way {
            Way::Default | Way::Uncapped => Milliseconds(300),
            Way::Best | Way::Tls => Milliseconds(20),
        }
    }

    fn pair(&self, work: Work, memory: Bytes) -> Result<Pair> {
        let machine = self.machine(work, memory);
        let source = qemu::source(machine)?;
        let default = source.qmp().execute(&QueryMigrateParameters)?.max_bandwidth;
        let start = match work.walk {
            Some(sector) => {
                source.qmp().execute(&Cont)?;
                qemu::wait_round(&source, sector)?;
                Start::Runs
            }
            None => Start::StaysStopped,
        };
        warm(memory)?;
        let backing = match self.way {
            Way::Default | Way::Uncapped => Backing::AsItComes,
            Way::Best | Way::Tls => Backing::Populated,
        };
        let pair = Pair::of(source, qemu::destination(machine, backing, start)?)?;
        match self.way {
            // That there is no limit is how pairs are made.
            Way::Uncapped => {}
            Way::Default => pair.set(&MigrateSetParameters {
                max_bandwidth: default,
                ..MigrateSetParameters::default()
            })?,
            Way::Best | Way::Tls => {
                if work.switch == Switch::PreCopy {
                    channels(&pair, CHANNELS)?;
                }
                if self.way == Way::Tls {
                    encrypt(&pair)?;
                }
            }
        }
        Ok(pair)
    }

    fn check(&self, pair: &Pair, work: Work, memory: Bytes) -> Result<()> {
        match work.walk {
            None => qemu::compare(pair, memory).context("a guest that stood still"),
            Some(sector) => qemu::check_rounds(pair, sector).context("a guest that walked"),
        }
    }
}
