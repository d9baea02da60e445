//! `ferry explain`.

mod read;
mod text;

use ferry_config::Semantics;
use ferry_policy::explain::{Report, VmReport, Warning, explain};

use crate::cli::{ExplainArguments, Format, VmName};
use crate::cluster::dump::{self, Dump};
use crate::manifests::{self, Recursion};
use crate::output::{Outcome, Status};

/// The most names that an error lists.
const MOST_NAMES: usize = 10;

pub(crate) fn run(arguments: &ExplainArguments) -> Outcome {
    let (manifests, errors, own) = if arguments.cluster {
        match dump::read(arguments.kubeconfig.as_deref()) {
            Ok(Dump { manifests, semantics }) => (manifests, Vec::new(), semantics),
            Err(error) => return Outcome::failure([format!("{error:#}")]),
        }
    } else {
        let (manifests, errors) =
            manifests::read(&arguments.files, Recursion::of(arguments.recursive));
        (manifests, errors, Semantics::default())
    };
    let semantics = arguments.semantics.unwrap_or(own);
    let (inventory, mut notes) = match read::inventory(&manifests, errors, semantics) {
        Ok(read) => read,
        Err(errors) => return Outcome::failure(errors),
    };
    let mut report = explain(&inventory, semantics);
    if let Some(wanted) = &arguments.vm {
        report = match only(report, wanted) {
            Ok(report) => report,
            Err(error) => return Outcome::failure([error]),
        };
    }
    // The JSON contract has a place for warnings with each machine, and none without machines.
    if report.vms.is_empty() && arguments.output != Format::Text {
        let told = |warning: &Warning| format!("warning: {} [{}]", warning.message, warning.code);
        notes.extend(report.warnings.iter().map(told));
    }
    match render(&report, arguments.output) {
        Ok(result) => Outcome { result, notes, status: Status::Success },
        Err(error) => Outcome::failure([format!("cannot print the result: {error}")]),
    }
}

fn render(report: &Report, format: Format) -> anyhow::Result<String> {
    Ok(match format {
        Format::Text => text::render(report),
        Format::Json => serde_json::to_string_pretty(report)? + "\n",
        Format::Yaml => serde_saphyr::to_string(report)?,
    })
}

/// The report on one machine.
fn only(report: Report, wanted: &VmName) -> Result<Report, String> {
    let is_wanted = |vm: &VmReport| vm.namespace == wanted.namespace && vm.name == wanted.name;
    if report.vms.iter().any(is_wanted) {
        let vms = report.vms.into_iter().filter(is_wanted).collect();
        return Ok(Report { vms, ..report });
    }
    let names: Vec<_> = report
        .vms
        .iter()
        .take(MOST_NAMES)
        .map(|vm| format!("{}/{}", vm.namespace, vm.name))
        .collect();
    let there_are = match report.vms.len() {
        0 => "there are none".to_owned(),
        count if count > MOST_NAMES => format!("there are {} and others", names.join(", ")),
        _ => format!("there are {}", names.join(", ")),
    };
    Err(format!(
        "--vm {}/{}: no such VM in the files given; {there_are}",
        wanted.namespace, wanted.name
    ))
}
