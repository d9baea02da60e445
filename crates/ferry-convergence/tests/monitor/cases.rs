//! Migrations as scripts: at this time this much remains, so this is done.

use std::time::Duration;

use ferry_config::{OnTimeout, Semantics};
use ferry_convergence::{Action, FailureReason, Mode, Monitor};
use ferry_units::ExactSeconds;

use crate::script::{Script, look};

const CONTINUE: Action = Action::Continue;
const POST_COPY: Action = Action::StartPostCopy;
const PAUSE: Action = Action::PauseGuest;

fn overdue(seconds: i64) -> Action {
    let acceptable = ExactSeconds::from_seconds(seconds);
    Action::Abort(FailureReason::NotCompleted { acceptable })
}

fn stuck(seconds: u64) -> Action {
    Action::Abort(FailureReason::Stuck { seconds })
}

#[test]
fn parity_kubevirt_looks_every_400_ms() {
    assert_eq!(Monitor::PERIOD, Duration::from_millis(400));
}

#[test]
fn a_migration_within_its_limits_goes_on() {
    for on_timeout in [OnTimeout::Abort, OnTimeout::Pause, OnTimeout::PostCopy] {
        Script::documented(on_timeout).limit(300).progress(150).runs(&[
            (look(0.0, 900), CONTINUE),
            (look(0.4, 890), CONTINUE),
            (look(150.0, 500), CONTINUE),
            (look(300.0, 1), CONTINUE),
        ]);
    }
}

#[test]
fn an_overdue_migration_is_aborted() {
    Script::documented(OnTimeout::Abort)
        .limit(300)
        .runs(&[(look(300.0, 9), CONTINUE), (look(300.001, 8), overdue(300))]);
}

#[test]
fn a_migration_that_may_disrupt_is_paused_when_overdue_and_gets_as_long_again() {
    Script::documented(OnTimeout::Pause)
        .limit(300)
        .runs(&[
            (look(300.0, 900), CONTINUE),
            (look(300.4, 890), PAUSE),
            (look(300.8, 880), CONTINUE),
            (look(600.0, 2), CONTINUE),
            (look(600.4, 1), overdue(600)),
        ])
        .ends_in(Mode::Paused);
}

#[test]
fn a_migration_that_may_do_both_goes_post_copy_when_overdue_and_then_takes_its_time() {
    Script::documented(OnTimeout::PostCopy)
        .limit(300)
        .progress(150)
        .runs(&[
            (look(200.0, 900), CONTINUE),
            (look(300.4, 900), POST_COPY),
            (look(300.8, 900), CONTINUE),
            (look(9_999_999.0, 900), CONTINUE),
        ])
        .ends_in(Mode::PostCopy);
}

#[test]
fn a_migration_without_progress_is_aborted_whatever_it_may_do_when_overdue() {
    for on_timeout in [OnTimeout::Abort, OnTimeout::Pause, OnTimeout::PostCopy] {
        Script::documented(on_timeout).limit(300).progress(150).runs(&[
            (look(10.0, 500), CONTINUE),
            (look(160.0, 500), CONTINUE),
            (look(160.4, 500), stuck(150)),
        ]);
    }
}

#[test]
fn a_migration_that_is_both_overdue_and_stuck_is_helped_first_and_else_called_stuck() {
    for (on_timeout, first, second) in [
        (OnTimeout::PostCopy, POST_COPY, CONTINUE),
        (OnTimeout::Pause, PAUSE, stuck(401)),
        (OnTimeout::Abort, stuck(400), stuck(401)),
    ] {
        Script::documented(on_timeout).limit(300).progress(150).runs(&[
            (look(0.0, 500), CONTINUE),
            (look(400.0, 500), first),
            (look(401.0, 500), second),
        ]);
    }
}

#[test]
fn a_paused_guest_that_stops_making_progress_is_stuck() {
    Script::documented(OnTimeout::Pause).limit(300).progress(150).runs(&[
        (look(290.0, 500), CONTINUE),
        (look(301.0, 490), PAUSE),
        (look(302.0, 480), CONTINUE),
        (look(452.0, 480), CONTINUE),
        (look(452.4, 480), stuck(150)),
    ]);
}

#[test]
fn what_remains_of_a_paused_guest_may_exceed_an_earlier_minimum() {
    Script::documented(OnTimeout::Pause).limit(300).progress(20).runs(&[
        (look(290.0, 1), CONTINUE),
        (look(301.0, 900), PAUSE),
        (look(310.0, 899), CONTINUE),
        (look(330.0, 700), CONTINUE),
        (look(350.0, 500), CONTINUE),
    ]);
}

#[test]
fn no_limit_never_ends_a_migration_that_makes_progress() {
    for on_timeout in [OnTimeout::Abort, OnTimeout::Pause, OnTimeout::PostCopy] {
        Script::documented(on_timeout).limit(0).progress(150).runs(&[
            (look(140.0, 900), CONTINUE),
            (look(280.0, 800), CONTINUE),
            (look(400.0, 700), CONTINUE),
        ]);
    }
}

#[test]
fn without_any_limit_a_migration_may_stand_still_for_ever() {
    Script::documented(OnTimeout::Abort)
        .limit(0)
        .progress(0)
        .runs(&[(look(0.0, 900), CONTINUE), (look(9_999_999.0, 900), CONTINUE)]);
}

#[test]
fn parity_negative_limits_are_over_at_the_first_look() {
    for semantics in Semantics::ALL {
        Script::new(semantics, OnTimeout::Abort).limit(-1).runs(&[(look(0.0, 9), overdue(-1))]);
        Script::new(semantics, OnTimeout::Pause)
            .limit(-1)
            .runs(&[(look(0.0, 9), PAUSE), (look(0.0, 8), overdue(-2))]);
        Script::new(semantics, OnTimeout::Abort).progress(-1).runs(&[(look(0.0, 9), stuck(0))]);
    }
}

