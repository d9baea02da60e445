//! `grant` against a slow queue that tries one migration after the other, as upstream does.

use std::collections::BTreeSet;

use ferry_api::kubevirt::{MigrationPriority, VirtualMachineInstancePhase};
use ferry_config::ClusterLimits;
use ferry_scheduler::{
    Decision, Departure, GuestState, MigrationKey, Pending, Running, Verdict, WaitReason, grant,
    priority_weight,
};
use ferry_units::WallTime;
use proptest::prelude::*;

use crate::limits;

const NODES: [&str; 4] = ["node-0", "node-1", "node-2", "node-3"];

fn departure() -> impl Strategy<Value = Departure> {
    let node = || prop::option::weighted(0.9, prop::sample::select(&NODES[..]));
    let recorded = prop::option::weighted(0.2, prop::sample::select(&NODES[..]));
    (node(), recorded).prop_map(|(current, recorded)| Departure {
        current: current.map(str::to_owned),
        recorded_source: recorded.map(str::to_owned),
    })
}

fn guest_state() -> impl Strategy<Value = GuestState> {
    prop_oneof![
        8 => Just(GuestState::Running),
        1 => Just(GuestState::AwaitedFromElsewhere),
        1 => Just(GuestState::NotRunning { phase: VirtualMachineInstancePhase::Scheduling }),
    ]
}

fn priority() -> impl Strategy<Value = Option<MigrationPriority>> {
    prop::option::of(prop::sample::select(vec![
        MigrationPriority::SystemMaintenance,
        MigrationPriority::UserTriggered,
        MigrationPriority::SystemCritical,
    ]))
}

fn key(prefix: &str, number: usize) -> MigrationKey {
    MigrationKey { namespace: format!("ns-{}", number % 3), name: format!("{prefix}-{number}") }
}

/// Few guests and few nodes, so that they collide.
fn scene() -> impl Strategy<Value = (Vec<Running>, Vec<Pending>, ClusterLimits)> {
    let running = prop::collection::vec((0..20_u8, departure()), 0..8);
    let one = (0..20_u8, departure(), priority(), 0..4_i64, 0..3_u32, guest_state());
    let pending = prop::collection::vec(one, 0..24);
    (running, pending, 0..10_u32, 0..4_u32).prop_map(|(running, pending, cluster, node)| {
        let running = running.into_iter().enumerate().map(|(number, (guest, departure))| Running {
            migration: key("running", number),
            guest: format!("vm-{guest}"),
            departure,
        });
        let pending = pending.into_iter().enumerate().map(
            |(number, (guest, departure, priority, second, active_pods, guest_state))| Pending {
                migration: key("pending", number),
                guest: format!("vm-{guest}"),
                departure,
                priority,
                created: WallTime::from_unix_seconds(second).expect("in range"),
                active_pods,
                guest_state,
            },
        );
        (running.collect(), pending.collect(), limits(cluster, node))
    })
}

fn leaves(departure: &Departure, node: &str) -> bool {
    departure.current.as_deref() == Some(node) || departure.recorded_source.as_deref() == Some(node)
}

/// Whether `pending` could start beside `held`, asked in upstream's order.
fn could_start(held: &[Running], pending: &Pending, limits: ClusterLimits) -> bool {
    let count = |n: usize| u32::try_from(n).expect("few");
    let outbound = |node: &String| {
        count(held.iter().filter(|running| leaves(&running.departure, node)).count())
    };
    let same_guest = |running: &Running| {
        running.guest == pending.guest && running.migration.namespace == pending.migration.namespace
    };
    pending.active_pods <= 1
        && !held.iter().any(same_guest)
        && count(held.len()) < limits.parallel_per_cluster
        && pending
            .departure
            .current
            .as_ref()
            .is_none_or(|node| outbound(node) < limits.parallel_outbound_per_node)
        && !matches!(pending.guest_state, GuestState::NotRunning { .. })
}

fn started(pending: &Pending) -> Running {
    Running {
        migration: pending.migration.clone(),
        guest: pending.guest.clone(),
        departure: pending.departure.clone(),
    }
}

