//! The queue's behaviour, seen from outside.

mod line;
mod model;
mod reasons;
mod standing;

use ferry_config::ClusterLimits;
use ferry_scheduler::{Decision, Departure, GuestState, MigrationKey, Pending, Running, grant};
use ferry_units::WallTime;

fn key(name: &str) -> MigrationKey {
    MigrationKey { namespace: "default".to_owned(), name: name.to_owned() }
}

/// A migration that holds a slot and leaves `node`, with a guest of its own.
fn running(name: &str, node: &str) -> Running {
    Running {
        migration: key(name),
        guest: format!("vm-{name}"),
        departure: Departure::from_node(node),
    }
}

/// A user's migration that could start at once and leaves `node`, created at `second`.
fn pending(name: &str, node: &str, second: i64) -> Pending {
    Pending {
        migration: key(name),
        guest: format!("vm-{name}"),
        departure: Departure::from_node(node),
        priority: None,
        created: WallTime::from_unix_seconds(second).expect("a second of this century"),
        active_pods: 1,
        guest_state: GuestState::Running,
    }
}

const fn limits(parallel_per_cluster: u32, parallel_outbound_per_node: u32) -> ClusterLimits {
    ClusterLimits { parallel_per_cluster, parallel_outbound_per_node }
}

/// The line as people read it: a name and an answer for each.
fn answers(running: &[Running], pending: &[Pending], limits: ClusterLimits) -> String {
    let lines = grant(running, pending, &limits).into_iter().map(|verdict| {
        let answer = match verdict.decision {
            Decision::Start => "start".to_owned(),
            Decision::Wait(reason) => reason.to_string(),
        };
        format!("{}: {answer}\n", verdict.pending.migration.name)
    });
    lines.collect()
}
