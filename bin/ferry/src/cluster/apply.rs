//! `ferry apply`: manifests become objects, by server-side apply.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use clap::Args;
use ferry_api::{Decoded, decode};
use kube::api::{Patch, PatchParams};
use kube::core::DynamicObject;
use serde_json::Value;

use super::ClusterArguments;
use super::connection::Cluster;
use super::kinds::{Kinds, Place, ServedKind};
use super::problem::{ApiError, Problems};
use crate::manifests::{self, Manifest, Recursion};
use crate::output::{Printer, Status};

/// Who owns the fields that are applied.
const MANAGER: &str = "ferry";

const EXAMPLES: &str = "\
Examples:
  ferry apply -f vm.yaml
  ferry apply -f manifests/ -R --dry-run
  cat vm.yaml | ferry apply -f -";

/// Make objects as manifests say, or change them until they are
///
/// All manifests are read and checked first, by ferry and by the server; nothing is written where
/// one is malformed. Fields that somebody else has set and the manifest does not name stay.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Manifests: files, folders (their .yaml, .yml and .json files), or - for standard input
    #[arg(short = 'f', long = "filename", value_name = "FILE_OR_DIR", required = true, num_args = 1..)]
    files: Vec<PathBuf>,

    /// Read the folders within folders too
    #[arg(short = 'R', long)]
    recursive: bool,

    #[command(flatten)]
    manner: Manner,

    #[command(flatten)]
    cluster: ClusterArguments,
}

/// How manifests are applied.
#[derive(Clone, Debug, Default, Args)]
struct Manner {
    /// Ask the server what would happen, and write nothing
    #[arg(long)]
    dry_run: bool,

    /// Take over fields that somebody else has set to another value
    #[arg(long)]
    force_conflicts: bool,
}

/// A document that has been checked and knows where it goes.
struct Applied {
    place: String,
    kind: ServedKind,
    name: String,
    namespace: String,
    body: Value,
}

/// What came of applying it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Created,
    Configured,
    Unchanged,
}

pub(super) async fn run(arguments: &Arguments, out: &mut Printer) -> Result<Status> {
    let (documents, mut problems) =
        manifests::read(&arguments.files, Recursion::of(arguments.recursive));
    // What needs no server is told before one is asked.
    let mistakes = documents.iter().flat_map(mistakes);
    problems.extend(mistakes);
    Problems::none_of(problems)?;
    if documents.is_empty() {
        bail!("no objects passed to apply");
    }
    let cluster = Cluster::connect(&arguments.cluster).await?;
    apply(&cluster, documents, &arguments.manner, out).await?;
    Ok(Status::Success)
}

/// Applies the manifests in a text of ours.
pub(super) async fn text(
    cluster: &Cluster,
    file: &str,
    text: &str,
    out: &mut Printer,
) -> Result<()> {
    let documents = manifests::of_text(file, text)?;
    apply(cluster, documents, &Manner::default(), out).await
}

async fn apply(
    cluster: &Cluster,
    documents: Vec<Manifest>,
    manner: &Manner,
    out: &mut Printer,
) -> Result<()> {
    let kinds = Kinds::of(cluster).await?;
    let mut applied = Vec::new();
    let mut problems = Vec::new();
    for document in documents {
        let place = document.place();
        match placed(document, &kinds, cluster) {
            Ok(one) => applied.push(one),
            Err(error) => problems.push(format!("{place}: {error}")),
        }
    }
    Problems::none_of(problems)?;
    rehearse(&applied, cluster).await?;
    let mut problems = Vec::new();
    for one in &applied {
        match one.apply(cluster, &manner.params()).await {
            Ok(change) => out.line(&one.told(change, manner.dry_run))?,
            Err(error) => problems.push(format!("{}: {error}{}", one.place, hint(&error))),
        }
    }
    Ok(Problems::none_of(problems)?)
}

/// Everything that is wrong with a document in itself.
fn mistakes(manifest: &Manifest) -> Vec<String> {
    let place = manifest.place();
    match decode(&manifest.document.value) {
        Ok(Decoded::Known { .. } | Decoded::Foreign { .. }) => Vec::new(),
        Err(errors) => errors.iter().map(|error| format!("{place}: {error}")).collect(),
    }
}