#[test]
fn parity_kubevirt_lets_a_limit_pass_by_a_whole_second() {
    Script::new(Semantics::KubeVirt, OnTimeout::Abort)
        .limit(300)
        .runs(&[(look(300.8, 9), CONTINUE), (look(301.0, 8), overdue(300))]);
    Script::new(Semantics::KubeVirt, OnTimeout::Pause).limit(300).runs(&[
        (look(301.0, 9), PAUSE),
        (look(600.8, 8), CONTINUE),
        (look(601.0, 7), overdue(600)),
    ]);
    Script::new(Semantics::KubeVirt, OnTimeout::Abort).progress(150).runs(&[
        (look(0.4, 9), CONTINUE),
        (look(151.2, 9), CONTINUE),
        (look(151.4, 9), stuck(151)),
    ]);
}

#[test]
fn a_command_that_fails_is_asked_for_again_with_the_limit_undoubled() {
    Script::documented(OnTimeout::PostCopy).limit(300).runs(&[
        (look(300.4, 900).fails(), POST_COPY),
        (look(300.8, 890).fails(), POST_COPY),
        (look(301.2, 880), POST_COPY),
        (look(301.6, 880), CONTINUE),
    ]);
    Script::documented(OnTimeout::Pause).limit(300).runs(&[
        (look(300.4, 900).fails(), PAUSE),
        (look(601.0, 890), PAUSE),
        (look(601.4, 880), overdue(600)),
    ]);
    Script::documented(OnTimeout::Abort)
        .limit(300)
        .runs(&[(look(300.4, 9).fails(), overdue(300)), (look(300.8, 9), overdue(300))]);
}

#[test]
fn a_migration_that_progresses_again_is_stuck_no_longer_if_its_abort_failed() {
    Script::documented(OnTimeout::Abort).limit(900).progress(150).runs(&[
        (look(0.0, 900), CONTINUE),
        (look(150.4, 900).fails(), stuck(150)),
        (look(150.8, 899), CONTINUE),
    ]);
}

#[test]
fn nothing_that_is_reported_leads_back_from_post_copy() {
    let mut monitor = Script::documented(OnTimeout::PostCopy).monitor();
    for action in [POST_COPY, PAUSE, CONTINUE, stuck(1), POST_COPY] {
        monitor.carried_out(&action);
        assert_eq!(monitor.mode(), Mode::PostCopy, "{action}");
    }
}

#[test]
fn a_monitor_that_takes_over_keeps_the_mode_and_the_start() {
    Script::documented(OnTimeout::PostCopy)
        .limit(300)
        .resumed(Mode::PostCopy, 310)
        .runs(&[(look(9999.0, 900), CONTINUE)]);
    Script::documented(OnTimeout::Pause)
        .limit(300)
        .resumed(Mode::Paused, 310)
        .runs(&[(look(599.0, 900), CONTINUE), (look(600.4, 890), overdue(600))]);
}

#[test]
fn a_monitor_that_takes_over_counts_progress_from_then_on() {
    Script::documented(OnTimeout::Abort).limit(900).progress(150).resumed(Mode::PreCopy, 700).runs(
        &[
            (look(700.4, None), CONTINUE),
            (look(850.0, None), CONTINUE),
            (look(850.4, None), stuck(150)),
        ],
    );
}

#[test]
fn a_look_without_a_count_is_no_progress() {
    Script::documented(OnTimeout::Abort).limit(900).progress(150).runs(&[
        (look(10.0, 500), CONTINUE),
        (look(160.0, None), CONTINUE),
        (look(160.4, None), stuck(150)),
    ]);
}

#[test]
fn time_that_runs_backwards_is_taken_as_standing_still() {
    Script::documented(OnTimeout::Abort).limit(300).progress(150).runs(&[
        (look(100.0, 500), CONTINUE),
        (look(5.0, 400), CONTINUE),
        (look(250.0, 400), CONTINUE),
        (look(5.0, 400), CONTINUE),
        (look(250.4, 400), stuck(150)),
    ]);
}

#[test]
fn parity_a5_post_copy_without_permission_to_disrupt_never_starts() {
    use ferry_config::Permission::{Allowed, Forbidden};
    for semantics in Semantics::ALL {
        for (post_copy, disruption, action) in [
            (Forbidden, Forbidden, overdue(300)),
            (Allowed, Forbidden, overdue(300)),
            (Forbidden, Allowed, PAUSE),
            (Allowed, Allowed, POST_COPY),
        ] {
            Script::new(semantics, OnTimeout::Abort)
                .permissions(post_copy, disruption)
                .limit(300)
                .runs(&[(look(300.0, 9), CONTINUE), (look(301.0, 8), action)]);
        }
    }
}

#[test]
fn parity_a7_only_kubevirt_takes_a_saw_for_progress() {
    let saw = |teeth: u32| (0..teeth).map(|i| (f64::from(i), if i % 2 == 0 { 900 } else { 500 }));
    let mut rows: Vec<_> =
        saw(152).map(|(seconds, remaining)| (look(seconds, remaining), CONTINUE)).collect();
    rows.push((look(152.0, 900), CONTINUE));
    Script::new(Semantics::KubeVirt, OnTimeout::PostCopy).limit(300).progress(150).runs(&rows);

    rows.pop();
    rows.push((look(152.0, 900), stuck(151)));
    Script::documented(OnTimeout::PostCopy).limit(300).progress(150).runs(&rows);
}
