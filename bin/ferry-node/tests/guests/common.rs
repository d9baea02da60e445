//! Nodes of a cluster without an API server: what they are told, the tests tell them.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ferry_config::{Bandwidth, MigrationSettings, Permission, Semantics, Tls, TransferSize};
use ferry_harness::Program;
use ferry_node::guests::{Accelerator, Guests, GuestsConfig, Qemu};
use ferry_node::networks::Networks;
use ferry_node::rpc;
use ferry_reconcile::guest::{
    Arriving, Board, GuestReport, GuestSpec, GuestState, Leaving, LeavingEnd, Listen, Listening,
    MachineKind, Migrate, MigrationReport, Order, Stillness,
};
use ferry_rpc::server::Nobody;
use ferry_rpc::{GuestName, NodeClient};
use ferry_runtime::identity::{Identity, Role, VerifyPeer};
use ferry_units::{Bytes, BytesPerSecond, Downtime, SecondsPerGiB};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How long anything may take. Only a broken program needs it.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// The memory of guests that nothing else is said of.
pub(crate) const MEMORY: Bytes = Bytes::from_mib(32);

/// QEMU, where it is installed.
pub(crate) const QEMU: &str = "qemu-system-x86_64";

type Addresses = Arc<Mutex<BTreeMap<String, SocketAddr>>>;

/// Nodes that know each other.
pub(crate) struct Cluster {
    dir: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
    addresses: Addresses,
}

/// A node. Its guests end with it.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    config: GuestsConfig,
    listen: SocketAddr,
    addresses: Addresses,
    daemon: Option<Daemon>,
}

/// What of a node can be killed without its guests.
struct Daemon {
    guests: Guests,
    server: JoinHandle<()>,
}

impl Daemon {
    /// Nothing of it does anything from here on.
    fn end(&self) {
        self.guests.abandon();
        self.server.abort();
    }
}

impl Cluster {
    pub(crate) fn new() -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let dir = tempfile::Builder::new().prefix("ferry-node-").tempdir()?;
        Ok(Self { dir, authority, addresses: Addresses::default() })
    }

    /// The directory that everything is in.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Two nodes.
    pub(crate) async fn pair() -> Result<(Self, Node, Node)> {
        let cluster = Self::new()?;
        let (one, two) = (cluster.node("node-1").await?, cluster.node("node-2").await?);
        Ok((cluster, one, two))
    }

    pub(crate) async fn node(&self, name: &str) -> Result<Node> {
        let dir = self.dir.path().join(name);
        let identity = dir.join("identity");
        self.identify(&identity, name)?;
        let addresses = Arc::clone(&self.addresses);
        let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let config = GuestsConfig {
            node: name.to_owned(),
            state_dir: dir.join("state"),
            shared_storage: Some(self.dir.path().join("shared")),
            guest_program: Program::ferry_guest()?.path().to_owned(),
            qemu: Qemu { program: QEMU.into(), accelerator: Accelerator::Tcg },
            default_machine: MachineKind::Ferry,
            identity,
            networks: Networks::new(localhost, Vec::new())?,
            migration_ports: 49_152..=49_215,
            semantics: Semantics::Documented,
            peers: Arc::new(move |name| addresses.lock().unwrap().get(name).copied()),
        };
        let mut node = Node {
            name: name.to_owned(),
            dir: dir.join("state"),
            config,
            listen: SocketAddr::new(localhost, 0),
            addresses: Arc::clone(&self.addresses),
            daemon: None,
        };
        node.start().await?;
        Ok(node)
    }

    /// Certificates of a node.
    pub(crate) fn identify(&self, dir: &Path, name: &str) -> Result<()> {
        let user = format!("system:node:{name}");
        self.certify(dir, &[name, "localhost", "127.0.0.1"], &user, "system:nodes")
    }

    /// Certificates of a server of those names and a client of that name and group.
    pub(crate) fn certify(
        &self,
        dir: &Path,
        names: &[&str],
        user: &str,
        group: &str,
    ) -> Result<()> {
        fs::create_dir_all(dir)?;
        fs::write(dir.join("ca-cert.pem"), self.authority.pem())?;
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        self.sign(dir, "server", names, ExtendedKeyUsagePurpose::ServerAuth, user, group)?;
        self.sign(dir, "client", Vec::new(), ExtendedKeyUsagePurpose::ClientAuth, user, group)
    }

    fn sign(
        &self,
        dir: &Path,
        role: &str,
        names: Vec<String>,
        usage: ExtendedKeyUsagePurpose,
        user: &str,
        group: &str,
    ) -> Result<()> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, group);
        params.distinguished_name.push(DnType::CommonName, user);
        // As the API server's authority makes them.
        params.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![usage];
        let certificate = params.signed_by(&key, &self.authority)?;
        fs::write(dir.join(format!("{role}-cert.pem")), certificate.pem())?;
        fs::write(dir.join(format!("{role}-key.pem")), key.serialize_pem())?;
        Ok(())
    }

    /// A client of a node that shows those certificates.
    pub(crate) async fn client(&self, node: &Node, identity: &Path) -> Result<NodeClient> {
        let address = self.addresses.lock().unwrap().get(&node.name).copied();
        connect(identity, address.context("the node listens")?, &node.name).await
    }
}

