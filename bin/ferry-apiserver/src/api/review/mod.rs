//! Questions that are asked by creating them: may I, what may I, who am I.

mod access;

use bytes::Bytes;
use ferry_admission::{Authorizer, Rule, Verdict};
use ferry_api::FieldError;
use ferry_registry::{Document, QualifiedKind, Refusal, User};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::Api;
use super::answer::{self, Answer};
use super::backend::{Backend, Process};
use super::negotiate::Offer;
use super::options::{WriteKind, write_options};
use super::path::Review;
use super::request::Asked;
use super::work::{self, Length};
use access::AccessSpec;

/// The longest body of a review. A user of some hundreds of groups fits, and a token several times;
/// everybody may ask, and the longer a YAML is the longer it takes to read.
pub(super) const LONGEST_BODY: usize = 64 * 1024;

impl Review {
    /// Where it is asked: the group and the resource.
    pub(super) const fn resource(self) -> (&'static str, &'static str) {
        const AUTHORIZATION: &str = "authorization.k8s.io";
        const AUTHENTICATION: &str = "authentication.k8s.io";
        match self {
            Self::SelfSubjectAccess => (AUTHORIZATION, "selfsubjectaccessreviews"),
            Self::SelfSubjectRules => (AUTHORIZATION, "selfsubjectrulesreviews"),
            Self::SubjectAccess => (AUTHORIZATION, "subjectaccessreviews"),
            Self::LocalSubjectAccess => (AUTHORIZATION, "localsubjectaccessreviews"),
            Self::SelfSubject => (AUTHENTICATION, "selfsubjectreviews"),
            Self::Token => (AUTHENTICATION, "tokenreviews"),
        }
    }

    /// How documents of it begin.
    const fn kind(self) -> (&'static str, &'static str) {
        const AUTHORIZATION: &str = "authorization.k8s.io/v1";
        const AUTHENTICATION: &str = "authentication.k8s.io/v1";
        match self {
            Self::SelfSubjectAccess => (AUTHORIZATION, "SelfSubjectAccessReview"),
            Self::SelfSubjectRules => (AUTHORIZATION, "SelfSubjectRulesReview"),
            Self::SubjectAccess => (AUTHORIZATION, "SubjectAccessReview"),
            Self::LocalSubjectAccess => (AUTHORIZATION, "LocalSubjectAccessReview"),
            Self::SelfSubject => (AUTHENTICATION, "SelfSubjectReview"),
            Self::Token => (AUTHENTICATION, "TokenReview"),
        }
    }
}

impl<B: Backend, P: Process> Api<B, P> {
    /// Answers a question.
    pub(super) async fn review(
        &self,
        asked: &Asked<'_>,
        review: Review,
        namespace: &str,
        body: Bytes,
    ) -> Result<Answer, Refusal> {
        if asked.method != Method::POST {
            return Err(Refusal::MethodNotAllowed);
        }
        let format = asked.format(Offer::Plain)?;
        write_options(WriteKind::Create, asked.headers, &asked.query)?;
        let mut document = asked.optional_body(body).await?.unwrap_or_default();
        check_kind(review, &document)?;
        let status = match review {
            Review::SelfSubjectAccess | Review::SubjectAccess | Review::LocalSubjectAccess => {
                let spec = AccessSpec::read(&document)?;
                let errors = spec.problems(review);
                if !errors.is_empty() {
                    return Err(invalid(review, errors));
                }
                self.access(asked.user, review, &spec, namespace)?
            }
            Review::SelfSubjectRules => self.rules(asked.user, &document).await?,
            Review::SelfSubject => json!({ "userInfo": user_info(asked.user) }),
            Review::Token => self.token_review(&document)?,
        };
        let (api_version, kind) = review.kind();
        document.insert("apiVersion".to_owned(), Value::from(api_version));
        document.insert("kind".to_owned(), Value::from(kind));
        document.entry("metadata").or_insert_with(|| json!({}));
        if review == Review::SelfSubject {
            // PARITY: pkg/registry/authentication/selfsubjectreview/rest.go#Create
            let now = self.backend.now().to_string();
            document.insert("metadata".to_owned(), json!({ "creationTimestamp": now }));
        } else {
            document.entry("spec").or_insert_with(|| json!({}));
        }
        if review == Review::Token {
            // The token itself is not said again.
            document["spec"]["token"] = Value::from("");
        }
        document.insert("status".to_owned(), status);
        Ok(answer::document(StatusCode::CREATED, format, &Value::Object(document)))
    }

