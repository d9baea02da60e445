//! `ferry get`: what there is, as tables for people or whole for programs.

mod objects;
mod table;
mod watch;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use super::ClusterArguments;
use super::connection::Cluster;
use super::kinds::{Kinds, Place, ServedKind};
use super::problem::Problems;
use super::resources::{self, Named};
use crate::output::{Printer, Status};

const EXAMPLES: &str = "\
Examples:
  ferry get vm
  ferry get vmi,vmim -A
  ferry get vmim move-web -o yaml
  ferry get vmim -w

Kinds are called as kubectl calls them: vm, vmi, vmim, migrationpolicies, nodes, hco and so on.";

/// Print objects: tables as kubectl prints them, or all that is known of each
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of kubectl's")]
pub(crate) struct Arguments {
    /// What to print: kinds, a kind and names, or kinds with names (vm/web)
    #[arg(value_name = "KIND[,KIND] [NAME]... | KIND/NAME", required = true)]
    words: Vec<String>,

    /// Those of all namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,

    /// Only those with these labels, such as app=web,tier!=back
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,

    /// Only those with these fields, such as metadata.name=web
    #[arg(long, value_name = "FIELDS")]
    field_selector: Option<String>,

    /// How to print
    #[arg(short = 'o', long, value_enum, default_value_t)]
    output: Output,

    /// Print no headings
    #[arg(long)]
    no_headers: bool,

    /// Go on, and print what changes
    #[arg(short = 'w', long)]
    watch: bool,

    /// Be content where a named object is not there
    #[arg(long)]
    ignore_not_found: bool,

    #[command(flatten)]
    cluster: ClusterArguments,
}

/// How objects are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A table
    #[default]
    Table,
    /// A table with more columns
    Wide,
    /// Kinds and names
    Name,
    /// Whole objects, as JSON
    Json,
    /// Whole objects, as YAML
    Yaml,
}

/// Objects of one kind that are asked for, and how.
struct Question<'a> {
    arguments: &'a Arguments,
    cluster: &'a Cluster,
    named: Named,
}

pub(super) async fn run(arguments: &Arguments, out: &mut Printer) -> Result<Status> {
    let cluster = Cluster::connect(&arguments.cluster).await?;
    let kinds = Kinds::of(&cluster).await?;
    let named = resources::named(&arguments.words, &kinds)?;
    let is_anywhere = |one: &Named| one.name.is_some() && one.kind.place == Place::Namespace;
    if arguments.all_namespaces && named.iter().any(is_anywhere) {
        bail!("a resource cannot be retrieved by name across all namespaces");
    }
    let has_selector = arguments.selector.is_some() || arguments.field_selector.is_some();
    if has_selector && named.iter().any(|one| one.name.is_some()) {
        bail!("objects are either named or selected: leave the names or the selectors out");
    }
    let questions: Vec<_> =
        named.into_iter().map(|named| Question { arguments, cluster: &cluster, named }).collect();
    if arguments.watch {
        return match questions.as_slice() {
            [question] => watch::run(question, out).await,
            _ => bail!("only one kind, or one object, can be watched at a time"),
        };
    }
    let problems = match arguments.output {
        Output::Table | Output::Wide => table::run(&questions, out).await?,
        Output::Name | Output::Json | Output::Yaml => objects::run(&questions, out).await?,
    };
    Problems::none_of(problems)?;
    Ok(Status::Success)
}

impl Question<'_> {
    /// Where its objects are: `/apis/kubevirt.io/v1/namespaces/default/virtualmachines`.
    fn path(&self) -> String {
        let resource = &self.named.kind.resource;
        let group = if resource.group.is_empty() { "api" } else { "apis" };
        let root = format!("/{group}/{}", resource.api_version);
        match self.named.kind.place {
            Place::Cluster => format!("{root}/{}", resource.plural),
            Place::Namespace if self.arguments.all_namespaces => {
                format!("{root}/{}", resource.plural)
            }
            Place::Namespace => {
                format!("{root}/namespaces/{}/{}", self.cluster.namespace, resource.plural)
            }
        }
    }

    /// What selects them. A named object is selected by its name, so that it can be watched.
    fn fields(&self) -> Option<String> {
        match &self.named.name {
            Some(name) => Some(format!("metadata.name={name}")),
            None => self.arguments.field_selector.clone(),
        }
    }

    fn shows_namespace(&self) -> bool {
        self.arguments.all_namespaces && self.named.kind.place == Place::Namespace
    }

    fn kind(&self) -> &ServedKind {
        &self.named.kind
    }
}

/// What is told where there is nothing.
fn nothing(questions: &[Question<'_>]) -> String {
    let is_namespaced = questions.iter().any(|one| one.kind().place == Place::Namespace);
    match questions.first() {
        Some(one) if is_namespaced && !one.arguments.all_namespaces => {
            format!("No resources found in {} namespace.", one.cluster.namespace)
        }
        Some(_) | None => "No resources found".to_owned(),
    }
}
