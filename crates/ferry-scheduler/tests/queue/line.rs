//! Who starts first, and who may overtake whom.

use expect_test::expect;
use ferry_api::kubevirt::MigrationPriority;
use ferry_scheduler::{Departure, GuestState, Pending, priority_weight};

use crate::{answers, limits, pending, running};

fn urgent(priority: MigrationPriority, pending: Pending) -> Pending {
    Pending { priority: Some(priority), ..pending }
}

#[test]
fn two_migrations_never_both_see_the_last_free_slot() {
    let line = [pending("a", "node-1", 1), pending("b", "node-2", 2)];
    let one_left = [running("r", "node-3")];
    expect![[r"
        a: start
        b: waiting for a slot: parallelMigrationsPerCluster 2 of 2 in use, position 1 in line
    "]]
    .assert_eq(&answers(&one_left, &line, limits(2, 2)));

    let same_node = [pending("a", "node-1", 1), pending("b", "node-1", 2)];
    expect![[r"
        a: start
        b: waiting for a slot: parallelOutboundMigrationsPerNode 1 of 1 in use on node-1, position 1 in line
    "]]
    .assert_eq(&answers(&one_left, &same_node, limits(9, 1)));
}

#[test]
fn the_most_urgent_goes_first_then_the_oldest_then_by_namespace_and_name() {
    let mut other_namespace = pending("0", "node-7", 5);
    other_namespace.migration.namespace = "zoo".to_owned();
    let line = [
        other_namespace,
        pending("younger", "node-1", 6),
        pending("b", "node-2", 5),
        pending("a", "node-3", 5),
        urgent(MigrationPriority::SystemMaintenance, pending("maintenance", "node-4", 9)),
        urgent(MigrationPriority::UserTriggered, pending("user", "node-5", 8)),
        urgent(MigrationPriority::SystemCritical, pending("drain", "node-6", 7)),
    ];
    expect![[r"
        drain: start
        user: start
        maintenance: start
        a: start
        b: start
        0: waiting for a slot: parallelMigrationsPerCluster 5 of 5 in use, position 1 in line
        younger: waiting for a slot: parallelMigrationsPerCluster 5 of 5 in use, position 2 in line
    "]]
    .assert_eq(&answers(&[], &line, limits(5, 2)));
}

#[test]
fn parity_priorities_weigh_what_kubevirt_gives_them() {
    for (priority, weight) in [
        (Some(MigrationPriority::SystemCritical), 100),
        (Some(MigrationPriority::UserTriggered), 50),
        (Some(MigrationPriority::SystemMaintenance), 20),
        (None, 0),
    ] {
        assert_eq!(priority_weight(priority), weight, "{priority:?}");
    }
}

#[test]
fn somebody_less_urgent_starts_where_only_a_node_limit_blocks_the_others() {
    let line = [
        urgent(MigrationPriority::SystemCritical, pending("drain-1", "node-1", 1)),
        urgent(MigrationPriority::SystemCritical, pending("drain-2", "node-1", 2)),
        urgent(MigrationPriority::SystemCritical, pending("drain-3", "node-1", 3)),
        pending("mine", "node-2", 4),
    ];
    expect![[r"
        drain-1: start
        drain-2: waiting for a slot: parallelOutboundMigrationsPerNode 1 of 1 in use on node-1, position 1 in line
        drain-3: waiting for a slot: parallelOutboundMigrationsPerNode 1 of 1 in use on node-1, position 2 in line
        mine: start
    "]]
    .assert_eq(&answers(&[], &line, limits(5, 1)));
}

#[test]
fn nothing_that_holds_a_slot_gives_it_up_for_somebody_more_urgent() {
    let line = [urgent(MigrationPriority::SystemCritical, pending("drain", "node-1", 1))];
    expect![[r"
        drain: waiting for a slot: parallelMigrationsPerCluster 1 of 1 in use, position 1 in line
    "]]
    .assert_eq(&answers(&[running("idle", "node-2")], &line, limits(1, 2)));
}

#[test]
fn a_limit_of_zero_lets_nobody_start() {
    let line = [pending("a", "node-1", 1), pending("b", "node-2", 2)];
    expect![[r"
        a: waiting: parallelMigrationsPerCluster is 0, so no migration starts
        b: waiting: parallelMigrationsPerCluster is 0, so no migration starts
    "]]
    .assert_eq(&answers(&[], &line, limits(0, 2)));
    expect![[r"
        a: waiting: parallelOutboundMigrationsPerNode is 0, so no migration leaves node-1
        b: waiting: parallelOutboundMigrationsPerNode is 0, so no migration leaves node-2
    "]]
    .assert_eq(&answers(&[], &line, limits(5, 0)));
}

#[test]
fn a_limit_that_was_lowered_meanwhile_is_reported_as_it_is() {
    let held = [running("r1", "node-1"), running("r2", "node-1")];
    expect![[r"
        a: waiting for a slot: parallelOutboundMigrationsPerNode 2 of 1 in use on node-1, position 1 in line
    "]]
    .assert_eq(&answers(&held, &[pending("a", "node-1", 1)], limits(5, 1)));
}

#[test]
fn parity_a_migration_that_finishes_counts_on_the_node_that_its_guest_has_left() {
    let mut finishing = running("r", "node-2");
    finishing.departure.recorded_source = Some("node-1".to_owned());
    let line = [pending("a", "node-1", 1), pending("b", "node-2", 2), pending("c", "node-3", 3)];
    expect![[r"
        a: waiting for a slot: parallelOutboundMigrationsPerNode 1 of 1 in use on node-1, position 1 in line
        b: waiting for a slot: parallelOutboundMigrationsPerNode 1 of 1 in use on node-2, position 1 in line
        c: start
    "]]
    .assert_eq(&answers(&[finishing], &line, limits(9, 1)));
}

#[test]
fn parity_what_an_earlier_migration_recorded_counts_until_the_next_hand_off() {
    let mut moved_before = pending("a", "node-2", 1);
    moved_before.departure.recorded_source = Some("node-1".to_owned());
    let line = [moved_before, pending("b", "node-1", 2)];
    expect![[r"
        a: start
        b: waiting for a slot: parallelOutboundMigrationsPerNode 1 of 1 in use on node-1, position 1 in line
    "]]
    .assert_eq(&answers(&[], &line, limits(9, 1)));
}

#[test]
fn one_migration_counts_once_on_a_node_that_it_names_twice() {
    let mut handed_off = running("r", "node-1");
    handed_off.departure.recorded_source = Some("node-1".to_owned());
    let line = [pending("a", "node-1", 1)];
    assert_eq!(answers(&[handed_off], &line, limits(9, 2)), "a: start\n");
}

#[test]
fn a_guest_that_comes_from_another_cluster_leaves_no_node() {
    let mut arriving = pending("a", "", 1);
    arriving.departure = Departure::default();
    arriving.guest_state = GuestState::AwaitedFromElsewhere;
    assert_eq!(answers(&[], &[arriving.clone()], limits(1, 0)), "a: start\n");
    expect![[r"
        a: waiting for a slot: parallelMigrationsPerCluster 1 of 1 in use, position 1 in line
    "]]
    .assert_eq(&answers(&[running("r", "node-1")], &[arriving], limits(1, 2)));
}
