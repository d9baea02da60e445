//! Who serves: an API server or etcd, whoever creates there, and whoever watches.

use std::rc::Rc;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::Uri;
use tokio::task::JoinSet;

use super::watcher::{PREFIX, Watcher};
use crate::api::client::{Connection, Endpoint, Put, Rpc, Streams, Verb};
use crate::api::etcd::Address;
use crate::api::objects::{CONFIG_MAPS, ConfigMaps};
use crate::api::scan::text_after;

/// The JSON of an object.
const SIZE: usize = 1024;

/// Handshakes of one thread at the same time; many more would fill the server's queue of connections.
const HANDSHAKES: usize = 16;

/// Watches of one client that share a connection: as many as a controller of KubeVirt has.
const WATCHES_OF_A_CLIENT: u32 = 50;

/// Where the keys of Kubernetes' objects are in etcd.
const KEYS: &str = "/registry/configmaps/bench/";

/// How a watcher is reached.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// By a connection of its own.
    Connections,
    /// By a connection of HTTP/2 that it shares with others, as client-go does it.
    Streams,
}

/// A server.
#[derive(Clone)]
pub(super) enum Stage {
    /// One that speaks Kubernetes' API.
    Api { endpoint: Endpoint, way: Way },
    /// etcd, which speaks gRPC.
    Etcd(Address),
}

/// Whoever creates.
pub(super) enum Author {
    Api(Connection),
    Etcd(Rpc),
}

impl Stage {
    /// The clients of so many watchers: how many watches each has.
    pub(super) fn clients(&self, watchers: u32) -> Vec<u32> {
        let each = match self {
            Self::Api { way: Way::Connections, .. } => 1,
            Self::Api { way: Way::Streams, .. } | Self::Etcd(_) => WATCHES_OF_A_CLIENT,
        };
        let starts = (0..watchers).step_by(each as usize);
        starts.map(|start| each.min(watchers - start)).collect()
    }

    /// Whoever creates, and from where on whoever watches is to hear of it.
    pub(super) async fn author(&self) -> Result<(Author, String)> {
        match self {
            Self::Api { endpoint, .. } => {
                let mut connection = Connection::open(endpoint).await?;
                let list = connection.get(CONFIG_MAPS).await?;
                let version =
                    text_after(&list, r#""resourceVersion":""#).context("a list has a version")?;
                Ok((Author::Api(connection), version.to_owned()))
            }
            Self::Etcd(address) => {
                let mut rpc = address.connect().await?;
                // Answered once it has elected itself, which is nothing of this.
                rpc.put(Put { key: b"/registry/ready", value: b"" }).await?;
                Ok((Author::Etcd(rpc), String::new()))
            }
        }
    }

    /// Clients of so many watches each, all of which have been told that they begin.
    pub(super) async fn watch(&self, version: &str, clients: &[u32]) -> Result<Vec<Vec<Watcher>>> {
        let target = format!("{CONFIG_MAPS}?watch=true&resourceVersion={version}");
        match self {
            Self::Api { endpoint, way: Way::Connections } => {
                by_connections(endpoint, &target, clients.len()).await
            }
            Self::Api { endpoint, way: Way::Streams } => {
                let mut opened = Vec::new();
                for &count in clients {
                    let mut streams = Streams::open(endpoint).await?;
                    let mut watchers = Vec::new();
                    for _ in 0..count {
                        watchers.push(Watcher::of_answer(streams.follow(&target).await?));
                    }
                    opened.push(watchers);
                }
                Ok(opened)
            }
            Self::Etcd(address) => {
                let mut opened = Vec::new();
                for &count in clients {
                    let mut rpc = address.connect().await?;
                    let mut watchers = Vec::new();
                    for _ in 0..count {
                        watchers.push(Watcher::of_answer(rpc.watch(KEYS).await?));
                    }
                    opened.push(watchers);
                }
                Ok(opened)
            }
        }
    }
}

/// So many clients of one watch each.
async fn by_connections(
    endpoint: &Endpoint,
    target: &str,
    count: usize,
) -> Result<Vec<Vec<Watcher>>> {
    let request: Rc<str> = format!(
        "GET {target} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\n\r\n",
        endpoint.host()?.to_str()?
    )
    .into();
    let (mut opening, mut watchers) = (JoinSet::new(), Vec::new());
    for _ in 0..count {
        if opening.len() == HANDSHAKES
            && let Some(outcome) = opening.join_next().await
        {
            watchers.push(outcome??);
        }
        opening.spawn_local(Watcher::open(endpoint.clone(), Rc::clone(&request)));
    }
    while let Some(outcome) = opening.join_next().await {
        watchers.push(outcome??);
    }
    Ok(watchers.into_iter().map(|watcher| vec![watcher]).collect())
}

/// The objects of a run.
pub(super) fn objects() -> ConfigMaps {
    ConfigMaps::new(PREFIX, SIZE)
}

impl Author {
    /// Creates an object. It is durable when this returns.
    pub(super) async fn create(&mut self, name: &str, body: Bytes) -> Result<()> {
        match self {
            Self::Api(connection) => {
                let collection = Uri::from_static(CONFIG_MAPS);
                connection.send(Verb::Create, &collection, body).await?;
                Ok(())
            }
            Self::Etcd(rpc) => {
                let key = format!("{KEYS}{name}");
                rpc.put(Put { key: key.as_bytes(), value: &body }).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::load::block_on;
    use crate::api::standin::StandIn;

    #[test]
    fn a_watch_that_is_refused_is_told() {
        let stand_in = StandIn::start().unwrap();
        let refused = block_on(by_connections(stand_in.endpoint(), "/elsewhere", 1));
        let error = format!("{:#}", refused.err().unwrap());
        assert!(error.contains("404 Not Found"), "{error}");
    }
}
