//! A report for people.

use std::fmt::Write;
use std::time::Duration;

use ferry_rpc::{Ending, Progress, Story};
use ferry_units::WallTime;
use serde_json::Value;

use super::story::Report;
use crate::columns;
use crate::figures::span;

/// Writing into a `String` has nothing that could go wrong.
const INFALLIBLE: &str = "a String takes everything";

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    let Report { namespace, vm, migration, phase, .. } = report;
    let phase = if phase.is_empty() { "accepted" } else { phase };
    writeln!(out, "{namespace}/{vm}: migration {migration}: {phase}").expect(INFALLIBLE);
    columns::write(&mut out, "  ", &facts(report));
    phases(&mut out, report);
    settings(&mut out, report);
    if let Some(story) = &report.transfer {
        passes(&mut out, story);
        milestones(&mut out, story);
    }
    if !report.events.is_empty() {
        out.push_str("\nEvents\n");
        let rows = report.events.iter().map(|event| {
            let at = event.at.map(|at| at.to_string()).unwrap_or_default();
            vec![at, event.type_.clone(), event.reason.clone(), event.message.clone()]
        });
        columns::write(&mut out, "  ", &rows.collect::<Vec<_>>());
    }
    if !report.missing.is_empty() {
        out.push_str("\nNot known\n");
        for what in &report.missing {
            writeln!(out, "  - {what}").expect(INFALLIBLE);
        }
    }
    out
}

/// What there is one of.
fn facts(report: &Report) -> Vec<Vec<String>> {
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: Option<String>| {
        facts.extend(value.map(|value| vec![name.to_owned(), value]));
    };
    fact("created", report.created.map(|time| time.to_string()));
    fact("from", report.source_node.clone());
    fact("to", report.target_node.clone());
    let asked: Vec<_> =
        report.added_node_selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    fact("asked for", (!asked.is_empty()).then(|| asked.join(", ")));
    fact("mode", report.mode.clone());
    fact("waits for", report.waiting.clone());
    fact("why it failed", report.reason.clone());
    if report.abort_requested {
        fact("cancelled", Some(report.abort_status.clone().unwrap_or("asked for".to_owned())));
    }
    fact("policy", report.policy.clone());
    if let Some(story) = &report.transfer {
        let Progress { transferred, total, elapsed, downtime, passes, end, .. } = &story.last;
        fact("took", Some(span(*elapsed)));
        let s = if *passes == 1 { "" } else { "es" };
        fact("crossed", Some(format!("{transferred} in {passes} pass{s}, of {total}")));
        fact("average rate", transferred.per(*elapsed).map(|rate| rate.to_string()));
        fact(name_of_downtime(end.as_ref()), Some(span(*downtime)));
        fact("guest stood still", story.blackout_ns.map(|ns| span(Duration::from_nanos(ns))));
    }
    facts
}

/// Before the hand-over it is what a hand-over would cost, and a guest that stayed had none.
fn name_of_downtime(end: Option<&Ending>) -> &'static str {
    match end {
        Some(Ending::Completed) => "downtime",
        Some(Ending::Failed { .. }) | None => "expected downtime",
    }
}

fn phases(out: &mut String, report: &Report) {
    let Some(first) = report.phases.first() else { return };
    out.push_str("\nPhases\n");
    let begin = first.at;
    let rows = report
        .phases
        .iter()
        .map(|one| vec![one.phase.clone(), one.at.to_string(), after(begin, one.at)]);
    columns::write(out, "  ", &rows.collect::<Vec<_>>());
}

fn settings(out: &mut String, report: &Report) {
    if report.settings.is_empty() {
        return;
    }
    out.push_str("\nSettings\n");
    let rows = report.settings.iter().map(|(name, setting)| {
        let value = match &setting.value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        vec![name.clone(), value, setting.origin.clone().unwrap_or_default()]
    });
    columns::write(out, "  ", &rows.collect::<Vec<_>>());
}

fn passes(out: &mut String, story: &Story) {
    if story.passes.is_empty() {
        return;
    }
    out.push_str("\nPasses\n");
    let titles = ["pass", "crossed", "took", "rate", "guest wrote", "remained"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(story.passes.iter().map(|pass| {
        vec![
            pass.number.to_string(),
            pass.bytes.to_string(),
            span(pass.duration),
            pass.rate.to_string(),
            pass.dirty_rate.to_string(),
            pass.remaining.to_string(),
        ]
    }));
    columns::write(out, "  ", &rows);
}

fn milestones(out: &mut String, story: &Story) {
    if story.milestones.is_empty() {
        return;
    }
    out.push_str("\nMilestones\n");
    let rows =
        story.milestones.iter().map(|one| vec![after(story.started, one.at), one.what.clone()]);
    columns::write(out, "  ", &rows.collect::<Vec<_>>());
}

/// `+3.2 s`.
fn after(begin: WallTime, at: WallTime) -> String {
    format!("+{}", span(at.since(begin)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_stayed_was_not_down() {
        let failed = Ending::Failed { why: "aborted".to_owned() };
        for (end, name) in [
            (Some(&Ending::Completed), "downtime"),
            (Some(&failed), "expected downtime"),
            (None, "expected downtime"),
        ] {
            assert_eq!(name_of_downtime(end), name);
        }
    }
}
