//! A request as the handlers see it: who asks, for what, in which form.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use ferry_admission::{Attributes, ResourceAttributes};
use ferry_registry::{Body, Document, Refusal, User};
use http::{HeaderMap, Method};

use super::negotiate::{BodyForm, Format, Offer, body_form};
use super::path::{Query, RequestInfo};
use super::protobuf;
use super::work::{self, Length};

/// A request without its body.
pub(crate) struct Asked<'a> {
    /// Who asks.
    pub(crate) user: &'a Arc<User>,
    /// The method.
    pub(crate) method: &'a Method,
    /// The headers.
    pub(crate) headers: &'a HeaderMap,
    /// The query.
    pub(crate) query: Query,
    /// What it is for, in words.
    pub(crate) info: RequestInfo<'a>,
}

impl Asked<'_> {
    /// The form that the client takes.
    pub(crate) fn format(&self, offer: Offer) -> Result<Format, Refusal> {
        Format::negotiate(self.headers, &self.query, offer)
    }

    /// The form of a refusal: whatever the client takes must not keep it from being told.
    pub(crate) fn refusal_format(&self) -> Format {
        self.format(Offer::Plain).unwrap_or(Format::PLAIN)
    }

    /// What somebody wants to do, for authorization.
    pub(crate) fn attributes(&self) -> Attributes<'_> {
        let verb = self.info.verb.as_str();
        match &self.info.resource {
            None => Attributes::Path { verb, path: &self.info.plain_path },
            Some(path) => Attributes::Resource(ResourceAttributes {
                verb,
                group: &path.group,
                version: &path.version,
                resource: &path.resource,
                subresource: &path.subresource,
                namespace: &path.namespace,
                name: self.info.name(),
            }),
        }
    }

    /// What is made of the object of a kind that a body is.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        kind: &'static str,
        bytes: Bytes,
        made: impl FnOnce(Body) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let form = body_form(self.headers)?;
        let length = Length::of_reading(&bytes);
        let read = move || match read_body(form, &bytes) {
            Ok(body) => made(body),
            Err(refusal) => Err(unrecognized(kind, &refusal, &bytes)),
        };
        work::done(&self.user.name, length, read).await
    }

    /// The document that a body is, if there is one.
    pub(crate) async fn optional_body(&self, bytes: Bytes) -> Result<Option<Document>, Refusal> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let form = body_form(self.headers)?;
        let length = Length::of_reading(&bytes);
        let read = move || Ok(Some(read_body(form, &bytes)?.object));
        work::done(&self.user.name, length, read).await
    }

    /// The options that a body holds, whatever it is said to be: `virtctl` says nothing, and curl
    /// says that it is a form. Every JSON is YAML.
    // PARITY: pkg/virt-api/rest/lifecycle.go#decodeBody
    pub(crate) async fn options(&self, bytes: Bytes) -> Result<Document, Refusal> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Document::default());
        }
        let length = Length::of_reading(&bytes);
        work::done(&self.user.name, length, move || yaml(&bytes)).await
    }
}

/// How much of a body that nobody understands is shown to whoever sent it.
const SHOWN: usize = 30;

// PARITY: apiserver/pkg/endpoints/handlers/rest.go#transformDecodeError
fn unrecognized(kind: &str, why: &Refusal, bytes: &[u8]) -> Refusal {
    let shown = bytes.get(..SHOWN).unwrap_or(bytes);
    let more = if bytes.len() > SHOWN { " ..." } else { "" };
    let shown = match bytes.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => String::from_utf8_lossy(shown).into_owned(),
        Some(_) => shown.iter().fold(String::new(), |mut hex, byte| {
            let _infallible = write!(hex, "{byte:02x}");
            hex
        }),
    };
    Refusal::BadRequest {
        message: format!(
            "the object provided is unrecognized (must be of type {kind}): {why} ({shown}{more})"
        ),
    }
}

fn read_body(form: BodyForm, bytes: &Bytes) -> Result<Body, Refusal> {
    match form {
        BodyForm::Json => Body::json(bytes),
        BodyForm::Yaml => yaml(bytes).map(Body::from),
        BodyForm::Protobuf => protobuf::document(bytes)
            .map(Body::from)
            .map_err(|error| Refusal::BadRequest { message: error.to_string() }),
    }
}

/// The one document of a YAML text.
pub(crate) fn yaml(bytes: &[u8]) -> Result<Document, Refusal> {
    let refused = |message: String| Refusal::BadRequest {
        message: format!("error decoding YAML: {message}"),
    };
    let text = str::from_utf8(bytes).map_err(|error| refused(error.to_string()))?;
    let mut documents =
        ferry_api::manifest::read(text).map_err(|error| refused(error.to_string()))?;
    match (documents.pop(), documents.is_empty()) {
        (Some(document), true) => Ok(document.value),
        (_, _) => Err(refused("a body is one object".to_owned())),
    }
}