    fn access(
        &self,
        user: &User,
        review: Review,
        spec: &AccessSpec,
        namespace: &str,
    ) -> Result<Value, Refusal> {
        if review == Review::LocalSubjectAccess
            && spec.namespace().is_some_and(|it| it != namespace)
        {
            let message =
                format!("spec.resourceAttributes.namespace must match namespace: {namespace}");
            return Err(Refusal::BadRequest { message });
        }
        let another;
        let user = if review == Review::SelfSubjectAccess {
            user
        } else {
            another = spec.user();
            &another
        };
        let Some(wanted) = spec.attributes(self.misfiled) else {
            return Err(Refusal::Internal { message: "nothing is asked for".to_owned() });
        };
        Ok(match self.backend.authorizer().authorize(user, &wanted) {
            Verdict::Allowed { reason } => verdict(true, reason),
            Verdict::Denied { reason } => verdict(false, reason),
        })
    }

    async fn rules(&self, user: &User, document: &Document) -> Result<Value, Refusal> {
        let namespace = document
            .get("spec")
            .and_then(|spec| spec.get("namespace"))
            .and_then(Value::as_str)
            .filter(|namespace| !namespace.is_empty())
            .ok_or_else(|| Refusal::BadRequest { message: "no namespace on request".to_owned() })?;
        let (whom, namespace) = (user.clone(), namespace.to_owned());
        let authorizer = self.backend.authorizer();
        // Somebody may have tens of thousands of rules.
        let listed = move || Ok(rules_status(&authorizer, &whom, &namespace));
        work::done(&user.name, Length::Long, listed).await
    }

    fn token_review(&self, document: &Document) -> Result<Value, Refusal> {
        let spec = document.get("spec").unwrap_or(&Value::Null);
        let token = spec["token"].as_str().unwrap_or_default();
        if token.is_empty() {
            // PARITY: pkg/registry/authentication/tokenreview/storage.go#REST.Create
            let message = "token is required for TokenReview in authentication".to_owned();
            return Err(Refusal::BadRequest { message });
        }
        let audiences: Vec<String> = match &spec["audiences"] {
            Value::Array(audiences) => {
                audiences.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        let now = self.backend.now();
        Ok(match self.process.review_token(token, &audiences, now) {
            Some((user, audiences)) => json!({
                "authenticated": true,
                "user": user_info(&user),
                "audiences": audiences,
            }),
            None => json!({ "user": {}, "error": "invalid bearer token" }),
        })
    }
}

fn rules_status(authorizer: &Authorizer, user: &User, namespace: &str) -> Value {
    let rules = authorizer.rules(user, namespace);
    let mut status = json!({
        "resourceRules": rules.resources.iter().map(resource_rule).collect::<Vec<_>>(),
        "nonResourceRules": rules.paths.iter().map(path_rule).collect::<Vec<_>>(),
        "incomplete": !rules.error.is_empty(),
    });
    if !rules.error.is_empty() {
        status["evaluationError"] = Value::from(rules.error);
    }
    status
}

fn check_kind(review: Review, document: &Document) -> Result<(), Refusal> {
    let (api_version, kind) = review.kind();
    let says = |name: &str, expected: &str| {
        let said = document.get(name).and_then(Value::as_str).unwrap_or_default();
        said.is_empty() || said == expected
    };
    if says("apiVersion", api_version) && says("kind", kind) {
        return Ok(());
    }
    let said = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default();
    Err(Refusal::BadRequest {
        message: format!(
            "the object provided is unrecognized (must be of type {kind}): no kind {:?} is \
             registered for version {:?}",
            said("kind"),
            said("apiVersion"),
        ),
    })
}

fn invalid(review: Review, errors: Vec<FieldError>) -> Refusal {
    let (group, _) = review.resource();
    let (_, kind) = review.kind();
    let kind = QualifiedKind { kind: kind.to_owned(), group: group.to_owned() };
    Refusal::Invalid { kind, name: String::new(), errors }
}

fn verdict(allowed: bool, reason: String) -> Value {
    let mut status = json!({ "allowed": allowed });
    if !reason.is_empty() {
        status["reason"] = Value::from(reason);
    }
    status
}

/// A user, as reviews describe it.
fn user_info(user: &User) -> Value {
    let mut info = Map::new();
    info.insert("username".to_owned(), Value::from(user.name.as_str()));
    if !user.uid.is_empty() {
        info.insert("uid".to_owned(), Value::from(user.uid.as_str()));
    }
    if !user.groups.is_empty() {
        info.insert("groups".to_owned(), json!(user.groups));
    }
    if !user.extra.is_empty() {
        info.insert("extra".to_owned(), json!(user.extra));
    }
    Value::Object(info)
}

fn resource_rule(rule: &Rule) -> Value {
    let mut shown = json!({
        "verbs": rule.verbs,
        "apiGroups": rule.groups,
        "resources": rule.resources,
    });
    if !rule.names.is_empty() {
        shown["resourceNames"] = json!(rule.names);
    }
    shown
}

fn path_rule(rule: &Rule) -> Value {
    json!({ "verbs": rule.verbs, "nonResourceURLs": rule.paths })
}
