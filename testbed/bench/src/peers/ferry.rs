//! Ferry's guest among its peers.

use anyhow::Result;
use ferry_harness::{Guest, GuestBuilder, Pair, Side};
use ferry_qmp::words::Milliseconds;
use ferry_units::Bytes;

use super::work::{self, Work};
use crate::moves::{channels, encrypt};
use crate::warm::warm;

/// How it is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SetUp {
    /// As it comes: one connection, memory populated as it arrives.
    Default,
    /// Two connections, the destination's memory populated before.
    Best,
    /// The same over TLS 1.3.
    Tls,
}

/// Every way.
pub(super) const SET_UPS: &[SetUp] = &[SetUp::Default, SetUp::Best, SetUp::Tls];

impl super::SetUp for SetUp {
    fn name(&self) -> &'static str {
        match self {
            Self::Default => "ferry default",
            Self::Best => "ferry best",
            Self::Tls => "ferry tls",
        }
    }

    fn downtime(&self) -> Milliseconds {
        match self {
            Self::Default => Milliseconds(300),
            Self::Best | Self::Tls => Milliseconds(20),
        }
    }

    fn pair(&self, work: Work, memory: Bytes) -> Result<Pair> {
        let workload = work.walk.map_or_else(|| "idle".to_owned(), work::workload);
        let guest = GuestBuilder::new().memory(memory).fill(memory).workload(&workload);
        let source = Guest::start(&guest.clone().prealloc())?;
        if work.walk.is_some() {
            source.wait_progress()?;
        }
        warm(memory)?;
        let destination = match self {
            Self::Default => guest,
            Self::Best | Self::Tls => guest.prealloc(),
        };
        let pair = Pair::of(source, Guest::start(&destination.destination())?)?;
        match self {
            Self::Default => {}
            Self::Best => channels(&pair, 2)?,
            Self::Tls => {
                channels(&pair, 2)?;
                encrypt(&pair)?;
            }
        }
        Ok(pair)
    }

    fn check(&self, pair: &Pair, _: Work, _: Bytes) -> Result<()> {
        pair.verify(Side::Destination).map(drop)
    }
}
