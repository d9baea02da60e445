//! Durable creates, by so many writers at once: ferry, etcd, and what no server can exceed.

use std::time::Duration;

use anyhow::Result;
use ferry_harness::Program;
use http::Uri;

use super::client::{Connection, Endpoint, Put, Rpc, Streams, Verb};
use super::etcd::{Etcd, Transport};
use super::load::{Client, Load, block_on, run};
use super::objects::{CONFIG_MAPS, ConfigMaps};
use super::server::Server;
use super::standin::StandIn;
use crate::results::{Measured, Unit};

/// How many write at once.
pub(super) const WRITERS: [u32; 3] = [1, 16, 256];

/// The JSON of an object.
const SIZE: usize = 1024;

/// More writers than this share connections of HTTP/2, as etcd's own benchmark has it.
const SHARED_CONNECTIONS: usize = 4;

/// How long the yardstick is measured. It is steadier than what has a disk behind it.
const YARDSTICK: Duration = Duration::from_secs(1);

/// Creates objects, one after the other.
pub(super) struct Writer {
    connection: Connection,
    collection: Uri,
    objects: ConfigMaps,
}

impl Writer {
    /// So many, each with a connection of its own.
    pub(super) async fn open(
        endpoint: &Endpoint,
        objects: &ConfigMaps,
        count: u32,
    ) -> Result<Vec<Self>> {
        let mut writers = Vec::new();
        for _ in 0..count {
            writers.push(Self {
                connection: Connection::open(endpoint).await?,
                collection: Uri::from_static(CONFIG_MAPS),
                objects: objects.clone(),
            });
        }
        Ok(writers)
    }
}

impl Client for Writer {
    async fn ask(&mut self, number: u64) -> Result<()> {
        let body = self.objects.json(number);
        self.connection.send(Verb::Create, &self.collection, body).await?;
        Ok(())
    }
}

/// The same through a connection that it shares with others, as the parts of one program do.
struct StreamWriter {
    streams: Streams,
    collection: Uri,
    objects: ConfigMaps,
}

impl StreamWriter {
    async fn open(endpoint: &Endpoint, objects: &ConfigMaps, count: u32) -> Result<Vec<Self>> {
        let mut connections = Vec::new();
        for _ in 0..SHARED_CONNECTIONS.min(count as usize) {
            connections.push(Streams::open(endpoint).await?);
        }
        let shared = connections.iter().cycle().take(count as usize);
        shared
            .map(|streams| {
                let collection = streams.uri(CONFIG_MAPS)?;
                Ok(Self { streams: streams.clone(), collection, objects: objects.clone() })
            })
            .collect()
    }
}

impl Client for StreamWriter {
    async fn ask(&mut self, number: u64) -> Result<()> {
        let body = self.objects.json(number);
        self.streams.create(&self.collection, body).await
    }
}

/// Puts the same objects into etcd, under the keys that Kubernetes gives them.
struct Putter {
    rpc: Rpc,
    objects: ConfigMaps,
}

impl Client for Putter {
    async fn ask(&mut self, number: u64) -> Result<()> {
        let key = format!("/registry/configmaps/bench/{}", self.objects.name(number));
        let value = self.objects.json(number);
        self.rpc.put(Put { key: key.as_bytes(), value: &value }).await
    }
}

/// How ferry is spoken to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// By a connection of HTTP/1.1 for each writer.
    Connections,
    /// By as many connections of HTTP/2 as etcd.
    Streams,
}

/// Ferry.
pub(super) fn ferry(way: Way, writers: u32, span: Duration) -> Result<Vec<Measured>> {
    let server = Server::start()?;
    let before = server.cpu()?;
    let (load, name) = match way {
        Way::Connections => {
            (over_https(server.endpoint(), writers, span)?, format!("creates {writers}"))
        }
        Way::Streams => {
            let name = format!("creates by streams {writers}");
            (by_streams(server.endpoint(), writers, span)?, name)
        }
    };
    let cpu = server.cpu()?.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "a figure of three digits")]
    let each = cpu.as_secs_f64() * 1e6 / load.answers as f64;
    let mut figures = load.figures(&name);
    figures.push(Measured::new(format!("{name}, cpu of the server"), Unit::Microseconds, each));
    Ok(figures)
}

/// etcd.
pub(super) fn etcd(
    program: &Program,
    transport: Transport,
    writers: u32,
    span: Duration,
) -> Result<Vec<Measured>> {
    let etcd = Etcd::start(program, transport)?;
    let load = block_on(async {
        let mut connections = Vec::new();
        for _ in 0..SHARED_CONNECTIONS.min(writers as usize) {
            connections.push(etcd.connect().await?);
        }
        let shared = connections.iter().cycle().take(writers as usize);
        let objects = ConfigMaps::new("load-", SIZE);
        let mut putters: Vec<_> =
            shared.map(|rpc| Putter { rpc: rpc.clone(), objects: objects.clone() }).collect();
        // Answered once it has elected itself, which is nothing of this.
        putters[0].rpc.put(Put { key: b"/registry/ready", value: b"" }).await?;
        run(putters, span).await
    })?;
    let name = match transport {
        Transport::Plain => format!("etcd puts {writers}"),
        Transport::Tls => format!("etcd puts by TLS {writers}"),
    };
    Ok(load.figures(&name))
}

/// A server that answers at once: what the client, TLS and HTTP leave to any other.
pub(super) fn yardstick(writers: u32) -> Result<Vec<Measured>> {
    let stand_in = StandIn::start()?;
    let load = over_https(stand_in.endpoint(), writers, YARDSTICK)?;
    Ok(load.figures(&format!("yardstick https {writers}")))
}

fn over_https(endpoint: &Endpoint, writers: u32, span: Duration) -> Result<Load> {
    let objects = ConfigMaps::new("load-", SIZE);
    block_on(async { run(Writer::open(endpoint, &objects, writers).await?, span).await })
}

fn by_streams(endpoint: &Endpoint, writers: u32, span: Duration) -> Result<Load> {
    let objects = ConfigMaps::new("load-", SIZE);
    block_on(async { run(StreamWriter::open(endpoint, &objects, writers).await?, span).await })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_writers_create_over_tls() {
        let stand_in = StandIn::start().unwrap();
        let load = over_https(stand_in.endpoint(), 3, Duration::from_millis(100)).unwrap();
        assert!(load.rate > 0.0 && load.answers >= load.latencies.count() as u64);
        let names: Vec<_> = load.figures("x").into_iter().map(|each| each.figure).collect();
        assert_eq!(names, ["x", "x, p50", "x, p99"]);
    }

    #[test]
    fn an_answer_that_is_no_success_is_told() {
        let stand_in = StandIn::start().unwrap();
        let refused = block_on(async {
            let mut connection = Connection::open(stand_in.endpoint()).await?;
            connection.get("/elsewhere").await
        });
        assert!(refused.unwrap_err().to_string().contains("404 Not Found"));
    }
}
