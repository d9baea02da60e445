//! `ferry delete`: objects go, and the command waits until they have.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use clap::{ArgAction, Args};
use kube::api::DeleteParams;
use kube::core::DynamicObject;
use serde_json::Value;

use super::ClusterArguments;
use super::connection::Cluster;
use super::kinds::{Kinds, ServedKind};
use super::problem::Problems;
use super::resources;
use super::until::{Waited, until};
use super::values::duration;
use crate::manifests::{self, Manifest, Recursion};
use crate::output::{Printer, Status};

const EXAMPLES: &str = "\
Examples:
  ferry delete vm web
  ferry delete vm/web vmim/move-web --wait=false
  ferry delete -f manifests/";

/// Delete objects by name, or those that manifests describe, and wait until they are gone
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// What to delete: a kind and names, or kinds with names (vm/web)
    #[arg(
        value_name = "KIND NAME | KIND/NAME",
        conflicts_with = "files",
        required_unless_present = "files"
    )]
    words: Vec<String>,

    /// Manifests whose objects are deleted: files, folders, or - for standard input
    #[arg(short = 'f', long = "filename", value_name = "FILE_OR_DIR", num_args = 1..)]
    files: Vec<PathBuf>,

    /// Read the folders within folders too
    #[arg(short = 'R', long)]
    recursive: bool,

    /// Whether to wait until the objects are gone
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
          default_value_t = true, default_missing_value = "true")]
    wait: bool,

    /// How long to wait at most, such as 30s or 5m; without it, as long as it takes
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,

    /// Be content where an object is not there
    #[arg(long)]
    ignore_not_found: bool,

    #[command(flatten)]
    cluster: ClusterArguments,
}

/// An object that is to go.
struct Doomed {
    kind: ServedKind,
    namespace: String,
    name: String,
}

/// One that the server has let go of, or is about to.
struct Going {
    object: Doomed,
    uid: String,
}

pub(super) async fn run(arguments: &Arguments, out: &mut Printer) -> Result<Status> {
    let (documents, problems) =
        manifests::read(&arguments.files, Recursion::of(arguments.recursive));
    Problems::none_of(problems)?;
    let cluster = Cluster::connect(&arguments.cluster).await?;
    let kinds = Kinds::of(&cluster).await?;
    let doomed = if arguments.files.is_empty() {
        of_words(&arguments.words, &kinds, &cluster)?
    } else {
        of_manifests(&documents, &kinds, &cluster)?
    };
    let mut going = Vec::new();
    let mut problems = Vec::new();
    for object in doomed {
        match object.delete(&cluster).await {
            Ok(uid) => {
                out.line(&format!("{} \"{}\" deleted", object.kind.printed(), object.name))?;
                going.push(Going { object, uid });
            }
            Err(error) if error.is_not_found() && arguments.ignore_not_found => {}
            Err(error) => problems.push(error.to_string()),
        }
    }
    if arguments.wait {
        for one in &going {
            if let Err(error) = one.wait(&cluster, arguments.timeout).await {
                problems.push(error.to_string());
            }
        }
    }
    Problems::none_of(problems)?;
    Ok(Status::Success)
}

fn of_words(words: &[String], kinds: &Kinds, cluster: &Cluster) -> Result<Vec<Doomed>> {
    let mut doomed = Vec::new();
    for named in resources::named(words, kinds)? {
        let Some(name) = named.name else {
            bail!("which {}? name it: ferry delete {} NAME", named.kind.printed(), words[0]);
        };
        doomed.push(Doomed { kind: named.kind, namespace: cluster.namespace.clone(), name });
    }
    Ok(doomed)
}

fn of_manifests(documents: &[Manifest], kinds: &Kinds, cluster: &Cluster) -> Result<Vec<Doomed>> {
    let mut doomed = Vec::new();
    let mut problems = Vec::new();
    for document in documents {
        match of_manifest(document, kinds, cluster) {
            Ok(one) => doomed.push(one),
            Err(error) => problems.push(format!("{}: {error}", document.place())),
        }
    }
    Problems::none_of(problems)?;
    Ok(doomed)
}

fn of_manifest(manifest: &Manifest, kinds: &Kinds, cluster: &Cluster) -> Result<Doomed> {
    let value = &manifest.document.value;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let metadata = |field: &str| text(value.get("metadata").and_then(|found| found.get(field)));
    let api_version = text(value.get("apiVersion")).unwrap_or_default();
    let kind = text(value.get("kind")).unwrap_or_default();
    let kind = kinds
        .of_manifest(&api_version, &kind)
        .ok_or_else(|| anyhow!("the server has no kind {kind:?} in {api_version:?}"))?;
    let name = metadata("name").ok_or_else(|| anyhow!("metadata.name: Required value"))?;
    let namespace = metadata("namespace").unwrap_or_else(|| cluster.namespace.clone());
    Ok(Doomed {
        kind: kind.clone(),
        namespace: resources::checked(&namespace)?,
        name: resources::checked(&name)?,
    })
}

impl Doomed {
    fn api(&self, cluster: &Cluster) -> kube::Api<DynamicObject> {
        self.kind.objects(&cluster.client, &self.namespace)
    }

    /// Deletes it; the answer is the uid of what goes.
    async fn delete(&self, cluster: &Cluster) -> Result<String, super::problem::ApiError> {
        let params = DeleteParams::background();
        let answer = self.api(cluster).delete(&self.name, &params).await;
        let answer = answer.map_err(|error| cluster.told(error))?;
        // The object as it goes, or word that it has gone.
        let of_status = |details: Option<kube::core::response::StatusDetails>| {
            details.map(|details| details.uid).unwrap_or_default()
        };
        Ok(answer.either(
            |object| object.metadata.uid.unwrap_or_default(),
            |status| of_status(status.details),
        ))
    }
}

impl Going {
    async fn wait(&self, cluster: &Cluster, limit: Option<Duration>) -> Result<()> {
        let Doomed { kind, name, .. } = &self.object;
        let uid = &self.uid;
        let is_gone = |found: Option<&DynamicObject>| {
            found.is_none_or(|found| found.metadata.uid.as_ref() != Some(uid))
        };
        match until(self.object.api(cluster), name, limit, is_gone).await {
            Waited::Come => Ok(()),
            Waited::TooLong => bail!(
                "{}/{name} is not gone after {:?}; its finalizers may hold it",
                kind.printed(),
                limit.unwrap_or_default()
            ),
        }
    }
}
