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
use super::presses::Presses;
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

/// A drain, as far as it has come.
struct Drain {
    cluster: Cluster,
    node: String,
    /// The guests that were there at the last look.
    guests: Vec<Guest>,
    asked: BTreeMap<String, Asked>,
    told: Told,
}

pub(super) async fn run(arguments: &Arguments, out: &mut Printer) -> Result<Status> {
    let cluster = Cluster::connect(&arguments.cluster).await?;
    let node = checked(&arguments.node)?;
    let mut presses = Presses::listen();
    out.line(&cordon::set(&cluster, &node, Intake::Closed).await?)?;
    let (guests, asked, told) = (Vec::new(), BTreeMap::new(), Told::default());
    let mut drain = Drain { cluster, node, guests, asked, told };
    tokio::select! {
        status = drain.go(arguments.timeout, out) => return status,
        () = presses.next() => {}
    }
    out.note(&drain.interrupted());
    Ok(Status::Interrupted)
}

impl Drain {
    /// Asks every guest to leave until none is there.
    async fn go(&mut self, limit: Option<Duration>, out: &mut Printer) -> Result<Status> {
        let clock = Clock::system();
        let deadline = limit.map(|limit| clock.now() + limit);
        loop {
            self.guests = guests::on(&self.cluster, &self.node).await?;
            for line in self.told.of(&self.cluster, &self.node, &self.guests).await? {
                out.line(&line)?;
            }
            if self.guests.is_empty() {
                out.line(&format!("node/{} drained", self.node))?;
                return Ok(Status::Success);
            }
            if deadline.is_some_and(|deadline| clock.now() >= deadline) {
                bail!("{} is not empty after --timeout, and {}", self.node, self.left());
            }
            self.evict(&clock, out).await?;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Asks each guest that may be asked again.
    async fn evict(&mut self, clock: &Clock, out: &mut Printer) -> Result<()> {
        for guest in self.guests.iter().filter(|guest| !guest.is_going) {
            let entry = self.asked.entry(guest.pod_uid.clone()).or_default();
            if entry.again.is_some_and(|again| clock.now() < again) {
                continue;
            }
            entry.again = Some(clock.now() + EVICT_AGAIN);
            match guests::evict(&self.cluster, guest).await? {
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
        Ok(())
    }

    /// What is still on the node.
    fn left(&self) -> String {
        let each = self.guests.iter().map(|guest| {
            let asked = self.asked.get(&guest.pod_uid);
            let answer = asked.and_then(|asked| asked.answer.as_deref());
            let word = if guest.is_going { "its pod is going" } else { "not asked yet" };
            format!("{} ({})", guest.name(), answer.unwrap_or(word))
        });
        let each: Vec<_> = each.collect();
        format!("stays closed; on it: {}", each.join(", "))
    }

    /// What goes on though nobody waits for it any more.
    fn interrupted(&self) -> String {
        let node = &self.node;
        format!(
            "interrupted: {node} {}\nGuests that were asked to leave go on leaving; `ferry \
             evacuate-cancel node {node}` has those stay that still wait, and `ferry uncordon {node}` \
             opens the node.",
            self.left()
        )
    }
}
