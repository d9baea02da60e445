//! Parts of objects that have paths of their own.

use std::time::Duration;

use bytes::Bytes;
use ferry_admission::{Action, ActionAnswer, EvictionOptions, Subject};
use ferry_api::{Kind, KindVersion};
use ferry_registry::{Document, ObjectKey, Part, Refusal, Run, Write};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Api;
use super::answer::{self, Answer};
use super::backend::{Backend, Process};
use super::negotiate::Offer;
use super::options::{WriteKind, write_options};
use super::path::{ObjectsPath, Subresource};
use super::request::Asked;
use super::write::{draft, success, target};
use crate::access::Holder;

/// How long a token is good for whose client does not say.
// PARITY: pkg/apis/authentication/v1/defaults.go#SetDefaults_TokenRequestSpec
const TOKEN_SECONDS: i64 = 60 * 60;

/// The least and the most that a client may ask for. Upstream has the most as a setting.
// PARITY: pkg/apis/authentication/validation/validation.go#ValidateTokenRequest
const TOKEN_RANGE: std::ops::RangeInclusive<i64> = 600..=365 * 24 * 60 * 60;

impl<B: Backend, P: Process> Api<B, P> {
    /// Does what is asked of a part of an object.
    pub(super) async fn part(
        &self,
        asked: &Asked<'_>,
        path: &ObjectsPath,
        part: Subresource,
        body: Bytes,
    ) -> Result<Answer, Refusal> {
        let name = path.name.clone().ok_or(Refusal::NoSuchPath)?;
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
            (Subresource::Binding, &Method::POST) => self.bind(asked, path, body).await,
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
        let answer = self.backend.act(asked.user.clone(), action).await?;
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
        let target = target(path, Part::Binding);
        let draft = draft(asked, path, &target, body, options.unknown_fields).await?;
        self.write(asked, path, target, Write::Create(draft), options).await
    }

    /// A token for a service account.
    async fn token(
        &self,
        asked: &Asked<'_>,
        path: &ObjectsPath,
        name: String,
        body: Bytes,
    ) -> Result<Answer, Refusal> {
        let format = asked.format(Offer::Plain)?;
        let mut request = asked.optional_body(body).await?.unwrap_or_default();
        let spec = request.get("spec").cloned().unwrap_or_else(|| json!({}));
        let (audiences, seconds) = token_spec(&spec)?;
        let namespace = path.namespace.clone().unwrap_or_default();
        let key = ObjectKey::new(Kind::ServiceAccount, namespace.as_str(), name.as_str());
        let account = self.backend.state().object(&key).map(|account| account.meta.uid.clone());
        let uid = account.ok_or_else(|| Refusal::NotFound {
            served: KindVersion::storage(Kind::ServiceAccount),
            name: name.clone(),
        })?;
        let now = self.backend.now();
        let created = json!({ "name": name, "namespace": namespace, "creationTimestamp": now });
        let holder = Holder::ServiceAccount { namespace, name, uid };
        let lifetime = Duration::from_secs(seconds.unsigned_abs());
        let issued = self.process.issue_token(&holder, &audiences, lifetime, now);
        request.insert("kind".to_owned(), Value::from("TokenRequest"));
        request.insert("apiVersion".to_owned(), Value::from("authentication.k8s.io/v1"));
        request.insert("metadata".to_owned(), created);
        let mut spec = spec;
        spec["expirationSeconds"] = Value::from(seconds);
        if audiences.is_empty() {
            spec["audiences"] = json!([crate::access::AUDIENCE]);
        }
        request.insert("spec".to_owned(), spec);
        let status =
            json!({ "token": issued.token.expose(), "expirationTimestamp": issued.expires });
        request.insert("status".to_owned(), status);
        Ok(answer::document(StatusCode::CREATED, format, &Value::Object(request)))
    }
}

/// The audiences and the lifetime that a client asks for.
fn token_spec(spec: &Value) -> Result<(Vec<String>, i64), Refusal> {
    let bad = |message: String| Refusal::BadRequest { message };
    if !spec.is_object() {
        return Err(bad("spec: must be an object".to_owned()));
    }
    let audiences = match &spec["audiences"] {
        Value::Null => Vec::new(),
        audiences => serde_json::from_value(audiences.clone())
            .map_err(|_| bad("spec.audiences: must be a list of strings".to_owned()))?,
    };
    let seconds = match &spec["expirationSeconds"] {
        Value::Null => TOKEN_SECONDS,
        seconds => seconds
            .as_i64()
            .ok_or_else(|| bad("spec.expirationSeconds: must be a whole number".to_owned()))?,
    };
    if !TOKEN_RANGE.contains(&seconds) {
        let (least, most) = (TOKEN_RANGE.start(), TOKEN_RANGE.end());
        let message = format!(
            "spec.expirationSeconds: Invalid value: {seconds}: may not be less than {least} \
             seconds or more than {most} seconds"
        );
        return Err(Refusal::Unprocessable { message });
    }
    if !spec["boundObjectRef"].is_null() {
        let message = "spec.boundObjectRef: Invalid value: tokens are not bound to objects here; \
                       leave it out"
            .to_owned();
        return Err(Refusal::Unprocessable { message });
    }
    Ok((audiences, seconds))
}

/// The options that a document has.
pub(super) fn from_document<T: serde::de::DeserializeOwned>(
    document: Document,
) -> Result<T, Refusal> {
    serde_json::from_value(Value::Object(document))
        .map_err(|error| Refusal::BadRequest { message: format!("the body does not fit: {error}") })
}
