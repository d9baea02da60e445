//! The process, from its start to its end.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use ferry_client::status::{self, Status};
use ferry_client::{Cache, Hands, Recorder, Source, Stopping, connect, stopping};
use ferry_reconcile::guest::Here;
use ferry_reconcile::presence::Presence;
use ferry_runtime::{Clock, signals};
use ferry_units::WallTime;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::Notify;

use crate::cli::NodeArguments;
use crate::cluster::{self, Keeper, Metrics, Review, Worker};
use crate::guests::{Guests, GuestsConfig, Qemu};
use crate::networks::Networks;
use crate::{host, rpc};

/// Who writes the fields that a node writes.
const MANAGER: &str = "ferry-node";

/// What the program tells of itself.
struct Node<K> {
    cache: Cache,
    keeper: Arc<K>,
    metrics: Arc<Metrics>,
}

impl<K: Keeper> Status for Node<K> {
    fn ready(&self) -> Result<(), String> {
        self.cache.ready()
    }

    fn metrics(&self) -> String {
        self.metrics.render(self.keeper.reports().len(), &self.keeper.progress())
    }
}

/// Works until the process is told to end. Guests run on.
pub(crate) fn serve(arguments: &NodeArguments, networks: Networks) -> anyhow::Result<()> {
    let (stop, stopping) = stopping();
    signals::on_termination(|| stop.tell())?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let served = runtime.block_on(serve_until(arguments, networks, stopping));
    runtime.shutdown_background();
    served
}

async fn serve_until(
    arguments: &NodeArguments,
    networks: Networks,
    stopping: Stopping,
) -> anyhow::Result<()> {
    let _own = own(&arguments.state_dir)?;
    let name = arguments.name.as_str();
    let client = connect(&arguments.kubeconfig).await?;
    let grpc = listen("--listen", arguments.listen()).await?;
    let told_at = listen("--status-listen", arguments.status_listen).await?;
    let machines = qemu(arguments).machines().await;
    let presence = presence(arguments, &networks, grpc.local_addr()?, machines)?;
    let changed = Arc::new(Notify::new());
    let gone = Arc::new(Notify::new());
    let cache = cluster::follow(&client, name, &changed, &gone, calendar);
    let keeper = Arc::new(guests(arguments, networks, &cache).await?);
    let source = Source::program(MANAGER).on(name);
    let (recorder, telling) = Recorder::start(client.clone(), source, calendar);
    let metrics = Arc::new(Metrics::new(name));
    tell(arguments, told_at, &cache, &keeper, &metrics, &stopping)?;

    tokio::spawn(cluster::renew(client.clone(), name.to_owned(), MANAGER, calendar));
    let sweeping = cluster::sweep(client.clone(), cache.clone(), Guests::clone(&keeper), gone);
    tokio::spawn(sweeping);
    let access = Review { client: client.clone(), node: name.to_owned() };
    let mut told = stopping.clone();
    let over = async move { told.told().await };
    let answering = rpc::serve(grpc, &arguments.identity, Guests::clone(&keeper), access, over);
    let working = Worker {
        here: Here {
            node: name.to_owned(),
            address: arguments.node_ip,
            networks: presence.networks.clone(),
        },
        presence,
        keeper,
        hands: Hands::new(client, cache.clone(), recorder, MANAGER),
        cache,
        changed,
        metrics,
        calendar,
    }
    .run(stopping.clone());
    tokio::select! {
        () = stopping.clone().finish(working, telling) => {}
        // It ends with the program, or because it cannot go on.
        Err(error) = answering => return Err(error),
    }
    tracing::info!("told to end; the guests run on");
    Ok(())
}

/// Keeps the guests, those first that are there already. They need no API server for that.
async fn guests(
    arguments: &NodeArguments,
    networks: Networks,
    cache: &Cache,
) -> anyhow::Result<Guests> {
    let nodes = cache.clone();
    let config = GuestsConfig {
        node: arguments.name.clone(),
        state_dir: arguments.state_dir.clone(),
        shared_storage: arguments.shared_storage.clone(),
        guest_program: host::guest_program(arguments.guest_program.as_deref())?,
        qemu: qemu(arguments),
        default_machine: arguments.default_machine,
        identity: arguments.identity.clone(),
        networks,
        migration_ports: arguments.migration_ports.clone(),
        semantics: arguments.semantics,
        peers: Arc::new(move |node| cluster::peer(&nodes, node)),
    };
    Guests::open(config).await
}

/// Makes the directory, and makes sure that no other process works in it. It is this one's for as long
/// as the file is open.
fn own(state_dir: &Path) -> anyhow::Result<File> {
    fs::create_dir_all(state_dir)
        .with_context(|| format!("cannot make --state-dir {}", state_dir.display()))?;
    let path = state_dir.join("lock");
    let lock = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            bail!("--state-dir {}: another ferry-node works in it", state_dir.display())
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

async fn listen(flag: &str, wanted: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(wanted).await.with_context(|| format!("cannot listen at {flag} {wanted}"))
}

fn qemu(arguments: &NodeArguments) -> Qemu {
    Qemu { program: arguments.qemu_program.clone(), accelerator: arguments.qemu_accelerator }
}

/// The node as it introduces itself.
fn presence(
    arguments: &NodeArguments,
    networks: &Networks,
    grpc: SocketAddr,
    machines: BTreeSet<String>,
) -> anyhow::Result<Presence> {
    Ok(Presence {
        name: arguments.name.clone(),
        address: arguments.node_ip,
        port: grpc.port(),
        networks: networks.names().map(str::to_owned).collect(),
        labels: arguments.labels(),
        taints: arguments.taints.clone(),
        memory: match arguments.memory {
            Some(memory) => memory,
            None => host::memory()?,
        },
        cpus: arguments.cpus.unwrap_or_else(host::cpus),
        cpu_model: arguments.cpu_model.clone(),
        machines,
        system: host::system(),
    })
}

/// Tells whoever asks how the program is.
fn tell<K: Keeper>(
    arguments: &NodeArguments,
    listener: TcpListener,
    cache: &Cache,
    keeper: &Arc<K>,
    metrics: &Arc<Metrics>,
    stopping: &Stopping,
) -> anyhow::Result<()> {
    let address = listener.local_addr().context("cannot tell where it listens")?;
    let path = arguments.state_dir.join("status-address");
    status::write_address(&path, address)
        .with_context(|| format!("cannot write {}", path.display()))?;
    tracing::info!(%address, "health and figures");
    let node =
        Node { cache: cache.clone(), keeper: Arc::clone(keeper), metrics: Arc::clone(metrics) };
    tokio::spawn(status::serve(listener, Arc::new(node), stopping.clone()));
    Ok(())
}

fn calendar() -> WallTime {
    Clock::system().calendar()
}
