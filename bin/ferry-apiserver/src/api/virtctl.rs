//! What `virtctl` asks for: to start, stop, migrate and pause machines.

use bytes::Bytes;
use ferry_admission::{Action, Subject};
use ferry_registry::{Document, Refusal, Run};
use http::{Method, StatusCode};
use serde_json::json;

use super::Api;
use super::answer::{self, Answer};
use super::backend::{Backend, Process};
use super::negotiate::Offer;
use super::options::{WriteKind, write_options};
use super::part::from_document;
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
        let mut options = asked.options(body).await?;
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

/// What is asked for, if there is such a verb.
fn action(object: &VirtctlObject, options: Document) -> Result<Option<Action>, Refusal> {
    let subject = || Subject { namespace: object.namespace.clone(), name: object.name.clone() };
    // Options that are spelt out as nothing are none.
    let options: Document = options.into_iter().filter(|(_, value)| !value.is_null()).collect();
    let action = match (object.resource.as_str(), object.verb.as_str()) {
        ("virtualmachines", "start") => Action::StartVm(subject(), from_document(options)?),
        ("virtualmachines", "stop") => Action::StopVm(subject(), from_document(options)?),
        ("virtualmachines", "restart") => Action::RestartVm(subject(), from_document(options)?),
        ("virtualmachines", "migrate") => Action::MigrateVm(subject(), from_document(options)?),
        ("virtualmachines", "evacuate/cancel") => {
            Action::CancelEvacuationOfVm(subject(), from_document(options)?)
        }
        ("virtualmachineinstances", "evacuate/cancel") => {
            Action::CancelEvacuation(subject(), from_document(options)?)
        }
        ("virtualmachineinstances", "pause") => {
            Action::PauseVmi(subject(), from_document(options)?)
        }
        ("virtualmachineinstances", "unpause") => {
            Action::UnpauseVmi(subject(), from_document(options)?)
        }
        (_, _) => return Ok(None),
    };
    Ok(Some(action))
}
