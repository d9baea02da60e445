//! What a testbed costs that does nothing, and how long the two things take that everybody waits for.
//!
//! Limits here are generous: debug programs on a machine that does other things. The aims, and what
//! release programs need, are in docs/performance.md.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ferry_harness::Testbed;
use ferry_units::Bytes;

use crate::common::broken::{let_pass, phase};

/// Of all daemons of three nodes together. Release programs have 150 MiB; debug ones carry twice the code.
const MEMORY: Bytes = Bytes::from_mib(if cfg!(debug_assertions) { 300 } else { 150 });

/// Of a core: 1 % is the aim, for release programs.
const LOAD: f64 = if cfg!(debug_assertions) { 0.06 } else { 0.02 };

/// How long is looked at an idle testbed: several of the rounds in which nodes say that they live.
const LOOK: Duration = Duration::from_secs(15);

/// From nothing to Ready, and from a migration that is made to one that has succeeded.
const PATIENCE: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_testbed_costs_next_to_nothing_and_a_small_guest_moves_at_once() -> Result<()> {
    let begun = Instant::now();
    let testbed = Testbed::builder().nodes(3).start().await?;
    let up = begun.elapsed();
    // What starting has left to do is done.
    let_pass(Duration::from_secs(3))?;
    let before = testbed.status().await?.processes;
    let_pass(LOOK)?;
    let after = testbed.status().await?.processes;
    ensure!(before.len() == 5 && after.len() == 5, "{after:?}");
    let memory: u64 = after.iter().map(|process| process.memory_bytes).sum();
    let used = after.iter().zip(&before).map(|(after, before)| {
        println!(
            "{}: {} KiB, {:.2} s",
            after.name,
            after.memory_bytes >> 10,
            after.cpu_seconds - before.cpu_seconds
        );
        after.cpu_seconds - before.cpu_seconds
    });
    let load = used.sum::<f64>() / LOOK.as_secs_f64();

    testbed
        .apply(
            "
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: {name: web}
spec:
  runStrategy: Always
  template:
    metadata: {annotations: {workload.ferry.dev/pattern: idle}}
    spec: {domain: {memory: {guest: 256Mi}, devices: {}}}
",
        )
        .await?;
    testbed.wait_running("default", "web").await?;
    let mut times = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        let moved = testbed.migrate("default", "web", &[]).await?;
        times.push(begun.elapsed());
        ensure!(phase(&moved) == "Succeeded", "{moved:?}");
    }
    times.sort();
    let memory = Bytes::new(memory);
    println!("up after {up:?}; idle: {memory}, {:.2} % of a core; moves {times:?}", load * 100.0);
    ensure!(memory < MEMORY, "{memory}");
    ensure!(load < LOAD, "{load}");
    ensure!(up < PATIENCE && times[2] < PATIENCE, "{up:?}, {times:?}");
    Ok(())
}
