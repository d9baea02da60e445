//! What whoever waits for a migration sees: a bar at a terminal, a line for each milestone
//! elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use ferry_api::kubevirt::MigrationPhase;
use ferry_rpc::{Mode, Progress};
use ferry_units::{Bytes, BytesPerSecond};
use indicatif::{ProgressBar, ProgressStyle};

use crate::figures::{size, span};
use crate::output::printable;

/// How often the bar turns its wheel.
const TURN: Duration = Duration::from_millis(120);

/// Before memory crosses there is nothing to measure.
const WAITING: &str = "{spinner} {prefix}  {wide_msg}";

/// What has crossed of what there is.
///
/// What is told of it takes two lines, so that a terminal of 80 columns shows all of it.
const CROSSING: &str = "{prefix}  [{bar:16}] {percent:>3}%  {msg}";

/// Tells how a migration goes.
pub(crate) struct Teller {
    vm: String,
    manner: Manner,
    phase: Option<MigrationPhase>,
    waiting: Option<String>,
    mode: Option<Mode>,
}

enum Manner {
    /// On one line that changes.
    Bar(ProgressBar),
    /// In a line for each milestone.
    Lines,
    /// Not at all.
    Silence,
}

impl Teller {
    /// For whoever is there: a bar where standard error is a terminal, lines where it is not.
    pub(crate) fn for_people(vm: &str) -> Self {
        let manner = if stderr().is_terminal() {
            let bar = ProgressBar::no_length().with_prefix(printable(vm).into_owned());
            bar.set_style(style(WAITING));
            bar.enable_steady_tick(TURN);
            Manner::Bar(bar)
        } else {
            Manner::Lines
        };
        Self { vm: vm.to_owned(), manner, phase: None, waiting: None, mode: None }
    }

    /// For programs, which want nothing but the end.
    pub(crate) fn silent() -> Self {
        Self { vm: String::new(), manner: Manner::Silence, phase: None, waiting: None, mode: None }
    }

    /// The phase, and what it waits for in it.
    pub(crate) fn phase(&mut self, phase: MigrationPhase, waiting: Option<&str>) {
        if self.phase == Some(phase) && self.waiting.as_deref() == waiting {
            return;
        }
        self.phase = Some(phase);
        self.waiting = waiting.map(str::to_owned);
        let name = if phase.is_unset() { "accepted" } else { phase.name() };
        self.say(&match waiting {
            Some(why) => format!("{name}: {why}"),
            None => name.to_owned(),
        });
    }

    /// How memory crosses.
    pub(crate) fn progress(&mut self, progress: &Progress) {
        // Before the guest has counted its memory there is nothing to say.
        if progress.mode != self.mode && !progress.total.is_zero() {
            self.mode = progress.mode;
            match (&self.manner, progress.mode) {
                (Manner::Lines, Some(mode)) => {
                    self.say(&format!("{mode}, {} left", progress.remaining));
                }
                (Manner::Lines | Manner::Bar(_) | Manner::Silence, _) => {}
            }
        }
        if let Manner::Bar(bar) = &self.manner {
            let done = progress.total.saturating_sub(progress.remaining);
            bar.set_style(style(CROSSING));
            bar.set_length(progress.total.get());
            bar.set_position(done.get());
            bar.set_message(printable(&crossing(progress)).into_owned());
        }
    }

    /// Something worth a line of its own.
    pub(crate) fn say(&self, text: &str) {
        let text = printable(text);
        match &self.manner {
            Manner::Bar(bar) => bar.set_message(text.into_owned()),
            Manner::Lines => eprintln!("{}: {text}", printable(&self.vm)),
            Manner::Silence => {}
        }
    }

    /// Says something that stays above the bar.
    pub(crate) fn note(&self, text: &str) {
        let text = printable(text);
        match &self.manner {
            Manner::Bar(bar) => bar.suspend(|| eprintln!("{text}")),
            Manner::Lines => eprintln!("{text}"),
            Manner::Silence => {}
        }
    }

    /// Stands still while somebody is asked something.
    pub(crate) fn pause(&self) {
        if let Manner::Bar(bar) = &self.manner {
            bar.disable_steady_tick();
        }
    }

    /// Goes on.
    pub(crate) fn resume(&self) {
        if let Manner::Bar(bar) = &self.manner {
            bar.enable_steady_tick(TURN);
        }
    }

    /// Clears the line.
    pub(crate) fn finish(&self) {
        if let Manner::Bar(bar) = &self.manner {
            bar.finish_and_clear();
        }
    }
}

/// `312 MiB left, pass 3`, and under it the rates and what they lead to.
fn crossing(progress: &Progress) -> String {
    let Progress { passes, downtime, throttle, .. } = progress;
    let rate = |rate: BytesPerSecond| format!("{}/s", size(Bytes::new(rate.get())));
    let way = match progress.mode {
        None | Some(Mode::PreCopy) => format!("pass {}", (*passes).max(1)),
        Some(mode @ (Mode::Paused | Mode::PostCopy)) => mode.to_string(),
    };
    let mut parts = vec![rate(progress.rate)];
    if progress.dirty_rate.get() > 0 {
        parts.push(format!("guest writes {}", rate(progress.dirty_rate)));
    }
    parts.push(format!("downtime {}", span(*downtime)));
    if throttle.get() > 0 {
        parts.push(format!("slowed by {throttle}"));
    }
    format!("{} left, {way}\n  {}", size(progress.remaining), parts.join(", "))
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .expect("the templates above are sound, as a test shows")
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use ferry_units::Percent;

    use super::*;

    #[test]
    fn templates_are_sound() {
        for template in [WAITING, CROSSING] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn figures_are_read_at_a_glance() {
        let progress = Progress {
            remaining: Bytes::from_mib(312),
            rate: BytesPerSecond::new(67_300_000),
            dirty_rate: BytesPerSecond::from_mib(20),
            passes: 3,
            downtime: Duration::from_millis(240),
            ..Progress::default()
        };
        expect![[r"
            312 MiB left, pass 3
              64 MiB/s, guest writes 20 MiB/s, downtime 240 ms"]]
        .assert_eq(&crossing(&progress));
        let late = Progress {
            mode: Some(Mode::PostCopy),
            throttle: Percent::new(20).unwrap(),
            dirty_rate: BytesPerSecond::new(0),
            remaining: Bytes::new(1_600_000),
            ..progress
        };
        expect![[r"
            1.52 MiB left, PostCopy
              64 MiB/s, downtime 240 ms, slowed by 20 %"]]
        .assert_eq(&crossing(&late));
    }
}
