//! `ferry drain`: a node takes no more guests, and those that it has leave.
//!
//! Every guest's pod is evicted, as `kubectl drain` does it: the server answers that the guest is
//! being moved (429), and is asked again until the pod has gone. Whoever waits sees each guest's
//! migration, and why a guest stays that does.

mod guests;
mod told;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use ferry_runtime::Clock;

use super::ClusterArguments;
use super::connection::Cluster;
use super::cordon::{self, Intake};
use super::resources::checked;
use super::values::duration;
use crate::output::{Printer, Status};
use guests::{Guest, Verdict};
use told::Told;

/// How long to wait before a pod is evicted again that could not be: what kubectl waits.
const EVICT_AGAIN: Duration = Duration::from_secs(5);

/// How often to look what has come of it.
const LOOK: Duration = Duration::from_millis(500);

const EXAMPLES: &str = "\
Examples:
  ferry drain node-1
  ferry drain node-1 --timeout 10m
  ferry uncordon node-1

A guest moves if its evictionStrategy says so; one without a strategy is shut down, as in any
cluster. One that is to move and cannot keeps the drain waiting; the reason is printed.";

/// Empty a node: close it to new guests, and have those on it move away
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The node
    node: String,

    /// How long to try at most, such as 90s or 10m; without it, until the node is empty
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,

    #[command(flatten)]
    cluster: ClusterArguments,
}

/// What is remembered of a pod that is to go.
#[derive(Default)]
struct Asked {
    /// Since when it may be evicted again.
    again: Option<ferry_units::Instant>,
    /// What was answered last.
    answer: Option<String>,
}

pub(super) async fn run(arguments: &Arguments, out: &mut Printer) -> Result<Status> {
    let cluster = Cluster::connect(&arguments.cluster).await?;
    let node = checked(&arguments.node)?;
    out.line(&cordon::set(&cluster, &node, Intake::Closed).await?)?;
    let clock = Clock::system();
    let deadline = arguments.timeout.map(|limit| clock.now() + limit);
    let mut asked: BTreeMap<String, Asked> = BTreeMap::new();
    let mut told = Told::default();
    loop {
        let guests = guests::on(&cluster, &node).await?;
        for line in told.of(&cluster, &node, &guests).await? {
            out.line(&line)?;
        }
        if guests.is_empty() {
            out.line(&format!("node/{node} drained"))?;
            return Ok(Status::Success);
        }
        if deadline.is_some_and(|deadline| clock.now() >= deadline) {
            bail!("{}", left(&node, &guests, &asked));
        }
        for guest in guests.iter().filter(|guest| !guest.is_going) {
            let entry = asked.entry(guest.pod_uid.clone()).or_default();
            if entry.again.is_some_and(|again| clock.now() < again) {
                continue;
            }
            entry.again = Some(clock.now() + EVICT_AGAIN);
            match guests::evict(&cluster, guest).await? {
                Verdict::Evicted => {
                    out.line(&format!("pod/{} evicted", guest.pod))?;
                    entry.answer = None;
                }
                Verdict::NotNow(why) => {
                    if entry.answer.as_ref() != Some(&why) {
                        out.note(&format!("{}: {why}", guest.name()));
                    }
                    entry.answer = Some(why);
                }
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What is still on the node when time is up.
fn left(node: &str, guests: &[Guest], asked: &BTreeMap<String, Asked>) -> String {
    let each = guests.iter().map(|guest| {
        let answer = asked.get(&guest.pod_uid).and_then(|asked| asked.answer.as_deref());
        format!("{} ({})", guest.name(), answer.unwrap_or("its pod is going"))
    });
    let each: Vec<_> = each.collect();
    format!("{node} is not empty after --timeout, and stays closed; on it: {}", each.join(", "))
}