/// Who starts, by trying the whole line from its head after every start.
fn slow(running: &[Running], pending: &[Pending], limits: ClusterLimits) -> BTreeSet<MigrationKey> {
    let mut held = running.to_vec();
    let mut waiting: Vec<&Pending> = pending.iter().collect();
    let mut starts = BTreeSet::new();
    while let Some(next) =
        waiting.iter().copied().filter(|one| could_start(&held, one, limits)).min_by_key(|one| {
            (100 - priority_weight(one.priority), one.created, one.migration.clone())
        })
    {
        held.push(started(next));
        starts.insert(next.migration.clone());
        waiting.retain(|one| one.migration != next.migration);
    }
    starts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_same_migrations_start_as_when_each_is_tried_alone((running, pending, limits) in scene()) {
        let starts = grant(&running, &pending, &limits)
            .into_iter()
            .filter(|verdict| verdict.decision.is_start())
            .map(|verdict| verdict.pending.migration.clone());
        prop_assert_eq!(starts.collect::<BTreeSet<_>>(), slow(&running, &pending, limits));
    }

    #[test]
    fn every_pending_migration_has_one_verdict_in_the_order_of_the_line(
        (running, pending, limits) in scene(),
    ) {
        let verdicts = grant(&running, &pending, &limits);
        prop_assert_eq!(verdicts.len(), pending.len());
        let keys: BTreeSet<_> = verdicts.iter().map(|verdict| &verdict.pending.migration).collect();
        prop_assert_eq!(keys.len(), pending.len());
        prop_assert!(verdicts.is_sorted_by(|a, b| a.pending.line_order(b.pending).is_lt()));
    }

    #[test]
    fn neither_limit_is_ever_exceeded_and_no_slot_stays_empty_that_somebody_could_use(
        (running, pending, limits) in scene(),
    ) {
        let verdicts = grant(&running, &pending, &limits);
        let (starts, waits): (Vec<&Verdict<'_>>, Vec<&Verdict<'_>>) =
            verdicts.iter().partition(|verdict| verdict.decision.is_start());
        let mut held = running.clone();
        held.extend(starts.iter().map(|verdict| started(verdict.pending)));

        prop_assert!(held.len() <= running.len().max(limits.parallel_per_cluster as usize));
        for node in NODES {
            let from = |held: &[Running]| {
                held.iter().filter(|one| one.departure.current.as_deref() == Some(node)).count()
            };
            let limit = limits.parallel_outbound_per_node as usize;
            prop_assert!(from(&held) <= from(&running).max(limit));
        }
        for waiting in waits {
            prop_assert!(!could_start(&held, waiting.pending, limits));
        }
    }

    #[test]
    fn among_guests_of_one_node_nobody_overtakes(
        (running, pending, limits) in scene(),
    ) {
        let verdicts = grant(&running, &pending, &limits);
        for node in NODES {
            let mut movable = verdicts.iter().filter(|verdict| {
                verdict.pending.departure.current.as_deref() == Some(node)
                    && matches!(verdict.decision, Decision::Start | Decision::Wait(
                        WaitReason::ClusterLimit { .. }
                            | WaitReason::NodeLimit { .. }
                    ))
            });
            prop_assert!(movable.by_ref().skip_while(|one| one.decision.is_start())
                .all(|one| !one.decision.is_start()));
        }
    }

    #[test]
    fn the_order_of_the_lists_does_not_matter((running, pending, limits) in scene()) {
        let (mut backwards, mut held) = (pending.clone(), running.clone());
        backwards.reverse();
        held.reverse();
        let sentence = |decision: &Decision<'_>| match decision {
            Decision::Start => "start".to_owned(),
            Decision::Wait(reason) => reason.to_string(),
        };
        let forth = grant(&running, &pending, &limits);
        let back = grant(&held, &backwards, &limits);
        for (a, b) in forth.iter().zip(&back) {
            prop_assert_eq!(&a.pending.migration, &b.pending.migration);
            prop_assert_eq!(sentence(&a.decision), sentence(&b.decision));
        }
    }
}
