//! What `virtctl` asks for: to start, stop, migrate and pause machines.

use bytes::Bytes;
use ferry_admission::{Action, Subject};
use ferry_registry::{Document, Refusal, Run};
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Api;
use super::answer::{self, Answer};
use super::backend::{Backend, Process};
use super::negotiate::Offer;
use super::options::{WriteKind, write_options};
use super::path::VirtctlObject;
use super::request::Asked;

/// The version of KubeVirt whose API this is.
const KUBEVIRT_VERSION: &str = "v1.8.0";

impl<B: Backend, P: Process> Api<B, P> {
    /// Does it.
    pub(super) async fn virtctl(
        &self,
        asked: &Asked<'_>,
        object: &VirtctlObject,
        body: Bytes,
    ) -> Result<Answer, Refusal> {
        let mut options = asked.options(body).await.map_err(|why| unreadable(&why.to_string()))?;
        let run = write_options(WriteKind::Update, asked.headers, &asked.query)?.run;
        if run == Run::Dry {
            options.insert("dryRun".to_owned(), json!(["All"]));
        }
        let action = action(object, options)?.ok_or(Refusal::NoSuchPath)?;
        if asked.method != Method::PUT {
            return Err(Refusal::MethodNotAllowed);
        }
        let answer = self.backend.act((**asked.user).clone(), action).await?;
        Ok(answer::bare(StatusCode::from_u16(answer.code()).unwrap_or(StatusCode::ACCEPTED)))
    }

    /// The version, which `virtctl` compares with its own.
    pub(super) fn virtctl_version(asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let version = json!({
            "gitVersion": format!("{KUBEVIRT_VERSION}+ferry"),
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "",
            "compiler": "rustc",
            "platform": super::documents::PLATFORM,
        });
        Ok(answer::document(StatusCode::OK, asked.format(Offer::Plain)?, &version))
    }

    /// Whether that API is well: it is the same process.
    pub(super) fn virtctl_health(asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let health = json!({ "apiserver": { "connectivity": "ok" } });
        Ok(answer::document(StatusCode::OK, asked.format(Offer::Plain)?, &health))
    }
}

// PARITY: pkg/virt-api/rest/lifecycle.go#decodeBody
fn unreadable(why: &str) -> Refusal {
    Refusal::BadRequest {
        message: format!("Can not unmarshal Request body to struct, error: {why}"),
    }
}

fn read<T: DeserializeOwned>(options: Document) -> Result<T, Refusal> {
    serde_json::from_value(Value::Object(options)).map_err(|why| unreadable(&why.to_string()))
}

/// Refuses other rehearsals than that of all. What is paused is asked of the node, which knows that one
/// alone and takes every other word for none.
// PARITY: pkg/virt-api/rest/lifecycle.go#StartVMRequestHandler: the API server refuses the patch.
fn check_dry_run(object: &VirtctlObject, options: &Document) -> Result<(), Refusal> {
    if matches!(object.verb.as_str(), "pause" | "unpause") {
        return Ok(());
    }
    let stages = options.get("dryRun").and_then(Value::as_array);
    let mut other = stages.into_iter().flatten().filter(|stage| *stage != "All");
    match other.next() {
        None => Ok(()),
        Some(stage) => Err(Refusal::Internal {
            message: format!(
                "Internal error occurred: PatchOptions.meta.k8s.io \"\" is invalid: dryRun: \
                 Unsupported value: {stage}: supported values: \"All\""
            ),
        }),
    }
}

/// What is asked for, if there is such a verb.
fn action(object: &VirtctlObject, options: Document) -> Result<Option<Action>, Refusal> {
    let subject = || Subject { namespace: object.namespace.clone(), name: object.name.clone() };
    // Options that are spelt out as nothing are none.
    let options: Document = options.into_iter().filter(|(_, value)| !value.is_null()).collect();
    check_dry_run(object, &options)?;
    let action = match (object.resource.as_str(), object.verb.as_str()) {
        ("virtualmachines", "start") => Action::StartVm(subject(), read(options)?),
        ("virtualmachines", "stop") => Action::StopVm(subject(), read(options)?),
        ("virtualmachines", "restart") => Action::RestartVm(subject(), read(options)?),
        ("virtualmachines", "migrate") => Action::MigrateVm(subject(), read(options)?),
        ("virtualmachines", "evacuate/cancel") => {
            Action::CancelEvacuationOfVm(subject(), read(options)?)
        }
        ("virtualmachineinstances", "evacuate/cancel") => {
            Action::CancelEvacuation(subject(), read(options)?)
        }
        ("virtualmachineinstances", "pause") => Action::PauseVmi(subject(), read(options)?),
        ("virtualmachineinstances", "unpause") => Action::UnpauseVmi(subject(), read(options)?),
        (_, _) => return Ok(None),
    };
    Ok(Some(action))
}
