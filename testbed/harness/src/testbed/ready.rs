//! Waiting for a cluster: for its API, and for its nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use futures::stream::{StreamExt, select};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Config, ResourceExt};

use super::daemons::Daemons;
use super::links::LinkOrder;
use super::{Dir, Role};

/// How long the API server may take until it serves. A journal of 10,000 objects is read in a second.
const API_LIMIT: Duration = Duration::from_secs(60);

/// How long nodes may take until they are Ready. They take a fraction of a second on an idle machine.
const NODES_LIMIT: Duration = Duration::from_secs(60);

/// How long the relays may take until they listen.
const RELAY_LIMIT: Duration = Duration::from_secs(10);

/// How long the controller may take until it knows all objects: 10,000 of them are read in a second.
const CONTROLLER_LIMIT: Duration = Duration::from_secs(60);

/// The longest answer that is read: a line with its code, some fields, and a line of text.
const LONGEST_ANSWER: u64 = 4 << 10;

/// How often to ask who does not serve yet.
const PAUSE: Duration = Duration::from_millis(10);

/// How long one question to it may take.
const QUESTION: Duration = Duration::from_secs(2);

/// How often to look whether the daemons that are waited for are still there.
const LOOK: Duration = Duration::from_millis(100);

/// Where nodes say that they are alive.
const LEASES: &str = "kube-node-lease";

/// A client that is the administrator of the cluster in `dir`.
pub(crate) async fn client(dir: &Dir) -> Result<Client> {
    let path = dir.kubeconfig();
    let kubeconfig = Kubeconfig::read_from(&path)
        .with_context(|| format!("reading the kubeconfig {}", path.display()))?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .with_context(|| format!("using the kubeconfig {}", path.display()))?;
    Client::try_from(config).context("a client of the API server")
}

/// Waits until the API serves.
pub(crate) async fn api(daemons: &Daemons) -> Result<Client> {
    let serving = async {
        loop {
            daemons.check_alive(&Role::ApiServer)?;
            // The kubeconfig is written once there is a server; until then it may be that of its
            // predecessor, or none.
            if let Ok(client) = client(&daemons.dir).await
                && let Ok(Ok(_)) = tokio::time::timeout(QUESTION, asked(&client)).await
            {
                return Ok(client);
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    if let Ok(client) = tokio::time::timeout(API_LIMIT, serving).await {
        return client;
    }
    let said = daemons.last_words(&Role::ApiServer).unwrap_or_default();
    bail!("the API server does not serve after {API_LIMIT:?}:\n{}", said.trim_end())
}

/// Waits until the relays answer, if there are any.
pub(crate) async fn links(daemons: &Daemons) -> Result<()> {
    if !daemons.plan.has_relays() {
        return Ok(());
    }
    let deadline = Instant::now() + RELAY_LIMIT;
    loop {
        daemons.check_alive(&Role::Relay)?;
        match daemons.tell(None, LinkOrder::Show) {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() >= deadline => {
                return Err(error).context("the relays do not answer");
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Waits until the controller knows all objects, and works.
pub(crate) async fn controller(daemons: &Daemons) -> Result<()> {
    let deadline = Instant::now() + CONTROLLER_LIMIT;
    while !says_ready(&daemons.dir.controller_address()) {
        daemons.check_alive(&Role::Controller)?;
        if Instant::now() >= deadline {
            let said = daemons.last_words(&Role::Controller).unwrap_or_default();
            bail!("the controller is not ready after {CONTROLLER_LIMIT:?}:\n{}", said.trim_end());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Whether the daemon whose status is served at the address in this file says that it is ready.
fn says_ready(file: &Path) -> bool {
    // It may not listen yet, or the file may be a predecessor's.
    status_answer(file, QUESTION).is_ok_and(|answer| answer.split(' ').nth(1) == Some("200"))
}

/// What the daemon answers, whose status is served at the address in this file, when it is asked
/// whether it is ready.
pub(super) fn status_answer(file: &Path, limit: Duration) -> io::Result<String> {
    let address = fs::read_to_string(file)?;
    let address = address.trim().parse::<SocketAddr>().map_err(io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(LONGEST_ANSWER).read_to_string(&mut answer)?;
    Ok(answer)
}

pub(super) async fn asked(client: &Client) -> Result<String> {
    let request = http::Request::get("/readyz").body(Vec::new()).context("a question")?;
    client.request_text(request).await.context("asking whether the server is ready")
}

/// What is known of a node.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    is_ready: bool,
    /// When it has last said that it is alive.
    renewed: Option<SystemTime>,
}

/// What is heard of a node.
enum News {
    Ready(bool),
    Renewed(Option<SystemTime>),
}

/// Waits until the nodes are Ready, each having said so after `since`: what a predecessor has said
/// does not count.
pub(crate) async fn nodes(
    daemons: &Daemons,
    client: &Client,
    wanted: &BTreeSet<String>,
    since: SystemTime,
) -> Result<()> {
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    let is_up = |known: &Known| known.is_ready && known.renewed.is_some_and(|at| at >= since);
    let waiting = async {
        let nodes = watcher(Api::<Node>::all(client.clone()), watcher::Config::default());
        let leases = Api::<Lease>::namespaced(client.clone(), LEASES);
        let leases = watcher(leases, watcher::Config::default());
        let nodes = nodes
            .default_backoff()
            .applied_objects()
            .map(|it| it.map(|node| (node.name_any(), News::Ready(is_ready(&node)))));
        let leases = leases
            .default_backoff()
            .applied_objects()
            .map(|it| it.map(|lease| (lease.name_any(), News::Renewed(renewed(&lease)))));
        let mut news = select(Box::pin(nodes), Box::pin(leases));
        let mut look = tokio::time::interval(LOOK);
        while !wanted.iter().all(|name| known.get(name).is_some_and(is_up)) {
            tokio::select! {
                // An error is of a connection, which the watcher makes anew.
                Some(Ok((name, news))) = news.next() => {
                    let known = known.entry(name).or_default();
                    match news {
                        News::Ready(is_ready) => known.is_ready = is_ready,
                        News::Renewed(renewed) => known.renewed = renewed,
                    }
                }
                _ = look.tick() => {
                    for role in daemons.roles() {
                        daemons.check_alive(&role)?;
                    }
                }
            }
        }
        Ok(())
    };
    if let Ok(outcome) = tokio::time::timeout(NODES_LIMIT, waiting).await {
        return outcome;
    }
    let mut message = format!("after {NODES_LIMIT:?} not every node is Ready");
    for name in wanted.iter().filter(|name| !known.get(*name).is_some_and(is_up)) {
        let said = daemons.last_words(&Role::Node(name.clone())).unwrap_or_default();
        message += "\n--- ";
        message += name;
        message += " is not; it has printed:\n";
        message += said.trim_end();
    }
    bail!(message)
}

fn renewed(lease: &Lease) -> Option<SystemTime> {
    let time = lease.spec.as_ref()?.renew_time.as_ref()?;
    Some(SystemTime::from(time.0))
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|each| each.type_ == "Ready" && each.status == "True")
}