/// Where a document goes.
fn placed(manifest: Manifest, kinds: &Kinds, cluster: &Cluster) -> Result<Applied> {
    let place = manifest.place();
    let body = manifest.document.value;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let api_version = text(body.get("apiVersion")).unwrap_or_default();
    let kind = text(body.get("kind")).unwrap_or_default();
    let kind = kinds
        .of_manifest(&api_version, &kind)
        .ok_or_else(|| anyhow!("the server has no kind {kind} in {api_version}"))?
        .clone();
    let metadata = body.get("metadata");
    let name = text(metadata.and_then(|metadata| metadata.get("name")))
        .filter(|name| !name.is_empty())
        .ok_or_else(|| anyhow!("metadata.name: Required value: what is applied needs a name"))?;
    let name = super::resources::checked(&name)?;
    let own = text(metadata.and_then(|metadata| metadata.get("namespace")));
    let namespace = own.unwrap_or_else(|| cluster.namespace.clone());
    let namespace = match kind.place {
        Place::Cluster => String::new(),
        Place::Namespace => super::resources::checked(&namespace)?,
    };
    Ok(Applied { place, kind, name, namespace, body: Value::Object(body) })
}

/// Has the server check everything before it is told to do anything. What it refuses for the sake
/// of other objects, which may come with an earlier document, is left to the moment itself.
async fn rehearse(applied: &[Applied], cluster: &Cluster) -> Result<()> {
    let params = PatchParams::apply(MANAGER).force().dry_run().validation_strict();
    let mut problems = Vec::new();
    for one in applied {
        match one.patch(cluster, &params).await {
            Ok(_) => {}
            Err(error) if is_of_the_document(&error) => {
                problems.push(format!("{}: {error}", one.place));
            }
            Err(refused @ ApiError::Refused(_)) => drop(refused),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Problems::none_of(problems)?)
}

/// What can be done about a refusal.
fn hint(error: &ApiError) -> &'static str {
    match error.status() {
        Some(status) if status.is_conflict() => "; --force-conflicts takes such fields over",
        Some(_) | None => "",
    }
}

/// Whether the document itself is what the server minds.
fn is_of_the_document(error: &ApiError) -> bool {
    let is_admission = |text: &str| text.starts_with("admission webhook");
    error.status().is_some_and(|status| {
        status.is_invalid() || (status.code == 400 && !is_admission(&status.message))
    })
}

impl Applied {
    async fn apply(&self, cluster: &Cluster, params: &PatchParams) -> Result<Change, ApiError> {
        let api = self.kind.objects(&cluster.client, &self.namespace);
        let before = api.get_opt(&self.name).await.map_err(|error| cluster.told(error))?;
        let after = self.patch(cluster, params).await?;
        Ok(match before {
            None => Change::Created,
            Some(before) => Change::between(before, after),
        })
    }

    async fn patch(
        &self,
        cluster: &Cluster,
        params: &PatchParams,
    ) -> Result<DynamicObject, ApiError> {
        let api = self.kind.objects(&cluster.client, &self.namespace);
        let patch = Patch::Apply(&self.body);
        api.patch(&self.name, params, &patch).await.map_err(|error| cluster.told(error))
    }

    /// `virtualmachine.kubevirt.io/web created`.
    fn told(&self, change: Change, is_dry: bool) -> String {
        let what = match change {
            Change::Created => "created",
            Change::Configured => "configured",
            Change::Unchanged => "unchanged",
        };
        let dry = if is_dry { " (server dry run)" } else { "" };
        format!("{}/{} {what}{dry}", self.kind.printed(), self.name)
    }
}

impl Change {
    fn between(before: DynamicObject, after: DynamicObject) -> Self {
        if content(before) == content(after) { Self::Unchanged } else { Self::Configured }
    }
}

/// What an object says, without what the server writes beside it.
fn content(mut object: DynamicObject) -> DynamicObject {
    object.metadata.managed_fields = None;
    object.metadata.resource_version = None;
    object.metadata.generation = None;
    object
}

impl Manner {
    fn params(&self) -> PatchParams {
        let params = PatchParams::apply(MANAGER).validation_strict();
        let params = if self.dry_run { params.dry_run() } else { params };
        if self.force_conflicts { params.force() } else { params }
    }
}
