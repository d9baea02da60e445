//! What holds for every migration, whatever its settings, its counts and its clock.

use std::time::Duration;

use ferry_config::{OnTimeout, Semantics};
use ferry_convergence::{Action, Cause, Mode, Sample};
use ferry_units::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::script::{Look, Outcome, START, Script, play};

/// The loop of `live-migration-source.go#processInflightMigration` once more, in the plain numbers
/// that it uses: an oracle for the typed one.
struct Oracle {
    on_timeout: OnTimeout,
    acceptable: i64,
    progress_timeout: i64,
    mode: Mode,
    watermark: u64,
    remaining: u64,
    last_progress: u64,
}

impl Oracle {
    fn act(&mut self, look: &Look) -> String {
        let now = u64::try_from(look.at.as_millis()).expect("scripts last seconds");
        self.remaining = look.remaining.map_or(self.remaining, Bytes::get);
        if self.watermark == 0 || self.remaining < self.watermark {
            self.last_progress = now;
        }
        self.watermark = self.remaining;

        let elapsed = (now / 1000).cast_signed();
        let standstill = ((now - self.last_progress) / 1000).cast_signed();
        let works = look.outcome == Outcome::Succeeds;
        let overdue = self.acceptable != 0 && elapsed > self.acceptable;
        let assist = overdue && self.mode != Mode::Paused;
        if self.mode == Mode::PostCopy {
            "continue".to_owned()
        } else if assist && self.on_timeout == OnTimeout::PostCopy {
            if works {
                self.mode = Mode::PostCopy;
            }
            "start post-copy".to_owned()
        } else if assist && self.on_timeout == OnTimeout::Pause {
            if works {
                self.mode = Mode::Paused;
                self.acceptable *= 2;
            }
            "pause the guest".to_owned()
        } else if self.progress_timeout != 0 && standstill > self.progress_timeout {
            format!("abort: Live migration stuck for {standstill} seconds and has been aborted")
        } else if overdue {
            format!(
                "abort: Live migration is not completed after {} seconds and has been aborted",
                self.acceptable
            )
        } else {
            "continue".to_owned()
        }
    }
}

fn any_on_timeout() -> impl Strategy<Value = OnTimeout> {
    prop_oneof![Just(OnTimeout::Abort), Just(OnTimeout::Pause), Just(OnTimeout::PostCopy)]
}

fn any_script() -> impl Strategy<Value = Script> {
    let semantics = prop_oneof![Just(Semantics::Documented), Just(Semantics::KubeVirt)];
    (semantics, any_on_timeout(), -2..60_i64, -2..30_i64).prop_map(
        |(semantics, on_timeout, limit, progress)| {
            Script::new(semantics, on_timeout).limit(limit).progress(progress)
        },
    )
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![3 => Just(Outcome::Succeeds), 1 => Just(Outcome::Fails)]
}

/// Looks in order: few enough different counts to meet the same one often, and nothing at times.
fn looks() -> impl Strategy<Value = Vec<Look>> {
    let gap = prop_oneof![4 => Just(400_u64), 1 => 0..20_000_u64];
    let count = prop_oneof![8 => (0..6_u64).prop_map(Some), 1 => Just(None)];
    vec((gap, count, any_outcome()), 1..80).prop_map(|rows| {
        let mut at = Duration::ZERO;
        rows.into_iter()
            .map(|(gap, count, outcome)| {
                at += Duration::from_millis(gap);
                Look { at, remaining: count.map(Bytes::new), outcome }
            })
            .collect()
    })
}

/// Looks at any times in any order.
fn wild_looks() -> impl Strategy<Value = Vec<Look>> {
    let at = prop_oneof![0..100_000_000_000_u64, any::<u64>()].prop_map(Duration::from_nanos);
    let count = any::<Option<u64>>().prop_map(|count| count.map(Bytes::new));
    let look = (at, count, any_outcome());
    vec(look.prop_map(|(at, remaining, outcome)| Look { at, remaining, outcome }), 1..40)
}

