//! A report for people.

use std::fmt::Write;

use ferry_config::{MigrationMethod, OnTimeout};
use ferry_policy::explain::{Report, VmReport, Warning};
use ferry_units::Bytes;
use serde_json::Value;

/// Writing to a `String` cannot fail.
const INFALLIBLE: &str = "a String takes all that is written to it";

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    if report.vms.is_empty() {
        out.push_str("No VirtualMachine or VirtualMachineInstance in the files given.\n");
    }
    for (index, vm) in report.vms.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        machine(&mut out, vm, report);
    }
    if !report.warnings.is_empty() {
        out.push_str("\nCluster and policies\n");
        warnings(&mut out, report.warnings.iter());
    }
    out
}

fn machine(out: &mut String, vm: &VmReport, report: &Report) {
    writeln!(out, "{}/{}", vm.namespace, vm.name).expect(INFALLIBLE);
    let policy = vm.policy.as_deref().unwrap_or("none applies, the cluster's settings do");
    facts(
        out,
        &[
            ("policy", policy.to_owned()),
            ("completion timeout", completion_timeout(vm, report)),
            ("at the timeout", at_the_timeout(vm).to_owned()),
        ],
    );
    settings(out, vm);
    if !vm.policies.is_empty() {
        out.push_str("  policies\n");
        let rows: Vec<_> = vm
            .policies
            .iter()
            .map(|policy| [policy.name.as_str(), policy.verdict, policy.reason.as_str()])
            .collect();
        table(out, &rows);
    }
    let own: Vec<_> =
        vm.warnings.iter().filter(|warning| !report.warnings.contains(warning)).collect();
    if !own.is_empty() {
        out.push_str("  warnings\n");
        warnings(out, own.into_iter());
    }
}

fn facts(out: &mut String, facts: &[(&str, String)]) {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, fact) in facts {
        writeln!(out, "  {name:width$}  {fact}").expect(INFALLIBLE);
    }
}

fn completion_timeout(vm: &VmReport, report: &Report) -> String {
    let (Some(limit), Some(memory)) = (vm.completion_limit, vm.memory) else {
        return "not known, since the machine's memory is not".to_owned();
    };
    let per_gib = vm.configuration.completion_timeout_per_gib.unwrap_or_default();
    let disks: Bytes = vm.disks.iter().filter_map(|disk| disk.size).sum();
    let moved = if disks.is_zero() {
        format!("{memory} of memory")
    } else {
        format!("{memory} of memory and {disks} of disks")
    };
    let method = match vm.method {
        MigrationMethod::LiveMigration => "",
        MigrationMethod::BlockMigration => ", BlockMigration",
    };
    format!("{limit} ({per_gib} s/GiB, {moved}{method}, {} semantics)", report.semantics)
}

const fn at_the_timeout(vm: &VmReport) -> &'static str {
    match vm.on_timeout {
        OnTimeout::Abort => "Abort: the migration is given up, the guest stays where it is",
        OnTimeout::Pause => {
            "Pause: the guest stands still while the rest crosses; given up after twice the timeout"
        }
        OnTimeout::PostCopy => {
            "PostCopy: the guest moves at once and fetches the rest of its memory; never given up"
        }
    }
}

fn settings(out: &mut String, vm: &VmReport) {
    let configuration = serde_json::to_value(&vm.configuration).unwrap_or_default();
    let Value::Object(configuration) = configuration else { return };
    let printed: Vec<_> = configuration
        .iter()
        .map(|(key, value)| match value {
            Value::String(text) => (key, text.clone()),
            other => (key, other.to_string()),
        })
        .collect();
    let rows: Vec<_> = printed
        .iter()
        .map(|(key, value)| {
            let origin = vm.origins.get(key.as_str()).map_or("", String::as_str);
            [key.as_str(), value.as_str(), origin]
        })
        .collect();
    out.push_str("  settings\n");
    table(out, &rows);
}

/// Rows of three columns, the first two as wide as their widest cell.
fn table(out: &mut String, rows: &[[&str; 3]]) {
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    for [a, b, c] in rows {
        writeln!(out, "    {a:first$}  {b:second$}  {c}").expect(INFALLIBLE);
    }
}

fn warnings<'a>(out: &mut String, warnings: impl Iterator<Item = &'a Warning>) {
    for warning in warnings {
        writeln!(out, "    - {} [{}]", warning.message, warning.code).expect(INFALLIBLE);
    }
}
