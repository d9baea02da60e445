//! What there is at a path.

use ferry_api::{Kind, KindVersion, Misfiled, Scope};

use super::{PathForm, RequestInfo, ResourcePath};

/// What there is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/`: the list of paths.
    Root,
    /// `/version`.
    Version,
    /// Whether the server is well.
    Health(Health),
    /// Figures about the server.
    Metrics,
    /// Which groups and resources there are.
    Discovery(Discovery),
    /// What they look like.
    OpenApi(OpenApi),
    /// Objects of a kind, or one of them.
    Objects(ObjectsPath),
    /// A part of an object.
    Part(ObjectsPath, Subresource),
    /// A question that is asked by creating it.
    Review(Review, String),
    /// What `virtctl` does with an object.
    Virtctl(VirtctlObject),
    /// The version of the virtual machines' own API.
    VirtctlVersion,
    /// Whether that API is well.
    VirtctlHealth,
    /// Nothing.
    Absent(Absence),
}

/// How the answer says that there is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    /// As text: no such group or version, or no API at all.
    Page,
    /// As a `Status`.
    Status,
}

/// Which question about the server's health, and which check of it alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Health {
    /// `healthz`, `livez` or `readyz`.
    pub(crate) endpoint: &'static str,
    /// One check, if only that is asked about.
    pub(crate) check: Option<String>,
}

/// Which document of discovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Discovery {
    /// `/api`.
    Core,
    /// `/apis`.
    Groups,
    /// `/apis/GROUP`.
    Group(String),
    /// `/api/v1` and `/apis/GROUP/VERSION`.
    Resources {
        /// The group; empty for the core.
        group: String,
        /// The version.
        version: String,
    },
}

/// Which document of OpenAPI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OpenApi {
    /// `/openapi/v2`.
    V2,
    /// `/openapi/v3`.
    Index,
    /// `/openapi/v3/api/v1` and `/openapi/v3/apis/GROUP/VERSION`.
    V3 {
        /// The group; empty for the core.
        group: String,
        /// The version.
        version: String,
    },
}

/// Objects of a kind: all, those of a namespace, or one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectsPath {
    /// The kind, in the version of the path.
    pub(crate) served: KindVersion,
    /// Whether the path is the kind's own.
    pub(crate) alias: Alias,
    /// The namespace; none for kinds of the whole cluster, and for all namespaces.
    pub(crate) namespace: Option<String>,
    /// The object.
    pub(crate) name: Option<String>,
    /// Whether it is to be followed whatever the query says.
    pub(crate) form: PathForm,
}

/// Whether a path is its kind's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alias {
    /// It is.
    None,
    /// KubeVirt's documentation has an example of a virtual machine in the group of migration
    /// policies. It is taken for what it is.
    VirtualMachine,
}

/// A part of an object with a path of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subresource {
    /// `…/status`.
    Status,
    /// `namespaces/…/finalize`.
    Finalize,
    /// `pods/…/eviction`.
    Eviction,
    /// `pods/…/binding`, and `bindings`, which has the name of the pod in its body.
    Binding,
    /// `serviceaccounts/…/token`.
    Token,
}

/// A question that is asked by creating it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Review {
    /// May I?
    SelfSubjectAccess,
    /// What may I?
    SelfSubjectRules,
    /// May they?
    SubjectAccess,
    /// May they, in this namespace?
    LocalSubjectAccess,
    /// Who am I?
    SelfSubject,
    /// Whose token is this?
    Token,
}

/// The object of `virtctl` and the verb.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VirtctlObject {
    /// `virtualmachines` or `virtualmachineinstances`.
    pub(crate) resource: String,
    /// The namespace.
    pub(crate) namespace: String,
    /// The name.
    pub(crate) name: String,
    /// `start`, or `evacuate/cancel`.
    pub(crate) verb: String,
}

/// The group of `virtctl`'s verbs.
pub(crate) const VIRTCTL_GROUP: &str = "subresources.kubevirt.io";

