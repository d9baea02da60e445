//! Whether a request is let through, and who answers it.

use bytes::Bytes;
use ferry_admission::{Attributes, ResourceAttributes, Verdict};
use ferry_api::{KindVersion, Misfiled, Scope};
use ferry_registry::{Creation, Part, Refusal};
use http::{Method, StatusCode};
use hyper::body::Body;
use serde_json::{Map, Value, json};

use super::answer::{self, Answer};
use super::backend::{Backend, Process};
use super::path::{Absence, Alias, ObjectsPath, ResourcePath, Route, Verb};
use super::request::Asked;
use super::{Api, body, documents, health, review};

/// What is said of a virtual machine in the group of migration policies.
const ALIAS_WARNING: &str = "migrations.kubevirt.io/v1alpha1 has no VirtualMachine; this one is \
    taken for kubevirt.io/v1, use that as its apiVersion";

impl<B: Backend, P: Process> Api<B, P> {
    /// Answers a request, if its user may ask for that.
    pub(super) async fn dispatch<I>(
        &self,
        asked: &Asked<'_>,
        route: &Route,
        incoming: I,
    ) -> Result<Answer, Refusal>
    where
        I: Body<Data = Bytes>,
        I::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if let Some(denial) = self.denial(asked, route)? {
            return Ok(denial);
        }
        match route {
            Route::Objects(path) => self.objects(asked, path, incoming).await,
            Route::Part(path, part) => {
                let body = body_of(asked, incoming).await?;
                self.part(asked, path, *part, body).await
            }
            Route::Review(review, namespace) => {
                let body = body_up_to(review::LONGEST_BODY, asked, incoming).await?;
                self.review(asked, *review, namespace, body).await
            }
            Route::Virtctl(object) => {
                let body = body_of(asked, incoming).await?;
                self.virtctl(asked, object, body).await
            }
            Route::Absent(Absence::Page) => Ok(answer::no_page()),
            Route::Absent(Absence::Status) => Err(Refusal::NoSuchPath),
            Route::Root
            | Route::Version
            | Route::Health(_)
            | Route::Metrics
            | Route::Discovery(_)
            | Route::OpenApi(_)
            | Route::VirtctlVersion
            | Route::VirtctlHealth => self.page(asked, route),
        }
    }

    /// What can only be read.
    fn page(&self, asked: &Asked<'_>, route: &Route) -> Result<Answer, Refusal> {
        if !matches!(*asked.method, Method::GET | Method::HEAD) {
            return Err(Refusal::MethodNotAllowed);
        }
        match route {
            Route::Root => documents::root(asked),
            Route::Version => documents::version(asked),
            Route::Health(which) => Ok(health::answer(which, &asked.query, &self.process.checks())),
            Route::Metrics => Ok(answer::typed(
                StatusCode::OK,
                "text/plain; version=0.0.4; charset=utf-8",
                body::full(self.process.metrics()),
            )),
            Route::Discovery(which) => Ok(self.documents.discovery(asked, which)),
            Route::OpenApi(which) => Ok(self.documents.open_api(asked, which)),
            Route::VirtctlVersion => Self::virtctl_version(asked),
            Route::VirtctlHealth => Self::virtctl_health(asked),
            Route::Objects(_)
            | Route::Part(..)
            | Route::Review(..)
            | Route::Virtctl(_)
            | Route::Absent(_) => Err(Refusal::NoSuchPath),
        }
    }

    /// What is done with objects.
    async fn objects<I>(
        &self,
        asked: &Asked<'_>,
        path: &ObjectsPath,
        incoming: I,
    ) -> Result<Answer, Refusal>
    where
        I: Body<Data = Bytes>,
        I::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        // In all namespaces at once one can only look.
        let is_one_place = match path.served.definition().scope {
            Scope::Cluster => true,
            Scope::Namespaced => path.namespace.is_some(),
        };
        match (asked.info.verb, &path.name) {
            (Verb::Watch, _) => self.watch(asked, path).await,
            (Verb::List, None) => self.list(asked, path).await,
            (Verb::Get, Some(name)) => self.get(asked, path, name).await,
            (Verb::Create, None) if is_one_place => {
                self.create(asked, path, body_of(asked, incoming).await?).await
            }
            (Verb::Update, Some(_)) => {
                let body = body_of(asked, incoming).await?;
                self.update(asked, path, Part::Main, body).await
            }
            (Verb::Patch, Some(_)) => {
                let body = body_of(asked, incoming).await?;
                self.patch(asked, path, Part::Main, body).await
            }
            (Verb::Delete, Some(_)) => {
                self.delete(asked, path, body_of(asked, incoming).await?).await
            }
            (Verb::DeleteCollection, None)
                if is_one_place && path.served.verbs().contains(&"deletecollection") =>
            {
                self.delete_collection(asked, path, body_of(asked, incoming).await?).await
            }
            (_, _) => Err(Refusal::MethodNotAllowed),
        }
    }

    /// Whether whoever may change an object may also create it, should it not be there. Only the
    /// decision knows whether it is.
    // PARITY: apiserver/pkg/endpoints/handlers/update.go#UpdateResource
    pub(super) fn creation(&self, asked: &Asked<'_>) -> Creation {
        let mut attributes = asked.attributes();
        if let Attributes::Resource(wanted) = &mut attributes {
            wanted.verb = "create";
            as_authorized(wanted, self.misfiled);
        }
        match self.backend.authorizer().authorize(asked.user, &attributes) {
            Verdict::Allowed { .. } => Creation::Allowed,
            Verdict::Denied { reason } => {
                Creation::Denied { message: attributes.sentence(asked.user, &reason) }
            }
        }
    }

    /// The answer to whoever may not ask for that.
    fn denial(&self, asked: &Asked<'_>, route: &Route) -> Result<Option<Answer>, Refusal> {
        // Everybody may know whether and what the server is.
        if matches!(route, Route::Health(_) | Route::Version) {
            return Ok(None);
        }
        let mut attributes = asked.attributes();
        if let Attributes::Resource(wanted) = &mut attributes {
            as_authorized(wanted, self.misfiled);
        }
        let verdict = self.backend.authorizer().authorize(asked.user, &attributes);
        let Verdict::Denied { reason } = verdict else { return Ok(None) };
        let message = attributes.sentence(asked.user, &reason);
        match &asked.info.resource {
            None => Err(Refusal::ForbiddenPath { message }),
            Some(path) => {
                let status = forbidden(path, asked.info.name(), &message);
                let format = asked.refusal_format();
                Ok(Some(answer::document(StatusCode::FORBIDDEN, format, &status)))
            }
        }
    }
}

