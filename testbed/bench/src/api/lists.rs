//! Ten thousand objects: what they take to list, to hold in memory, and to start with.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::client::Connection;
use super::creates::Writer;
use super::latency::{Latencies, milliseconds};
use super::load::{Client, block_on};
use super::objects::{CONFIG_MAPS, ConfigMaps};
use super::scan::text_after;
use super::server::Server;
use crate::results::{Measured, Unit};

/// The JSON of an object.
const SIZE: usize = 2048;

/// How many write them.
const WRITERS: u32 = 16;

/// What kubectl asks for at once.
const PAGE: u32 = 500;

/// How often each list is read; half of them take less than the figure.
const TIMES: u32 = 3;

/// Lists, memory and starts with so many objects.
pub(super) fn take(objects: u32) -> Result<Vec<Measured>> {
    let mut server = Server::start()?;
    let empty = [time("start-up, empty", &server), memory("memory, empty", &server)?];
    load(&server, objects)?;
    let loaded = memory("memory, objects", &server)?;
    let lists = block_on(lists(&server, objects))?;
    let listed = memory("memory, objects, after lists", &server)?;
    server.crash()?;
    let crashed = time("start-up, objects, after a kill", &server);
    server.restart()?;
    let restarted = [
        time("start-up, objects", &server),
        memory("memory, objects, after a start", &server)?,
        mebibytes("data, objects", server.data()?),
    ];
    let figures = empty.into_iter().chain([loaded]).chain(lists).chain([listed, crashed]);
    Ok(figures.chain(restarted).collect())
}

fn time(name: &str, server: &Server) -> Measured {
    Measured::new(name, Unit::Milliseconds, milliseconds(server.start_up))
}

fn memory(name: &str, server: &Server) -> Result<Measured> {
    server.wait_until_it_rests()?;
    Ok(mebibytes(name, server.memory()?))
}

pub(super) fn mebibytes(name: &str, bytes: ferry_units::Bytes) -> Measured {
    #[expect(clippy::cast_precision_loss, reason = "a figure of three digits")]
    let mib = bytes.get() as f64 / f64::from(1 << 20);
    Measured::new(name, Unit::Mebibytes, mib)
}

/// Creates so many objects.
pub(super) fn load(server: &Server, objects: u32) -> Result<()> {
    let maps = ConfigMaps::new("list-", SIZE);
    block_on(async {
        let mut loops = tokio::task::JoinSet::new();
        let writers = Writer::open(server.endpoint(), &maps, WRITERS).await?;
        for (first, mut writer) in (0..u64::from(objects)).zip(writers) {
            loops.spawn_local(async move {
                for number in (first..u64::from(objects)).step_by(WRITERS as usize) {
                    writer.ask(number).await?;
                }
                Ok::<_, anyhow::Error>(())
            });
        }
        while let Some(outcome) = loops.join_next().await {
            outcome.context("a writer")??;
        }
        Ok(())
    })
}

async fn lists(server: &Server, objects: u32) -> Result<[Measured; 2]> {
    let mut connection = Connection::open(server.endpoint()).await?;
    let (mut whole, mut paged) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let start = Instant::now();
        let list = connection.get(CONFIG_MAPS).await?;
        whole.push(start.elapsed());
        let count = items(&list)?;
        ensure!(count == objects as usize, "a list has {count} objects of {objects}");
        let start = Instant::now();
        let count = pages(&mut connection).await?;
        paged.push(start.elapsed());
        let expected = objects.div_ceil(PAGE);
        ensure!(count == expected, "{count} pages, not {expected}");
    }
    let figure = |name: &str, times| {
        let value = milliseconds(Latencies::from(times).percentile(50));
        Measured::new(name, Unit::Milliseconds, value)
    };
    Ok([figure("list", whole), figure("list in pages of 500", paged)])
}

fn items(list: &[u8]) -> Result<usize> {
    let list: Value = serde_json::from_slice(list).context("a list is JSON")?;
    Ok(list["items"].as_array().context("a list has items")?.len())
}

async fn pages(connection: &mut Connection) -> Result<u32> {
    let first = format!("{CONFIG_MAPS}?limit={PAGE}");
    let (mut target, mut pages) = (first.clone(), 1);
    loop {
        let page = connection.get(&target).await?;
        match text_after(&page, r#""continue":""#) {
            Some(token) if !token.is_empty() => target = format!("{first}&continue={token}"),
            Some(_) | None => return Ok(pages),
        }
        pages += 1;
    }
}
