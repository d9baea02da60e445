//! A drain of half a data center: 10,000 migrations in line, from 400 nodes.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ferry_api::kubevirt::MigrationPriority;
use ferry_config::ClusterLimits;
use ferry_scheduler::{Departure, GuestState, MigrationKey, Pending, Running, grant};
use ferry_units::WallTime;

const IN_LINE: usize = 10_000;
const NODES: usize = 400;

fn key(number: usize) -> MigrationKey {
    MigrationKey {
        namespace: format!("team-{:02}", number % 40),
        name: format!("kubevirt-evacuation-{number:05}"),
    }
}

/// Names, nodes, ages and priorities run through each other, so the line has to be sorted; a
/// second has 20 creations, so names break ties.
fn in_line() -> Vec<Pending> {
    let priorities = [
        None,
        Some(MigrationPriority::SystemCritical),
        Some(MigrationPriority::UserTriggered),
        Some(MigrationPriority::SystemCritical),
        Some(MigrationPriority::SystemMaintenance),
    ];
    (0..IN_LINE)
        .map(|place| {
            let number = place * 7_919 % IN_LINE;
            let second = i64::try_from(number * 31 % IN_LINE / 20).expect("a small number");
            Pending {
                migration: key(number),
                guest: format!("database-{number:05}"),
                departure: Departure::from_node(format!(
                    "worker-{:04}.example.com",
                    number % NODES
                )),
                priority: priorities[number % priorities.len()],
                created: WallTime::from_unix_seconds(1_790_000_000 + second).expect("this century"),
                active_pods: 1,
                guest_state: GuestState::Running,
            }
        })
        .collect()
}

fn holding_slots(count: usize) -> Vec<Running> {
    (IN_LINE..IN_LINE + count)
        .map(|number| Running {
            migration: key(number),
            guest: format!("database-{number:05}"),
            departure: Departure::from_node(format!("worker-{:04}.example.com", number % NODES)),
        })
        .collect()
}

fn queue(criterion: &mut Criterion) {
    let pending = in_line();
    let full = holding_slots(5);
    criterion.bench_function("queue/10000 in line, cluster full", |bencher| {
        let limits = ClusterLimits::default();
        bencher.iter(|| grant(black_box(&full), black_box(&pending), &limits));
    });
    let busy = holding_slots(NODES);
    criterion.bench_function("queue/10000 in line, node limits decide", |bencher| {
        let limits = ClusterLimits { parallel_per_cluster: 4_000, parallel_outbound_per_node: 2 };
        bencher.iter(|| grant(black_box(&busy), black_box(&pending), &limits));
    });
}

criterion_group!(benches, queue);
criterion_main!(benches);
