//! What a migration that waits is told.

use expect_test::expect;
use ferry_api::kubevirt::VirtualMachineInstancePhase as Phase;
use ferry_scheduler::{GuestState, Pending};

use crate::{answers, limits, pending, running};

fn not_running(phase: Phase, pending: Pending) -> Pending {
    Pending { guest_state: GuestState::NotRunning { phase }, ..pending }
}

#[test]
fn the_position_counts_those_who_compete_for_the_missing_slot() {
    let line = [
        pending("a", "node-1", 1),
        pending("b", "node-2", 2),
        pending("c", "node-1", 3),
        pending("d", "node-3", 4),
        pending("e", "node-3", 5),
        pending("f", "node-1", 6),
    ];
    let held = [running("r1", "node-1"), running("r2", "node-2")];
    expect![[r"
        a: waiting for a slot: parallelOutboundMigrationsPerNode 1 of 1 in use on node-1, position 1 in line
        b: waiting for a slot: parallelOutboundMigrationsPerNode 1 of 1 in use on node-2, position 1 in line
        c: waiting for a slot: parallelOutboundMigrationsPerNode 1 of 1 in use on node-1, position 2 in line
        d: start
        e: waiting for a slot: parallelMigrationsPerCluster 3 of 3 in use, position 4 in line
        f: waiting for a slot: parallelMigrationsPerCluster 3 of 3 in use, position 5 in line
    "]]
    .assert_eq(&answers(&held, &line, limits(3, 1)));
}

#[test]
fn parity_the_clusters_limit_is_asked_before_the_nodes() {
    let held = [running("r1", "node-1"), running("r2", "node-1")];
    expect![[r"
        a: waiting for a slot: parallelMigrationsPerCluster 2 of 2 in use, position 1 in line
    "]]
    .assert_eq(&answers(&held, &[pending("a", "node-1", 1)], limits(2, 2)));
}

#[test]
fn a_guest_that_cannot_move_says_so_whatever_the_limits_and_keeps_nobodys_place() {
    let line = [
        Pending { active_pods: 2, ..pending("a", "node-1", 1) },
        not_running(Phase::Scheduled, pending("b", "node-1", 2)),
        not_running(Phase::Unset, pending("c", "node-1", 3)),
        pending("d", "node-1", 4),
        pending("e", "node-1", 5),
    ];
    expect![[r"
        a: waiting for all but one pod of the VM to end: 2 are active
        b: waiting for the VM to run: its phase is Scheduled
        c: waiting for the VM to run
        d: start
        e: waiting for a slot: parallelMigrationsPerCluster 1 of 1 in use, position 1 in line
    "]]
    .assert_eq(&answers(&[], &line, limits(1, 1)));
}

#[test]
fn several_pods_are_named_before_a_guest_that_does_not_run() {
    let both = Pending { active_pods: 3, ..not_running(Phase::Failed, pending("a", "node-1", 1)) };
    expect![[r"
        a: waiting for all but one pod of the VM to end: 3 are active
    "]]
    .assert_eq(&answers(&[], &[both], limits(1, 1)));
}

#[test]
fn a_guest_moves_once_at_a_time() {
    let first = pending("first", "node-1", 1);
    let second = Pending { guest: first.guest.clone(), ..pending("second", "node-1", 2) };
    expect![[r"
        first: start
        second: waiting for migration default/first of the same VM to end
    "]]
    .assert_eq(&answers(&[], &[first.clone(), second], limits(5, 5)));

    let mut held = running("held", "node-1");
    held.guest.clone_from(&first.guest);
    expect![[r"
        first: waiting for migration default/held of the same VM to end
    "]]
    .assert_eq(&answers(&[held], &[first], limits(5, 5)));
}

#[test]
fn an_empty_line_has_no_verdicts() {
    assert_eq!(answers(&[running("r", "node-1")], &[], limits(5, 2)), "");
}