proptest! {
    #[test]
    fn parity_the_monitor_does_what_kubevirts_loop_does(
        on_timeout in any_on_timeout(),
        limit in -2..60_i64,
        progress in -2..30_i64,
        looks in looks(),
    ) {
        let script = Script::new(Semantics::KubeVirt, on_timeout).limit(limit).progress(progress);
        let mut monitor = script.monitor();
        let mut oracle = Oracle {
            on_timeout,
            acceptable: limit,
            progress_timeout: progress,
            mode: Mode::PreCopy,
            watermark: 0,
            remaining: 0,
            last_progress: 0,
        };
        for look in &looks {
            prop_assert_eq!(play(&mut monitor, look).to_string(), oracle.act(look));
            prop_assert_eq!(monitor.mode(), oracle.mode);
        }
    }

    #[test]
    fn nothing_is_done_before_a_limit_is_passed(script in any_script(), looks in wild_looks()) {
        let mut monitor = script.monitor();
        for look in &looks {
            let decision = monitor.observe(START + look.at, &Sample { remaining: look.remaining });
            let reason = decision.reason;
            let overdue = reason.limit.is_exceeded_by(reason.elapsed);
            let stuck = Semantics::ALL
                .into_iter()
                .any(|each| reason.progress_timeout.is_exceeded_by(reason.standstill, each));
            prop_assert!(reason.standstill <= reason.elapsed);
            match (&decision.action, reason.cause) {
                (Action::Continue, Cause::PostCopy) => {
                    prop_assert_eq!(monitor.mode(), Mode::PostCopy);
                }
                (Action::Continue, Cause::WithinLimits) => prop_assert!(!overdue),
                (Action::Abort(_), Cause::Stuck) => prop_assert!(stuck),
                (
                    Action::StartPostCopy | Action::PauseGuest | Action::Abort(_),
                    Cause::Overdue,
                ) => prop_assert!(overdue),
                (action, cause) => prop_assert!(false, "{action:?} because of {cause:?}"),
            }
            if look.outcome == Outcome::Succeeds {
                monitor.carried_out(&decision.action);
            }
        }
    }

    #[test]
    fn post_copy_is_never_aborted_and_nothing_works_twice(
        script in any_script(),
        looks in wild_looks(),
    ) {
        let mut monitor = script.monitor();
        let mut worked = Vec::new();
        for look in &looks {
            let before = monitor.mode();
            let action = play(&mut monitor, look);
            if before == Mode::PostCopy {
                prop_assert_eq!(&action, &Action::Continue);
            }
            let changes_mode = matches!(action, Action::StartPostCopy | Action::PauseGuest);
            if changes_mode && look.outcome == Outcome::Succeeds {
                prop_assert!(!worked.contains(&action), "{} twice", action);
                worked.push(action);
            }
        }
    }

    #[test]
    fn what_the_documentation_calls_progress_kubevirt_does_too(
        looks in looks(),
        on_timeout in any_on_timeout(),
        limit in 0..60_i64,
    ) {
        let script = |semantics| Script::new(semantics, on_timeout).limit(limit).monitor();
        let mut documented = script(Semantics::Documented);
        let mut kubevirt = script(Semantics::KubeVirt);
        for look in &looks {
            let sample = Sample { remaining: look.remaining };
            let ours = documented.observe(START + look.at, &sample);
            let theirs = kubevirt.observe(START + look.at, &sample);
            prop_assert!(ours.reason.standstill >= theirs.reason.standstill);
            // Both follow the same shell, so that they are in the same mode.
            documented.carried_out(&ours.action);
            kubevirt.carried_out(&ours.action);
        }
    }

    #[test]
    fn a_saw_is_stuck_to_the_documentation_and_not_to_kubevirt(
        low in 1..1000_u64,
        tooth in 1..1000_u64,
        progress in 1..20_i64,
    ) {
        let mut documented = Script::documented(OnTimeout::Abort).progress(progress).monitor();
        let mut kubevirt =
            Script::new(Semantics::KubeVirt, OnTimeout::Abort).progress(progress).monitor();
        // Two looks make a tooth; the minimum is first met at the second look.
        let stuck_after = progress.cast_unsigned() * 1000 + 400;
        for tick in 0..200_u64 {
            let at = Duration::from_millis(400 * tick);
            let remaining = Some(Bytes::new(if tick % 2 == 0 { low + tooth } else { low }));
            let look = Look { at, remaining, outcome: Outcome::Fails };
            prop_assert_eq!(play(&mut kubevirt, &look), Action::Continue);
            let stuck = matches!(play(&mut documented, &look), Action::Abort(_));
            prop_assert_eq!(stuck, u128::from(stuck_after) < at.as_millis());
        }
    }
}
