//! The links of a testbed: what they can be told, how they are, and what is made for them.
//!
//! There are two ways to make them, and [`Wiring`] is all that a testbed knows of either.

mod relays;

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use ferry_units::{Bytes, BytesPerSecond};
use serde::{Deserialize, Serialize};

pub use relays::serve_links;

use super::netns::Namespaces;
use super::topology::Links;
use super::{Dir, Plan, Role};
use crate::relay::RelayState;
use relays::Relays;

/// How the links of a testbed are made.
pub(crate) trait Wiring {
    /// Says what is missing on this machine for them, before anything is made.
    fn check(&self) -> Result<()>;

    /// Makes what has to be there before a daemon starts, if it is not there already.
    fn make(&self) -> Result<()>;

    /// Removes what [`make`](Self::make) has made, or a part of it where that was killed. No process of
    /// the testbed runs any more.
    fn remove(&self) -> Result<()>;

    /// What runs a daemon where it belongs.
    fn command(&self, role: &Role, program: &Path) -> Result<Command>;

    /// Tells a link something, by network and node, or all of them, and says how they are then.
    fn tell(&self, link: Option<(&str, &str)>, order: LinkOrder) -> Result<Vec<LinkState>>;
}

/// How the links of the testbed in `dir` are made.
pub(crate) fn wiring<'a>(dir: &'a Dir, plan: &'a Plan) -> Box<dyn Wiring + 'a> {
    match plan.topology.links {
        Links::Relays => Box::new(Relays::of(dir, plan)),
        Links::Namespaces => Box::new(Namespaces::of(dir, plan)),
    }
}

/// What a link can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do")]
pub enum LinkOrder {
    /// Close every connection. New ones are carried.
    Cut,
    /// Close every connection, and each new one at once: the cable is out.
    Unplug,
    /// Carry nothing, and close nothing.
    Stall,
    /// Carry at most so many bytes a second in each direction; without a rate, any number.
    Limit {
        /// The rate.
        rate: Option<BytesPerSecond>,
    },
    /// Deliver so much later, in each direction.
    Delay {
        /// How much later.
        micros: u64,
    },
    /// Be again as the topology says.
    Restore,
    /// Only say how it is.
    Show,
}

/// A link between a network and a node, and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkState {
    /// The network.
    pub network: String,
    /// The node.
    pub node: String,
    /// How it is, and what it has carried.
    #[serde(flatten)]
    pub state: LinkCondition,
}

/// How a link is, and what it has carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkCondition {
    /// It carries nothing, and closes nothing.
    pub stalled: bool,
    /// The cable is out: nobody gets a connection.
    pub refusing: bool,
    /// The most that it carries in each direction.
    pub limit: Option<BytesPerSecond>,
    /// How much later arrives what is sent, in microseconds.
    pub delay_micros: u64,
    /// How many connections there were so far, where a relay stands that knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<usize>,
    /// What went to the node so far.
    pub forth: Bytes,
    /// What came from it: answers, where a relay stands; all that it has sent, from a namespace.
    pub back: Bytes,
}

impl From<RelayState> for LinkCondition {
    fn from(state: RelayState) -> Self {
        Self {
            stalled: state.stalled,
            refusing: state.refusing,
            limit: state.limit,
            delay_micros: state.delay_micros,
            connections: Some(state.connections),
            forth: state.forth,
            back: state.back,
        }
    }
}
