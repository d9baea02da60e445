//! Leases that are renewed over and over: what they leave on the disk, and how long a flush takes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::Uri;
use tokio::task::JoinSet;

use super::client::{Connection, Endpoint, Verb};
use super::lists::mebibytes;
use super::load::block_on;
use super::metrics::Histogram;
use super::objects::{LEASES, lease};
use super::scan::text_after;
use super::server::Server;
use crate::results::{Measured, Unit};

/// So many nodes, each with a lease.
const LEASES_OF_NODES: u32 = 20;

/// The histogram of what a flush of the journal takes.
const FLUSH: &str = "ferry_journal_flush_seconds";

/// So many renewals, in two halves: what the second adds is what each further one would.
pub(super) fn take(renewals: u32) -> Result<Vec<Measured>> {
    let server = Server::start()?;
    let endpoint = server.endpoint();
    let each = renewals / LEASES_OF_NODES / 2;
    block_on(create(endpoint))?;
    let before = settled(&server)?;
    let first = block_on(renew(endpoint, each))?;
    let between = settled(&server)?;
    let second = block_on(renew(endpoint, each))?;
    let after = settled(&server)?;
    let took = first + second;
    let rate = f64::from(2 * each * LEASES_OF_NODES) / took.as_secs_f64();
    let mut figures = vec![
        Measured::new("leases renewed", Unit::PerSecond, rate),
        mebibytes("leases, growth of the data", after.saturating_sub(before)),
        mebibytes("leases, growth by the second half", after.saturating_sub(between)),
    ];
    let metrics =
        block_on(async { Connection::open(server.endpoint()).await?.get("/metrics").await })?;
    let metrics = String::from_utf8_lossy(&metrics);
    // A server of another version may not tell.
    if let Some(flushes) = Histogram::find(&metrics, FLUSH) {
        let millis = flushes.percentile(99) * 1e3;
        figures.push(Measured::new("flush, p99", Unit::Milliseconds, millis));
    }
    Ok(figures)
}

fn settled(server: &Server) -> Result<ferry_units::Bytes> {
    server.wait_until_it_rests()?;
    server.data()
}

fn name(node: u32) -> String {
    format!("node-{node}")
}

async fn create(endpoint: &Endpoint) -> Result<()> {
    let mut connection = Connection::open(endpoint).await?;
    let leases = Uri::from_static(LEASES);
    for node in 0..LEASES_OF_NODES {
        connection.send(Verb::Create, &leases, lease(&name(node), None, 0)).await?;
    }
    Ok(())
}

/// Every node renews its own so often, as fast as it can.
async fn renew(endpoint: &Endpoint, each: u32) -> Result<Duration> {
    let mut nodes = Vec::new();
    for node in 0..LEASES_OF_NODES {
        nodes.push(Node::open(endpoint, name(node)).await?);
    }
    let start = Instant::now();
    let mut loops = JoinSet::new();
    for node in nodes {
        loops.spawn_local(node.renew(each));
    }
    while let Some(outcome) = loops.join_next().await {
        outcome.context("a node")??;
    }
    Ok(start.elapsed())
}

/// Who renews a lease.
struct Node {
    connection: Connection,
    name: String,
    lease: Uri,
    version: String,
}

impl Node {
    async fn open(endpoint: &Endpoint, name: String) -> Result<Self> {
        let mut connection = Connection::open(endpoint).await?;
        let lease: Uri = format!("{LEASES}/{name}").parse().context("a path")?;
        let version = version(&connection.send(Verb::Get, &lease, Bytes::new()).await?)?;
        Ok(Self { connection, name, lease, version })
    }

    async fn renew(mut self, times: u32) -> Result<()> {
        for renewal in 1..=times {
            let body = lease(&self.name, Some(&self.version), u64::from(renewal));
            let answer = self.connection.send(Verb::Replace, &self.lease, body).await?;
            self.version = version(&answer)?;
        }
        Ok(())
    }
}

fn version(answer: &[u8]) -> Result<String> {
    let version = text_after(answer, r#""resourceVersion":""#);
    Ok(version.context("a lease has a version")?.to_owned())
}