/// A virtual machine in the group of migration policies is authorized as what it is taken for, also
/// where it is only asked whether it would be.
pub(super) fn as_authorized(wanted: &mut ResourceAttributes<'_>, taken: Misfiled) {
    let misfiled = KindVersion::MISFILED_MACHINE;
    // Who asks whether they may need not say in which version.
    let is_version = ["", "*", misfiled.version()].contains(&wanted.version);
    if taken.has(misfiled)
        && wanted.group == misfiled.group()
        && wanted.resource == misfiled.definition().plural
        && is_version
    {
        let own = KindVersion::storage(misfiled.kind());
        wanted.group = own.group();
        wanted.version = own.version();
    }
}

/// The body of a request that has one; none is read of any other.
async fn body_of<I>(asked: &Asked<'_>, incoming: I) -> Result<Bytes, Refusal>
where
    I: Body<Data = Bytes>,
    I::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    body_up_to(body::LONGEST_BODY, asked, incoming).await
}

async fn body_up_to<I>(longest: usize, asked: &Asked<'_>, incoming: I) -> Result<Bytes, Refusal>
where
    I: Body<Data = Bytes>,
    I::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match *asked.method {
        Method::GET | Method::HEAD => Ok(Bytes::new()),
        _ => body::read(incoming, longest).await,
    }
}

/// The `Status` for whoever may not do something with a resource, which need not exist.
// PARITY: apimachinery/pkg/api/errors/errors.go#NewForbidden
fn forbidden(path: &ResourcePath, name: &str, message: &str) -> Value {
    let qualified = if path.group.is_empty() {
        path.resource.clone()
    } else {
        format!("{}.{}", path.resource, path.group)
    };
    let subject = if name.is_empty() { qualified } else { format!("{qualified} \"{name}\"") };
    let mut details = Map::new();
    for (key, value) in [("name", name), ("group", &path.group), ("kind", &path.resource)] {
        if !value.is_empty() {
            details.insert(key.to_owned(), Value::from(value));
        }
    }
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": format!("{subject} is forbidden: {message}"),
        "reason": "Forbidden",
        "details": details,
        "code": 403,
    })
}

/// What everybody is warned of who uses a path.
pub(super) fn warnings(route: &Route) -> Vec<&'static str> {
    let (Route::Objects(path) | Route::Part(path, _)) = route else { return Vec::new() };
    let version = path.served.definition().version(path.served.version());
    let deprecated = version.and_then(|version| version.deprecation_warning);
    let alias = match path.alias {
        Alias::None => None,
        Alias::VirtualMachine => Some(ALIAS_WARNING),
    };
    deprecated.into_iter().chain(alias).collect()
}