pub(crate) async fn connect(identity: &Path, at: SocketAddr, name: &str) -> Result<NodeClient> {
    let identity = Identity::load(identity, Role::Client, VerifyPeer::Yes)?;
    let tls = identity.client().context("a client")?;
    Ok(NodeClient::connect(at, name, Arc::clone(tls)).await?)
}

impl Node {
    /// Starts the daemon, or what stands for it.
    pub(crate) async fn start(&mut self) -> Result<()> {
        let guests = Guests::open(self.config.clone()).await?;
        // Another port each time: somebody may have taken the last one meanwhile.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        self.listen = listener.local_addr()?;
        self.addresses.lock().unwrap().insert(self.name.clone(), self.listen);
        let (identity, asked) = (self.config.identity.clone(), guests.clone());
        let server = tokio::spawn(async move {
            rpc::serve(listener, &identity, asked, Nobody, std::future::pending())
                .await
                .expect("it has certificates");
        });
        self.daemon = Some(Daemon { guests, server });
        Ok(())
    }

    /// Ends the daemon as a crash would; its guests go on.
    pub(crate) async fn crash(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.end();
            // Connections that it has accepted go with the last of them.
            let _aborted = daemon.server.await;
        }
    }

    /// Ends the daemon as a crash would, and starts it again.
    pub(crate) async fn restart(&mut self) -> Result<()> {
        self.crash().await;
        self.start().await
    }

    /// With another network or program.
    pub(crate) async fn reconfigured(
        mut self,
        change: impl FnOnce(&mut GuestsConfig),
    ) -> Result<Self> {
        change(&mut self.config);
        self.restart().await?;
        Ok(self)
    }

    pub(crate) fn guests(&self) -> &Guests {
        &self.daemon.as_ref().expect("the daemon runs").guests
    }

    pub(crate) fn report(&self, pod: &str) -> Option<GuestReport> {
        self.guests().reports().into_iter().find(|report| report.pod_uid == pod)
    }

    /// Waits until a report says what is looked for.
    pub(crate) async fn wait<T>(
        &self,
        pod: &str,
        mut look: impl FnMut(&GuestReport) -> Option<T>,
    ) -> Result<T> {
        let mut changes = self.guests().subscribe();
        let found = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = self.report(pod).as_ref().and_then(&mut look) {
                    return found;
                }
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let found = tokio::time::timeout(LIMIT, found).await;
        found.with_context(|| format!("{} still reports {:?}", self.name, self.report(pod)))
    }

    pub(crate) async fn wait_state(&self, pod: &str, state: GuestState) -> Result<()> {
        let what = format!("waiting for {state:?}");
        self.wait(pod, |report| (report.state == state).then_some(())).await.context(what)
    }

    pub(crate) async fn wait_ended(&self, pod: &str) -> Result<ferry_reconcile::guest::GuestEnd> {
        self.wait(pod, |report| match &report.state {
            GuestState::Ended(end) => Some(end.clone()),
            _ => None,
        })
        .await
    }

    /// Has what is left of a guest removed, and waits until it is.
    pub(crate) async fn forget(&self, pod: &str) -> Result<()> {
        self.guests().order(Order::Forget { pod_uid: pod.to_owned() });
        let mut changes = self.guests().subscribe();
        while self.report(pod).is_some() {
            let told = tokio::time::timeout(LIMIT, changes.changed()).await;
            told.with_context(|| format!("{pod} is still known"))??;
        }
        Ok(())
    }

    pub(crate) async fn wait_left(&self, pod: &str) -> Result<LeavingEnd> {
        self.wait(pod, |report| leaving(report)?.end.clone()).await
    }

    /// Starts a guest, and waits until it runs.
    pub(crate) async fn run(&self, spec: &GuestSpec) -> Result<()> {
        self.guests().order(Order::Start(spec.clone()));
        self.wait_state(&spec.pod_uid, GuestState::Running).await
    }

    /// Awaits a guest, and says where.
    pub(crate) async fn expect(
        &self,
        spec: &GuestSpec,
        migration: &str,
        settings: &MigrationSettings,
        channels: u8,
    ) -> Result<Listening> {
        self.guests().order(Order::Await(spec.clone()));
        self.wait_state(&spec.pod_uid, GuestState::Waiting).await?;
        self.guests().order(Order::Listen(Listen {
            pod_uid: spec.pod_uid.clone(),
            migration_uid: migration.to_owned(),
            settings: settings.clone(),
            channels,
        }));
        self.wait(&spec.pod_uid, |report| arriving(report)?.listening).await
    }

    /// The number of a guest's process, as its journal has it.
    pub(crate) fn pid(&self, pod: &str) -> Result<u32> {
        let journal = fs::read_to_string(self.guest_dir(pod).join("guest.json"))?;
        let journal: serde_json::Value = serde_json::from_str(&journal)?;
        let pid = journal["process"]["pid"].as_u64().context("a process")?;
        Ok(u32::try_from(pid)?)
    }

    pub(crate) fn signal(&self, pod: &str, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid(pod)?)?;
        kill(Pid::from_raw(pid), signal).context("a signal")
    }

    pub(crate) fn guest_dir(&self, pod: &str) -> PathBuf {
        self.dir.join("guests").join(pod)
    }

    /// Checks every page of the guest there, and that it works.
    pub(crate) async fn verify(&self, cluster: &Cluster, name: &str) -> Result<()> {
        let client = cluster.client(self, &self.config.identity).await?;
        let found = client.verify(&GuestName::new("shop", name)).await?;
        ensure!(found.wrong == 0 && found.pages > 0, "{found:?}");
        Ok(())
    }

    /// Where its daemon listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listen
    }

    pub(crate) fn identity(&self) -> &Path {
        &self.config.identity
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // The daemon first, which would start what is killed again, or ask for it, or write that it has
        // ended where nothing is to be left.
        if let Some(daemon) = self.daemon.take() {
            daemon.end();
        }
        for entry in fs::read_dir(self.dir.join("guests")).into_iter().flatten().flatten() {
            let pod = entry.file_name().to_string_lossy().into_owned();
            let is_ours = self.pid(&pod).is_ok_and(|pid| {
                let cwd = fs::read_link(format!("/proc/{pid}/cwd"));
                cwd.is_ok_and(|cwd| cwd.ends_with(format!("guests/{pod}")))
            });
            if is_ours {
                let _ended = self.signal(&pod, Signal::SIGKILL);
            }
        }
    }
}

