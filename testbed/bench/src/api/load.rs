//! Closed loops: so many clients, each of which asks again as soon as it has its answer.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::runtime;
use tokio::task::{JoinSet, LocalSet};

use super::latency::Latencies;
use crate::results::{Measured, Unit};

/// What is not counted at the beginning: connections and caches become warm.
const WARM_UP: Duration = Duration::from_millis(250);

/// How long one measurement may take, all included. Only a broken server needs it.
const LIMIT: Duration = Duration::from_secs(120);

/// One of many.
pub(super) trait Client {
    /// Asks once. All clients draw their numbers from one sequence.
    async fn ask(&mut self, number: u64) -> Result<()>;
}

/// What came of it.
#[derive(Clone, Debug)]
pub(super) struct Load {
    /// Answers a second.
    pub(super) rate: f64,
    pub(super) latencies: Latencies,
    /// All answers, those of the warm-up too.
    pub(super) answers: u64,
}

impl Load {
    pub(super) fn figures(&self, name: &str) -> Vec<Measured> {
        let rate = Measured::new(name, Unit::PerSecond, self.rate);
        [rate].into_iter().chain(self.latencies.figures(name)).collect()
    }
}

/// Runs a client's side on this thread alone, so that it costs one processor at most.
///
/// # Errors
/// What it fails with, and when it does not end.
pub(super) fn block_on<T>(side: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let limited = async { tokio::time::timeout(LIMIT, side).await };
    let outcome = LocalSet::new().block_on(&runtime, limited);
    outcome.with_context(|| format!("it did not end within {LIMIT:?}"))?
}

/// Has all clients ask for so long, inside [`block_on`].
///
/// # Errors
/// What the first of them fails with.
pub(super) async fn run<C: Client + 'static>(clients: Vec<C>, span: Duration) -> Result<Load> {
    let begin = Instant::now() + WARM_UP;
    let end = begin + span;
    let number = Rc::new(Cell::new(0));
    let mut loops = JoinSet::new();
    for client in clients {
        loops.spawn_local(ask_until(client, Rc::clone(&number), begin..end));
    }
    let mut times = Vec::new();
    while let Some(outcome) = loops.join_next().await {
        times.extend(outcome.context("a client")??);
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure of three digits")]
    let rate = times.len() as f64 / span.as_secs_f64();
    Ok(Load { rate, latencies: Latencies::from(times), answers: number.get() })
}

async fn ask_until<C: Client>(
    mut client: C,
    number: Rc<Cell<u64>>,
    counted: std::ops::Range<Instant>,
) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    let mut asked = Instant::now();
    while asked < counted.end {
        let mine = number.get();
        number.set(mine + 1);
        client.ask(mine).await?;
        let answered = Instant::now();
        if counted.contains(&answered) {
            times.push(answered - asked);
        }
        asked = answered;
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    struct Scripted {
        fails_at: Option<u64>,
    }

    impl Client for Scripted {
        async fn ask(&mut self, number: u64) -> Result<()> {
            tokio::task::yield_now().await;
            if self.fails_at == Some(number) {
                bail!("refused {number}");
            }
            Ok(())
        }
    }

    fn scripted(fails_at: Option<u64>) -> Vec<Scripted> {
        (0..3).map(|_| Scripted { fails_at }).collect()
    }

    #[test]
    fn answers_are_counted_after_the_warm_up_and_within_the_time() {
        let load = block_on(run(scripted(None), Duration::from_millis(50))).unwrap();
        let counted = load.latencies.count() as u64;
        assert!(counted > 0 && counted < load.answers, "{counted} of {}", load.answers);
        assert!(load.rate > 0.0);
    }

    #[test]
    fn a_client_that_fails_ends_the_run() {
        let error = block_on(run(scripted(Some(7)), Duration::from_millis(50))).unwrap_err();
        assert_eq!(error.to_string(), "refused 7");
    }
}
