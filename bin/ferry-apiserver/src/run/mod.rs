//! The process, from its start to its end.
//!
//! What can go wrong goes wrong before anybody is let in: directory, keys, tokens, journal, port.
//! Whoever waits for the kubeconfig finds a server that is ready.

mod ballast;
mod begin;
mod credentials;
mod data_dir;
mod end;
mod lost;
mod privacy;
mod room;
mod served;

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ferry_api::{Kind, Misfiled};
use ferry_config::Semantics;
use ferry_runtime::{Clock, entropy, signals};
use rustix::fs::Mode;
use rustix::process::umask;
use tokio::runtime::Runtime;

use crate::access::{Authenticator, TokenFile, Tokens};
use crate::api::{Api, Backend};
use crate::cli::ServeArguments;
use crate::http::{Bound, Limits, Server, Stop, Stopping, wall_time};
use crate::kubeconfig::{Kubeconfig, Login, server_url};
use crate::metrics::{Metrics, Readings};
use crate::tls::{Names, Pki};
use crate::writer::{self, Idleness, JournalSize, Standby};

use ballast::{Ballast, Space};
use begin::Begun;
pub(crate) use credentials::{certificates, kubeconfig};
use data_dir::DataDir;
use served::{Around, ClusterRealm, Served};

/// The administrator's name in a kubeconfig and in the log.
const ADMIN: &str = "ferry-admin";

/// How long the administrator's certificate is good. Each start writes a new one.
const ADMIN_LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How long tasks may take to notice that all is over.
const LAST_TASKS: Duration = Duration::from_secs(1);

/// Serves until the process is told to end.
pub(crate) fn serve(arguments: &ServeArguments) -> anyhow::Result<()> {
    log_panics();
    // Whatever is made from here on, by sled as well, is nobody else's.
    umask(Mode::RWXG | Mode::RWXO);
    let (stop, stopping) = Stop::new();
    let (_alive, over) = end::news();
    signals::on_termination(move || {
        stop.begin();
        over.or_exit();
    })?;
    serve_until(arguments, &stopping, |url| {
        // Whoever started it may have stopped listening to it.
        let _told = writeln!(io::stdout(), "ferry-apiserver is ready at {url}");
        tracing::info!(url, "ready");
    })
}

/// Serves until `stopping` says otherwise; `ready` hears where.
fn serve_until(
    arguments: &ServeArguments,
    stopping: &Stopping,
    ready: impl FnOnce(&str),
) -> anyhow::Result<()> {
    let clock = Clock::system();
    let terms = Terms { limits: room::limits()?, semantics: arguments.semantics };
    // Before all others: see there.
    let standby = Standby::start().context("cannot start the threads that write")?;
    let runtime = runtime(standby.idleness())?;
    let dir = DataDir::take(arguments.data_dir())?;
    let ballast = Ballast::of(arguments.data_dir());
    if ballast.drop_if_needed(Space::of(arguments.data_dir()).free) {
        tracing::warn!("the disk is full; the space that was set aside for a start is used up");
    }
    let pki = Pki::open(&dir.pki(), &names(arguments)?, wall_time(clock))?;
    let authenticator = Arc::new(authenticator(arguments, &dir.pki(), &pki)?);
    let metrics = Arc::new(Metrics::new(clock.wall()));
    let counted = Arc::clone(&metrics);
    let flushed = move |took| counted.flushed(took);
    let (cluster, threads, journal) = writer::open(standby, &dir.journal(), clock, flushed)?;
    let backend = Arc::new(cluster);
    // Weak, because the threads that the end waits for hold the metrics.
    let weak = Arc::downgrade(&backend);
    metrics
        .read_from(move || weak.upgrade().map(|it| readings(&*it, &journal)).unwrap_or_default());
    let served = runtime.block_on(async {
        let bound = Bound::to(arguments.listen).await?;
        let begun = Arc::new(Begun::default());
        begun.try_now(&*backend).await;
        let url = server_url(bound.address());
        dir.remember_url(&url)?;
        let server = server(&pki, backend, authenticator, metrics, begun, terms, stopping);
        if let Some(path) = &arguments.write_kubeconfig {
            write_kubeconfig(path, &url, &pki, clock)?;
        }
        ballast.keep(Space::of(arguments.data_dir()));
        ready(&url);
        bound.serve(server, stopping.clone()).await;
        anyhow::Ok(())
    });
    tracing::info!("closing the journal");
    runtime.shutdown_timeout(LAST_TASKS);
    threads.join();
    served
}