pub(crate) fn leaving(report: &GuestReport) -> Option<&Leaving> {
    match &report.migration {
        Some(MigrationReport::Leaving(leaving)) => Some(leaving),
        _ => None,
    }
}

pub(crate) fn arriving(report: &GuestReport) -> Option<&Arriving> {
    match &report.migration {
        Some(MigrationReport::Arriving(arriving)) => Some(arriving),
        _ => None,
    }
}

/// A guest in a pod that works on something.
pub(crate) fn guest(pod: &str, workload: &[(&str, &str)]) -> GuestSpec {
    let workload = workload.iter().map(|(word, value)| ((*word).to_owned(), (*value).to_owned()));
    GuestSpec {
        pod_uid: pod.to_owned(),
        pod_name: format!("virt-launcher-db-{pod}"),
        namespace: "shop".to_owned(),
        name: "db".to_owned(),
        instance_uid: "4bd8ab1b-1c3f-4ac6-8a34-70b7f2f3a001".to_owned(),
        uuid: "4bd8ab1b-1c3f-4ac6-8a34-70b7f2f3a001".to_owned(),
        memory: MEMORY,
        vcpus: 1,
        starts_paused: false,
        disks: Vec::new(),
        workload: workload.collect(),
        machine: None,
        board: Board::default(),
    }
}

