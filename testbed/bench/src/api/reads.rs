//! Reads while others write: a slow flush is none of theirs.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::Uri;

use super::client::{Connection, Endpoint, Verb};
use super::creates::Writer;
use super::latency::milliseconds;
use super::lists::load;
use super::load::{Client, block_on, run};
use super::objects::{CONFIG_MAPS, ConfigMaps};
use super::server::Server;
use crate::results::{Measured, Unit};

/// How many read at once.
const READERS: u32 = 4;

/// How many write meanwhile.
const WRITERS: u32 = 16;

/// What is read, over and over.
const OBJECTS: u32 = 1000;

/// What is written.
const SIZE: usize = 1024;

/// Reads objects, one after the other.
struct Reader {
    connection: Connection,
}

impl Client for Reader {
    async fn ask(&mut self, number: u64) -> Result<()> {
        let target = format!("{CONFIG_MAPS}/list-{:08}", number % u64::from(OBJECTS));
        let target: Uri = target.parse().context("a path")?;
        self.connection.send(Verb::Get, &target, Bytes::new()).await?;
        Ok(())
    }
}

async fn readers(endpoint: &Endpoint) -> Result<Vec<Reader>> {
    let mut readers = Vec::new();
    for _ in 0..READERS {
        readers.push(Reader { connection: Connection::open(endpoint).await? });
    }
    Ok(readers)
}

/// Reads alone, and beside writers.
pub(super) fn take(span: Duration) -> Result<Vec<Measured>> {
    let server = Server::start()?;
    let endpoint = server.endpoint();
    load(&server, OBJECTS)?;
    let alone = block_on(async { run(readers(endpoint).await?, span).await })?;
    let (beside, writes) = block_on(async {
        let readers = readers(endpoint).await?;
        let objects = ConfigMaps::new("load-", SIZE);
        let writers = Writer::open(endpoint, &objects, WRITERS).await?;
        let writing = tokio::task::spawn_local(run(writers, span));
        let reads = run(readers, span).await?;
        Ok((reads, writing.await.context("the writers")??))
    })?;
    let mut figures = alone.figures("gets");
    figures.extend(beside.figures("gets beside 16 writers"));
    let most = milliseconds(beside.latencies.most());
    figures.push(Measured::new("gets beside 16 writers, most", Unit::Milliseconds, most));
    figures.push(Measured::new("creates beside gets", Unit::PerSecond, writes.rate));
    Ok(figures)
}