/// On which terms clients are served.
#[derive(Clone, Copy)]
struct Terms {
    limits: Limits,
    semantics: Semantics,
}

/// Everything that connections need. Its tasks run from here on.
fn server<B: Backend>(
    pki: &Pki,
    backend: Arc<B>,
    authenticator: Arc<Authenticator>,
    metrics: Arc<Metrics>,
    begun: Arc<Begun>,
    terms: Terms,
    stopping: &Stopping,
) -> Arc<Server<Served<B>, ClusterRealm<B>>> {
    let clock = Clock::system();
    tokio::spawn(begin::keep_accounts(Arc::clone(&backend), stopping.clone()));
    let (again, to, until) = (Arc::clone(&begun), Arc::clone(&backend), stopping.clone());
    tokio::spawn(async move { again.keep_trying(&*to, until).await });
    let realm = Arc::new(ClusterRealm(Arc::clone(&backend)));
    let around = Around {
        metrics: Arc::clone(&metrics),
        authenticator: Arc::clone(&authenticator),
        realm: Arc::clone(&realm),
        begun,
        stopping: stopping.clone(),
    };
    let misfiled = match terms.semantics {
        Semantics::Documented => Misfiled::Served,
        Semantics::KubeVirt => Misfiled::NotServed,
    };
    let api = Api::new(backend, Arc::new(around), misfiled);
    let handler = Arc::new(Served { api, metrics, clock });
    let tls = Arc::clone(&pki.server);
    Arc::new(Server { handler, realm, authenticator, tls, limits: terms.limits, clock })
}

fn names(arguments: &ServeArguments) -> anyhow::Result<Names> {
    let address = match arguments.listen.ip() {
        any if any.is_unspecified() => None,
        ip => Some(ip.to_string()),
    };
    Ok(Names::new(arguments.tls_san.iter().chain(&address).map(String::as_str))?)
}

fn authenticator(
    arguments: &ServeArguments,
    dir: &Path,
    pki: &Pki,
) -> anyhow::Result<Authenticator> {
    let key = entropy::bytes();
    let file = match &arguments.token_auth_file {
        None => TokenFile::empty(&key),
        Some(path) => TokenFile::read(path, &key)?,
    };
    let tokens = Tokens::open(dir, entropy::bytes)?;
    Ok(Authenticator::new(pki.clients.clone(), file, tokens))
}

/// The threads that serve.
fn runtime(idleness: Idleness) -> anyhow::Result<Runtime> {
    let also = idleness.clone();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("http")
        .on_thread_park(move || idleness.begins())
        .on_thread_unpark(move || also.ends())
        .build()
        .context("cannot start the threads that serve")
}

fn readings<B: Backend>(backend: &B, journal: &JournalSize) -> Readings {
    let journal = journal.read();
    let state = backend.state();
    Readings {
        objects: Kind::ALL.into_iter().map(|kind| (kind, state.count(kind))).collect(),
        revision: state.revision().0,
        journal_bytes: journal.bytes_on_disk,
        journal_records: journal.log_records as u64,
    }
}

fn write_kubeconfig(path: &Path, url: &str, pki: &Pki, clock: Clock) -> anyhow::Result<()> {
    let groups = [ferry_admission::identity::MASTERS.to_owned()];
    let now = wall_time(clock);
    let credentials = pki.authority.issue_client(ADMIN, &groups, ADMIN_LIFETIME, now)?;
    let login = Login::Certificate(credentials);
    let authority = pki.authority.pem();
    let kubeconfig = Kubeconfig { server: url, authority, user: ADMIN, login: &login };
    Ok(kubeconfig.write(path)?)
}

/// Puts panics where the rest of the log is. A request that panics is answered all the same.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or_default();
        tracing::error!(
            place,
            thread,
            message,
            "a panic, which is a bug of ferry; please report it"
        );
    }));
}
