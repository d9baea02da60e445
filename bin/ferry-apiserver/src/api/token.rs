//! Tokens of service accounts, as `kubectl create token` asks for them.

use std::time::Duration;

use bytes::Bytes;
use ferry_api::{FieldError, FieldPath, Kind, KindVersion};
use ferry_registry::{ObjectKey, QualifiedKind, Refusal};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::answer::{self, Answer};
use super::backend::{Backend, Process};
use super::negotiate::Offer;
use super::path::ObjectsPath;
use super::request::Asked;
use crate::access::{BoundKind, BoundTo, Holder};

/// How long a token is good for whose client does not say.
// PARITY: pkg/apis/authentication/v1/defaults.go#SetDefaults_TokenRequestSpec
const TOKEN_SECONDS: i64 = 60 * 60;

/// The least and the most that a client may ask for.
// PARITY: pkg/apis/authentication/validation/validation.go#ValidateTokenRequest
const TOKEN_RANGE: std::ops::RangeInclusive<i64> = 600..=1 << 32;

/// What a token is to be bound to.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct BoundRef {
    kind: String,
    api_version: String,
    name: String,
    uid: String,
}

impl<B: Backend, P: Process> Api<B, P> {
    /// A token for a service account.
    pub(super) async fn token(
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
        let bound = bound_ref(&spec)?;
        let namespace = path.namespace.clone().unwrap_or_default();
        let key = ObjectKey::new(Kind::ServiceAccount, namespace.as_str(), name.as_str());
        let account = self.backend.state().object(&key).map(|account| account.meta.uid.to_string());
        let uid = account.ok_or_else(|| Refusal::NotFound {
            served: KindVersion::storage(Kind::ServiceAccount),
            name: name.clone(),
        })?;
        let bound = match bound {
            Some(wanted) => Some(self.bound(wanted, &namespace, &name)?),
            None => None,
        };
        let now = self.backend.now();
        let created = json!({ "name": name, "namespace": namespace, "creationTimestamp": now });
        let holder = Holder::ServiceAccount { namespace, name, uid, bound };
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

    /// What a token is bound to, as it is there.
    // PARITY: pkg/registry/core/serviceaccount/storage/token.go#TokenREST.Create
    fn bound(&self, wanted: BoundRef, namespace: &str, account: &str) -> Result<BoundTo, Refusal> {
        let kind = match (wanted.api_version.as_str(), wanted.kind.as_str()) {
            ("v1" | "", "Pod") => BoundKind::Pod,
            ("v1" | "", "Secret") => BoundKind::Secret,
            (version, kind) => {
                let message = format!("cannot bind token to object of type {version}, Kind={kind}");
                return Err(Refusal::BadRequest { message });
            }
        };
        let served = KindVersion::storage(kind.kind());
        let key = ObjectKey::new(kind.kind(), namespace, wanted.name.as_str());
        let object = self.backend.state().object(&key).cloned();
        let object =
            object.ok_or_else(|| Refusal::NotFound { served, name: wanted.name.clone() })?;
        if kind == BoundKind::Pod && !runs_as(&Value::Object(object.document()), account) {
            let message = format!(
                "cannot bind token for serviceaccount {account:?} to pod running with different \
                 serviceaccount name."
            );
            return Err(Refusal::BadRequest { message });
        }
        let uid = object.meta.uid.to_string();
        if !wanted.uid.is_empty() && wanted.uid != uid {
            let message = format!(
                "the UID in the bound object reference ({}) does not match the UID in record. The \
                 object might have been deleted and then recreated",
                wanted.uid
            );
            return Err(Refusal::Conflict { served, name: wanted.name, message });
        }
        Ok(BoundTo { kind, name: wanted.name, uid })
    }
}

/// Whether a pod runs as a service account: as `default`, if it does not say.
fn runs_as(pod: &Value, account: &str) -> bool {
    let said = pod["spec"]["serviceAccountName"].as_str().filter(|name| !name.is_empty());
    said.unwrap_or("default") == account
}

/// What a client wants a token to be bound to.
fn bound_ref(spec: &Value) -> Result<Option<BoundRef>, Refusal> {
    Option::deserialize(&spec["boundObjectRef"])
        .map_err(|error| Refusal::BadRequest { message: format!("spec.boundObjectRef: {error}") })
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
    if TOKEN_RANGE.contains(&seconds) {
        return Ok((audiences, seconds));
    }
    let message = if seconds < *TOKEN_RANGE.start() {
        "may not specify a duration less than 10 minutes"
    } else {
        "may not specify a duration larger than 2^32 seconds"
    };
    let path = FieldPath::of("spec.expirationSeconds");
    Err(Refusal::Invalid {
        kind: QualifiedKind {
            group: "authentication.k8s.io".to_owned(),
            kind: "TokenRequest".to_owned(),
        },
        name: String::new(),
        errors: vec![FieldError::invalid(path, Value::from(seconds), message)],
    })
}