/// The versions that it is served in.
pub(crate) const VIRTCTL_VERSIONS: [&str; 2] = ["v1", "v1alpha3"];

const HEALTH: [&str; 3] = ["healthz", "livez", "readyz"];

impl Route {
    /// What is at the path of a request.
    pub(crate) fn new(info: &RequestInfo<'_>, misfiled: Misfiled) -> Self {
        if let Some(resource) = &info.resource {
            return Self::of_resource(resource, misfiled);
        }
        let words: Vec<&str> = info.words.iter().map(AsRef::as_ref).collect();
        match words.as_slice() {
            [""] => Self::Root,
            ["version"] => Self::Version,
            ["metrics"] => Self::Metrics,
            ["api"] => Self::Discovery(Discovery::Core),
            ["apis"] => Self::Discovery(Discovery::Groups),
            ["apis", group] => Self::Discovery(Discovery::Group((*group).to_owned())),
            ["api", version] => Self::resources("", version),
            ["apis", group, version] => Self::resources(group, version),
            ["openapi", "v2"] => Self::OpenApi(OpenApi::V2),
            ["openapi", "v3"] => Self::OpenApi(OpenApi::Index),
            ["openapi", "v3", "api", version] => Self::open_api("", version),
            ["openapi", "v3", "apis", group, version] => Self::open_api(group, version),
            [endpoint, check @ ..] => {
                match (HEALTH.iter().find(|known| known == &endpoint), check) {
                    (Some(endpoint), []) => Self::Health(Health { endpoint, check: None }),
                    (Some(endpoint), check) => {
                        Self::Health(Health { endpoint, check: Some(check.join("/")) })
                    }
                    (None, _) => Self::Absent(Absence::Page),
                }
            }
            [] => Self::Absent(Absence::Page),
        }
    }

    fn resources(group: &str, version: &str) -> Self {
        let (group, version) = (group.to_owned(), version.to_owned());
        Self::Discovery(Discovery::Resources { group, version })
    }

    fn open_api(group: &str, version: &str) -> Self {
        let (group, version) = (group.to_owned(), version.to_owned());
        Self::OpenApi(OpenApi::V3 { group, version })
    }

    fn of_resource(path: &ResourcePath, misfiled: Misfiled) -> Self {
        if path.group == VIRTCTL_GROUP {
            return of_virtctl(path);
        }
        if let Some(review) = review(path) {
            return review;
        }
        if let Some(binding) = binding(path) {
            return binding;
        }
        let Some((served, alias)) = kind(path, misfiled) else {
            return Self::Absent(absence(path));
        };
        let Some(objects) = objects(path, served, alias) else {
            return Self::Absent(Absence::Status);
        };
        match path.subresource.as_str() {
            "" => Self::Objects(objects),
            part => match subresource(served, part) {
                Some(part) => Self::Part(objects, part),
                None => Self::Absent(Absence::Status),
            },
        }
    }
}

fn kind(path: &ResourcePath, misfiled: Misfiled) -> Option<(KindVersion, Alias)> {
    let served = KindVersion::of_path(&path.group, &path.version, &path.resource)
        .filter(|served| misfiled.has(*served))?;
    if served == KindVersion::MISFILED_MACHINE {
        return Some((KindVersion::storage(served.kind()), Alias::VirtualMachine));
    }
    Some((served, Alias::None))
}

/// The core says so with a `Status` even about versions that it does not have; other groups only
/// about resources.
fn absence(path: &ResourcePath) -> Absence {
    let mut versions = KindVersion::all().map(|served| (served.group(), served.version()));
    let reviews = [("authentication.k8s.io", "v1"), ("authorization.k8s.io", "v1")];
    let is_known = |(group, version): (&str, &str)| group == path.group && version == path.version;
    if versions.any(is_known) || reviews.into_iter().any(is_known) {
        Absence::Status
    } else {
        Absence::Page
    }
}