/// The same guest in the pod that awaits it.
pub(crate) fn target(spec: &GuestSpec, pod: &str) -> GuestSpec {
    GuestSpec { pod_uid: pod.to_owned(), ..spec.clone() }
}

/// Writes all the time, and has filled its memory first.
pub(crate) const BUSY: [(&str, &str); 2] = [("pattern", "random,rate=16Mi"), ("fill", "24Mi")];

/// Without TLS.
pub(crate) fn plain() -> MigrationSettings {
    MigrationSettings { tls: Tls::Disabled, ..MigrationSettings::default() }
}

/// Suspends a guest that works hard, so that the rest of it can cross.
pub(crate) fn disrupting() -> Result<MigrationSettings> {
    Ok(MigrationSettings {
        workload_disruption: Permission::Allowed,
        bandwidth: Bandwidth::AtMost(BytesPerSecond::from_mib(14)),
        completion_timeout_per_gib: SecondsPerGiB::new(160),
        max_downtime: Some(Downtime::from_millis(1)?),
        ..plain()
    })
}

/// A migration to there.
pub(crate) fn migrate(
    spec: &GuestSpec,
    migration: &str,
    to: &str,
    there: Listening,
    settings: &MigrationSettings,
) -> Migrate {
    Migrate {
        pod_uid: spec.pod_uid.clone(),
        migration_uid: migration.to_owned(),
        target_node: to.to_owned(),
        address: there.address,
        port: there.port,
        settings: settings.clone(),
        size: TransferSize { memory: spec.memory, disks: Bytes::ZERO },
        channels: 1,
        stillness: Stillness::Unknown,
    }
}

/// Begins to move a guest that runs at `from`, and returns what awaits it.
pub(crate) async fn begin(
    spec: &GuestSpec,
    from: &Node,
    to: &Node,
    settings: &MigrationSettings,
) -> Result<GuestSpec> {
    let awaits = target(spec, "pod-2");
    let there = to.expect(&awaits, "migration-1", settings, 1).await?;
    from.guests().order(Order::Migrate(migrate(spec, "migration-1", &to.name, there, settings)));
    Ok(awaits)
}

/// Waits until the memory of a guest crosses.
pub(crate) async fn wait_crossing(from: &Node, pod: &str) -> Result<()> {
    from.wait(pod, |report| leaving(report)?.started.map(drop)).await
}

/// Where the guest runs, of those two: at exactly one of them.
pub(crate) fn runs_at<'a>(nodes: [(&'a Node, &str); 2]) -> Result<&'a Node> {
    let runs = |(node, pod): &(&Node, &str)| {
        node.report(pod).is_some_and(|report| report.state == GuestState::Running)
    };
    let mut running = nodes.iter().filter(|each| runs(each));
    match (running.next(), running.next()) {
        (Some((node, _)), None) => Ok(node),
        (None, _) => bail!("it runs nowhere: {:?}", nodes.map(|(node, pod)| node.report(pod))),
        (Some(_), Some(_)) => bail!("it runs twice"),
    }
}
