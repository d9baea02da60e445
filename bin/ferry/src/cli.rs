//! What the command line may say.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ferry_config::Semantics;

use crate::cluster;

/// A virtual cluster for live migration, on one machine.
#[derive(Debug, Parser)]
#[command(name = "ferry", version, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Explain(ExplainArguments),
    Testbed(crate::testbed::TestbedArguments),
    #[command(flatten)]
    Cluster(cluster::Command),
    /// Print a script that completes ferry's commands in a shell
    ///
    /// For bash: source <(ferry completion bash)
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  ferry explain -f manifests/
  ferry explain -f policies.yaml -f vm.yaml --vm default/web-1 -o json

  A running cluster, asked about itself:
  ferry explain --cluster
  kubectl get hco,kubevirt,migrationpolicies,ns,vm,vmi -A -o yaml | ferry explain -f -";

/// Say what manifests mean for the live migration of each virtual machine
///
/// Reads HyperConverged or KubeVirt, MigrationPolicies, Namespaces, VirtualMachines and
/// VirtualMachineInstances, and prints for each virtual machine which policy applies and why the
/// others do not, the settings with where each came from, the completion timeout for its memory,
/// what happens then, and what a careful colleague would point out. Needs no cluster, unless it is to
/// ask one (--cluster).
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_long_help = EXPLAIN_EXAMPLES)]
pub(crate) struct ExplainArguments {
    /// Manifests: files, folders (their .yaml, .yml and .json files), or - for standard input
    #[arg(short = 'f', long = "filename", value_name = "FILE_OR_DIR", required_unless_present = "cluster", num_args = 1..)]
    pub(crate) files: Vec<PathBuf>,

    /// Ask a cluster about itself instead
    #[arg(long, conflicts_with = "files")]
    pub(crate) cluster: bool,

    /// Where the cluster is; without it, where the other commands find it
    #[arg(long, value_name = "PATH", requires = "cluster")]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// Read the folders within folders too
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,

    /// Explain only this virtual machine; without NS/, one of namespace default
    #[arg(long, value_name = "NS/NAME")]
    pub(crate) vm: Option<VmName>,

    /// Where the documentation and KubeVirt's code disagree, follow: documented, kubevirt
    ///
    /// Without it, what the cluster follows (--cluster), or documented for manifests.
    #[arg(long, value_name = "SEMANTICS", value_parser = parse_semantics())]
    pub(crate) semantics: Option<Semantics>,

    /// How to print
    #[arg(short = 'o', long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
    /// The same as json, as YAML
    Yaml,
}

/// The namespace and name of a virtual machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VmName {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl std::str::FromStr for VmName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (namespace, name) = text.split_once('/').unwrap_or(("default", text));
        if namespace.is_empty() || name.is_empty() || name.contains('/') {
            return Err("use NAMESPACE/NAME, such as default/web-1".to_owned());
        }
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

/// Offers both names to help and completion, and parses them once.
pub(crate) fn parse_semantics() -> impl clap::builder::TypedValueParser<Value = Semantics> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(Semantics::ALL.map(Semantics::name))
        .try_map(|name| name.parse::<Semantics>())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    /// Every line of the document that calls ferry, without what a shell would make of the rest.
    fn examples(document: &str) -> Vec<Vec<&str>> {
        let calls = document.lines().filter(|line| line.starts_with("$ ferry "));
        calls.map(|line| line["$ ".len()..].split(' ').collect()).collect()
    }

    #[test]
    fn every_example_of_the_document_is_a_command_line() {
        let document = include_str!("../../../docs/cli.md");
        let examples = examples(document);
        for words in &examples {
            let parsed = Cli::try_parse_from(words);
            assert!(parsed.is_ok(), "{words:?}: {}", parsed.unwrap_err());
        }
        let shown = |name: &str| examples.iter().any(|words| words[1] == name);
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            let is_elsewhere = matches!(name, "explain" | "completion");
            assert!(is_elsewhere || shown(name), "docs/cli.md shows no `ferry {name}`");
        }
    }

    #[test]
    fn a_vm_is_named_by_namespace_and_name() {
        for (text, expected) in [
            ("red/web", Some(("red", "web"))),
            ("web", Some(("default", "web"))),
            ("/web", None),
            ("red/", None),
            ("a/b/c", None),
        ] {
            let parsed = text.parse::<VmName>().ok();
            let parsed = parsed.as_ref().map(|vm| (vm.namespace.as_str(), vm.name.as_str()));
            assert_eq!(parsed, expected, "{text}");
        }
    }
}
