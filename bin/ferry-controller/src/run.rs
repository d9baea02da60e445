//! The process, from its start to its end.

use std::future::pending;
use std::sync::Arc;

use anyhow::Context;
use ferry_client::status::{self, Status};
use ferry_client::{Cache, Hands, Recorder, Source, Stopping, connect, stopping};
use ferry_runtime::{Clock, signals};
use ferry_units::WallTime;
use tokio::net::TcpListener;
use tokio::runtime;

use crate::board::Board;
use crate::cli::RunArguments;
use crate::election::Candidate;
use crate::eyes;
use crate::metrics::Metrics;
use crate::worker::Worker;

/// Who writes the fields that the controller writes.
const MANAGER: &str = "ferry-controller";

/// What the program tells of itself.
struct Controller {
    cache: Cache,
    board: Arc<Board>,
    metrics: Arc<Metrics>,
}

impl Status for Controller {
    fn ready(&self) -> Result<(), String> {
        self.cache.ready()
    }

    fn metrics(&self) -> String {
        self.metrics.render(&self.cache, self.board.waiting())
    }
}

/// Works until the process is told to end.
pub(crate) fn control(arguments: &RunArguments) -> anyhow::Result<()> {
    let (stop, stopping) = stopping();
    signals::on_termination(|| stop.tell())?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let controlled = runtime.block_on(control_until(arguments, stopping));
    runtime.shutdown_background();
    controlled
}

async fn control_until(arguments: &RunArguments, stopping: Stopping) -> anyhow::Result<()> {
    let client = connect(arguments.kubeconfig()).await?;
    let listener = listen(arguments).await?;
    let board = Arc::new(Board::default());
    let metrics = Arc::new(Metrics::new());
    let cache = eyes::open(&client, &board, calendar);
    let (recorder, telling) = Recorder::start(client.clone(), Source::program(MANAGER), calendar);
    let told = Controller {
        cache: cache.clone(),
        board: Arc::clone(&board),
        metrics: Arc::clone(&metrics),
    };
    tokio::spawn(status::serve(listener, Arc::new(told), stopping.clone()));
    let mut candidate = arguments.leader_elect.then(|| Candidate::new(client.clone(), calendar));
    if let Some(candidate) = &mut candidate {
        let mut ending = stopping.clone();
        tokio::select! {
            () = candidate.win() => {}
            () = ending.told() => return Ok(()),
        }
    }
    let worker = Worker {
        hands: Hands::new(client, cache.clone(), recorder, MANAGER),
        board,
        cache,
        metrics,
        calendar,
        clock: Clock::system(),
        semantics: arguments.semantics,
        node_grace: arguments.node_grace,
    };
    let working = worker.run(stopping.clone());
    let lost = async {
        match &mut candidate {
            Some(candidate) => candidate.hold().await,
            None => pending().await,
        }
    };
    tokio::select! {
        () = stopping.finish(working, telling) => {}
        // Nothing more is written from here on.
        error = lost => return Err(error),
    }
    if let Some(candidate) = &mut candidate {
        candidate.release().await;
    }
    tracing::info!("told to end");
    Ok(())
}

/// Listens where the program's health and figures are asked for.
async fn listen(arguments: &RunArguments) -> anyhow::Result<TcpListener> {
    let wanted = arguments.status_listen;
    let listener = TcpListener::bind(wanted)
        .await
        .with_context(|| format!("cannot listen at --status-listen {wanted}"))?;
    let address = listener.local_addr().context("cannot tell where it listens")?;
    if let Some(path) = &arguments.status_address_file {
        status::write_address(path, address)
            .with_context(|| format!("cannot write --status-address-file {}", path.display()))?;
    }
    tracing::info!(%address, "health and figures");
    Ok(listener)
}

fn calendar() -> WallTime {
    Clock::system().calendar()
}