/// The objects that a path is for, unless it has a namespace that its kind has not, or needs one.
fn objects(path: &ResourcePath, served: KindVersion, alias: Alias) -> Option<ObjectsPath> {
    let name = Some(path.name.clone()).filter(|name| !name.is_empty());
    let namespace = Some(path.namespace.clone()).filter(|namespace| !namespace.is_empty());
    let namespace = match (served.definition().scope, namespace) {
        (Scope::Namespaced, None) if name.is_some() => return None,
        (Scope::Namespaced, namespace) => namespace,
        (Scope::Cluster, None) => None,
        (Scope::Cluster, Some(namespace))
            if path.resource == "namespaces" && namespace == path.name =>
        {
            None
        }
        (Scope::Cluster, Some(_)) => return None,
    };
    Some(ObjectsPath { served, alias, namespace, name, form: path.form })
}

fn subresource(served: KindVersion, part: &str) -> Option<Subresource> {
    let found = match part {
        "status" => Subresource::Status,
        "finalize" => Subresource::Finalize,
        "eviction" => Subresource::Eviction,
        "binding" => Subresource::Binding,
        "token" => Subresource::Token,
        _ => return None,
    };
    let is_served = match found {
        Subresource::Status => served.definition().status == ferry_api::StatusSubresource::Served,
        Subresource::Finalize => served.kind() == Kind::Namespace,
        Subresource::Eviction | Subresource::Binding => served.kind() == Kind::Pod,
        Subresource::Token => served.kind() == Kind::ServiceAccount,
    };
    is_served.then_some(found)
}

/// The path where pods are bound by a name in the body.
// PARITY: pkg/registry/core/pod/storage/storage.go#LegacyBindingREST
fn binding(path: &ResourcePath) -> Option<Route> {
    let is_meant = (path.group.as_str(), path.version.as_str(), path.resource.as_str())
        == ("", "v1", "bindings");
    if !is_meant || path.namespace.is_empty() || !path.name.is_empty() {
        return None;
    }
    let objects = ObjectsPath {
        served: KindVersion::storage(Kind::Pod),
        alias: Alias::None,
        namespace: Some(path.namespace.clone()),
        name: None,
        form: path.form,
    };
    Some(Route::Part(objects, Subresource::Binding))
}

fn review(path: &ResourcePath) -> Option<Route> {
    if !path.name.is_empty() || path.version != "v1" {
        return None;
    }
    let is_namespaced = !path.namespace.is_empty();
    let review = match (path.group.as_str(), path.resource.as_str(), is_namespaced) {
        ("authorization.k8s.io", "selfsubjectaccessreviews", false) => Review::SelfSubjectAccess,
        ("authorization.k8s.io", "selfsubjectrulesreviews", false) => Review::SelfSubjectRules,
        ("authorization.k8s.io", "subjectaccessreviews", false) => Review::SubjectAccess,
        ("authorization.k8s.io", "localsubjectaccessreviews", true) => Review::LocalSubjectAccess,
        ("authentication.k8s.io", "selfsubjectreviews", false) => Review::SelfSubject,
        ("authentication.k8s.io", "tokenreviews", false) => Review::Token,
        _ => return None,
    };
    Some(Route::Review(review, path.namespace.clone()))
}

fn of_virtctl(path: &ResourcePath) -> Route {
    if !VIRTCTL_VERSIONS.contains(&path.version.as_str()) {
        return Route::Absent(Absence::Page);
    }
    let is_whole = path.name.is_empty() && path.namespace.is_empty();
    match path.resource.as_str() {
        "version" if is_whole => Route::VirtctlVersion,
        "healthz" if is_whole => Route::VirtctlHealth,
        "virtualmachines" | "virtualmachineinstances"
            if !path.namespace.is_empty() && !path.subresource.is_empty() =>
        {
            Route::Virtctl(VirtctlObject {
                resource: path.resource.clone(),
                namespace: path.namespace.clone(),
                name: path.name.clone(),
                verb: path.subresource.clone(),
            })
        }
        _ => Route::Absent(Absence::Status),
    }
}
