//! Parts of objects that have paths of their own.

use bytes::Bytes;
use ferry_admission::{Action, ActionAnswer, EvictionOptions, Subject};
use ferry_registry::{Document, Part, Refusal, Run, Write};
use http::{Method, StatusCode};
use serde_json::Value;

use super::Api;
use super::answer::{self, Answer};
use super::backend::{Backend, Process};
use super::negotiate::Offer;
use super::options::{WriteKind, write_options};
use super::path::{ObjectsPath, Subresource};
use super::request::Asked;
use super::write::{draft, success, target};

impl<B: Backend, P: Process> Api<B, P> {
    /// Does what is asked of a part of an object.
    pub(super) async fn part(
        &self,
        asked: &Asked<'_>,
        path: &ObjectsPath,
        part: Subresource,
        body: Bytes,
    ) -> Result<Answer, Refusal> {
        if let (Subresource::Binding, &Method::POST) = (part, asked.method) {
            return self.bind(asked, path, body).await;
        }
        // Only what binds pods is there without a name.
        let name = path.name.clone().ok_or(Refusal::MethodNotAllowed)?;
        match (part, asked.method) {
            (Subresource::Status, &Method::GET | &Method::HEAD) => {
                self.get(asked, path, &name).await
            }
            (Subresource::Status, &Method::PUT) => {
                self.update(asked, path, Part::Status, body).await
            }
            (Subresource::Status, &Method::PATCH) => {
                self.patch(asked, path, Part::Status, body).await
            }
            (Subresource::Finalize, &Method::PUT) => {
                self.update(asked, path, Part::Finalize, body).await
            }
            (Subresource::Eviction, &Method::POST) => self.evict(asked, path, name, body).await,
            (Subresource::Token, &Method::POST) => self.token(asked, path, name, body).await,
            (_, _) => Err(Refusal::MethodNotAllowed),
        }
    }

    async fn evict(
        &self,
        asked: &Asked<'_>,
        path: &ObjectsPath,
        name: String,
        body: Bytes,
    ) -> Result<Answer, Refusal> {
        let format = asked.format(Offer::Plain)?;
        let run = write_options(WriteKind::Create, asked.headers, &asked.query)?.run;
        let document = asked.optional_body(body).await?.unwrap_or_default();
        let mut options: EvictionOptions = from_document(document)?;
        let written = options.metadata.as_ref().and_then(|metadata| metadata.name.as_deref());
        if written.is_some_and(|written| !written.is_empty() && written != name) {
            let message = "name in URL does not match name in Eviction object".to_owned();
            return Err(Refusal::BadRequest { message });
        }
        if run == Run::Dry {
            options.run = Run::Dry;
        }
        let namespace = path.namespace.clone().unwrap_or_default();
        let action = Action::Evict(Subject { namespace, name }, options);
        let answer = self.backend.act((**asked.user).clone(), action).await?;
        let code = StatusCode::from_u16(answer.code()).unwrap_or(StatusCode::CREATED);
        Ok(match answer {
            ActionAnswer::Evicted => answer::document(code, format, &success(None)),
            ActionAnswer::Accepted | ActionAnswer::Done => answer::bare(code),
        })
    }

    async fn bind(
        &self,
        asked: &Asked<'_>,
        path: &ObjectsPath,
        body: Bytes,
    ) -> Result<Answer, Refusal> {
        let options = write_options(WriteKind::Create, asked.headers, &asked.query)?;
        let mut target = target(path, Part::Binding);
        let draft = draft(asked, path, &target, body, options.unknown_fields).await?;
        if target.name.is_empty() {
            let written = draft.object().get("metadata").and_then(|metadata| metadata.get("name"));
            let name = written.and_then(Value::as_str).filter(|name| !name.is_empty());
            // PARITY: apiserver/pkg/registry/generic/registry/store.go#NamespaceKeyFunc
            let nobody = || Refusal::BadRequest { message: "Name parameter required.".to_owned() };
            name.ok_or_else(nobody)?.clone_into(&mut target.name);
        }
        self.write(asked, path, target, Write::Create(draft), options).await
    }
}

/// The options that a document has.
pub(super) fn from_document<T: serde::de::DeserializeOwned>(
    document: Document,
) -> Result<T, Refusal> {
    serde_json::from_value(Value::Object(document))
        .map_err(|error| Refusal::BadRequest { message: format!("the body does not fit: {error}") })
}
