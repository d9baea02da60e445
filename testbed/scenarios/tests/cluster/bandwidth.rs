//! What a migration may take of the network.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ferry_harness::{Link, Testbed, Topology};
use serde_json::json;

use crate::common::{configure, machine};

/// What the documentation takes as its example.
const LIMIT: f64 = 64.0 * 1024.0 * 1024.0;

/// Over so long the limit has to hold on average.
const SPAN: Duration = Duration::from_secs(2);

/// How far off it may be.
const TOLERANCE: f64 = 0.03;

/// What the buffers of eight connections and their relay may hold back for a while.
const HELD: f64 = 8.0 * 1024.0 * 1024.0;

/// What a link has carried by some time between two.
struct Sample {
    after: Instant,
    before: Instant,
    bytes: u64,
}

fn sample(link: &Link<'_>) -> Result<Sample> {
    let after = Instant::now();
    let bytes = link.carried()?.get();
    Ok(Sample { after, before: Instant::now(), bytes })
}

/// Looks at a link fifty times a second until its node's guest has come.
async fn watched(link: Link<'_>, until: impl Future<Output = Result<()>>) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    tokio::pin!(until);
    loop {
        tokio::select! {
            over = &mut until => { over?; return Ok(samples) }
            _ = ticks.tick() => samples.push(sample(&link)?),
        }
    }
}

/// What crossed in a span while memory crossed all the time.
struct Crossed {
    bytes: f64,
    shortest: f64,
    longest: f64,
    /// How much less than the limit allows had arrived before: it can be in the buffers of sockets and
    /// relays still, where nobody had the processors to move it.
    late: f64,
}

/// What crossed in each span of two seconds.
fn spans(samples: &[Sample]) -> Vec<Crossed> {
    #[allow(clippy::cast_precision_loss, reason = "less than 2^53 bytes cross")]
    let bytes = |from: u64, to: u64| (to - from) as f64;
    let last = samples.last().map_or(0, |sample| sample.bytes);
    let busy: Vec<_> =
        samples.iter().filter(|sample| sample.bytes > 0 && sample.bytes < last).collect();
    let mut spans = Vec::new();
    for (index, first) in busy.iter().enumerate() {
        let end = busy[index..].iter().find(|end| end.after - first.before >= SPAN);
        let Some(end) = end else { break };
        let late = busy[..index].iter().map(|earlier| {
            let allowed = LIMIT * (first.before - earlier.after).as_secs_f64();
            allowed - bytes(earlier.bytes, first.bytes)
        });
        spans.push(Crossed {
            bytes: bytes(first.bytes, end.bytes),
            shortest: (end.after - first.before).as_secs_f64(),
            longest: (end.before - first.after).as_secs_f64(),
            late: late.fold(0.0, f64::max).min(HELD),
        });
    }
    spans
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_seconds_of_a_migration_take_more_than_its_bandwidth() -> Result<()> {
    let topology = Topology::of_nodes(2)?.relayed();
    let testbed = Testbed::builder().topology(topology).start().await?;
    configure(&testbed, json!({ "bandwidthPerMigration": "64Mi" })).await?;
    // More than five seconds of memory.
    let web = machine("web").memory("400Mi").fills("352Mi");
    let instance = web.start(&testbed).await?;
    let from = instance.status.and_then(|status| status.node_name).context("a node")?;
    let to = if from == "node-1" { "node-2" } else { "node-1" };

    let moved = async { web.moved(&testbed).await.map(drop) };
    let samples = watched(testbed.link("pod", to)?, moved).await?;
    let spans = spans(&samples);
    ensure!(spans.len() > 50, "only {} spans of {SPAN:?}", spans.len());
    for Crossed { bytes, longest, late, .. } in &spans {
        let most = LIMIT * longest * (1.0 + TOLERANCE) + late;
        ensure!(*bytes <= most, "{bytes} bytes in {longest} s, {late} of them late");
    }
    // How near it comes to its limit depends on who else has the processors; `just bench` tells.
    let rates = spans.iter().map(|span| span.bytes / span.shortest);
    let most = rates.fold(0.0, f64::max);
    ensure!(most >= LIMIT / 2.0, "never more than {most} bytes a second");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn zero_is_no_limit() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    let web = machine("web").memory("128Mi").fills("96Mi");
    web.start(&testbed).await?;
    let mut times = Vec::new();
    for bandwidth in ["16Mi", "0", "0Mi"] {
        configure(&testbed, json!({ "bandwidthPerMigration": bandwidth })).await?;
        let state = web.moved(&testbed).await?;
        let settings = state.migration_configuration.context("settings")?;
        let recorded = settings.bandwidth_per_migration.context("a bandwidth")?.to_string();
        ensure!(recorded == bandwidth.replace("0Mi", "0"), "{bandwidth} is told as {recorded}");
        let report = testbed.ferry(["report", "web", "-o", "json"])?;
        let report: serde_json::Value = serde_json::from_str(&report.stdout)?;
        let passes = report["transfer"]["passes"].as_array();
        let passes = passes.with_context(|| format!("{report:#}"))?;
        times.push(passes.iter().filter_map(|pass| pass["durationMs"].as_u64()).sum::<u64>());
    }
    // 96 MiB take six seconds at 16 MiB a second.
    ensure!(times[0] > 5_500, "{times:?} ms");
    ensure!(times[1..].iter().all(|time| *time < 5_000), "{times:?} ms");
    Ok(())
}
