//! A request as authorization sees it.

use std::borrow::Cow;
use std::fmt;

use ferry_api::{FieldOperator, FieldSelector};
use http::Method;

use super::{Plus, Query, percent_decoded};

/// A request as authorization sees it: what is done to what, in words.
// PARITY: apiserver/pkg/endpoints/request/requestinfo.go#NewRequestInfo
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestInfo<'p> {
    /// What is done.
    pub(crate) verb: Verb,
    /// The path, as it was sent.
    pub(crate) path: &'p str,
    /// The path as authorization sees it: without escapes.
    pub(crate) plain_path: Cow<'p, str>,
    /// The words of the path, without the empty ones at its ends.
    pub(crate) words: Vec<Cow<'p, str>>,
    /// What it is done to, where the path is that of a resource.
    pub(crate) resource: Option<ResourcePath>,
    /// The one name that the query selects from a collection; empty for none.
    pub(crate) selected: String,
}

/// The words of a resource's path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResourcePath {
    /// The API group; empty for the core.
    pub(crate) group: String,
    /// The version.
    pub(crate) version: String,
    /// The namespace; empty for none.
    pub(crate) namespace: String,
    /// The resource, in the plural.
    pub(crate) resource: String,
    /// The name; empty for a collection.
    pub(crate) name: String,
    /// The part of the object; empty for all of it. May have slashes.
    pub(crate) subresource: String,
    /// Whether the path is of the old form for watches, with `watch/` in it.
    pub(crate) form: PathForm,
}

/// How a path is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PathForm {
    /// As usual.
    #[default]
    Usual,
    /// With `watch/` in it, as before Kubernetes 1.11.
    Watch,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    /// To read an object or a path.
    Get,
    /// To read a collection.
    List,
    /// To follow a collection.
    Watch,
    /// To make an object.
    Create,
    /// To replace an object.
    Update,
    /// To change an object.
    Patch,
    /// To delete an object.
    Delete,
    /// To delete a collection.
    DeleteCollection,
    /// To ask for the head of what is at a path.
    Head,
    /// To post to a path that is no resource's.
    Post,
    /// To put to a path that is no resource's.
    Put,
    /// Anything else.
    Other,
}

impl Verb {
    /// The word that roles have for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Head => "head",
            Self::Post => "post",
            Self::Put => "put",
            Self::Other => "options",
        }
    }

    fn of_path(method: &Method) -> Self {
        match *method {
            Method::GET => Self::Get,
            Method::HEAD => Self::Head,
            Method::POST => Self::Post,
            Method::PUT => Self::Put,
            Method::PATCH => Self::Patch,
            Method::DELETE => Self::Delete,
            _ => Self::Other,
        }
    }

    fn of_resource(method: &Method) -> Self {
        match *method {
            Method::GET | Method::HEAD => Self::Get,
            Method::POST => Self::Create,
            Method::PUT => Self::Update,
            Method::PATCH => Self::Patch,
            Method::DELETE => Self::Delete,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'p> RequestInfo<'p> {
    /// What a request with this method, path and query is for.
    pub(crate) fn new(method: &Method, path: &'p str, query: &Query) -> Self {
        let words: Vec<_> = path
            .trim_matches('/')
            .split('/')
            .map(|word| percent_decoded(word, Plus::IsPlus))
            .collect();
        let resource = ResourcePath::of_words(&words);
        let mut info = Self {
            verb: Verb::of_path(method),
            path,
            // PARITY: golang/net/url/url.go#URL.Path
            plain_path: percent_decoded(path, Plus::IsPlus),
            words,
            resource,
            selected: String::new(),
        };
        if let Some(resource) = &info.resource {
            info.verb = Verb::of_resource(method);
            if resource.form == PathForm::Watch {
                info.verb = Verb::Watch;
            } else if resource.name.is_empty() {
                info.verb = match info.verb {
                    Verb::Get if query.flag("watch") => Verb::Watch,
                    Verb::Get => Verb::List,
                    Verb::Delete => Verb::DeleteCollection,
                    verb => verb,
                };
            }
            // Whoever may only read an object of one name may list and watch it.
            if matches!(info.verb, Verb::List | Verb::Watch | Verb::DeleteCollection)
                && resource.name.is_empty()
                && let Some(name) = query.get("fieldSelector").and_then(selected_name)
            {
                info.selected = name;
            }
        }
        info
    }
}

impl RequestInfo<'_> {
    /// The name that authorization goes by; empty for a whole collection.
    pub(crate) fn name(&self) -> &str {
        match &self.resource {
            Some(path) if !path.name.is_empty() => &path.name,
            Some(_) | None => &self.selected,
        }
    }
}

/// The one name that a field selector selects.
fn selected_name(selector: &str) -> Option<String> {
    let selector = FieldSelector::parse(selector).ok()?;
    selector
        .requirements()
        .iter()
        .find(|each| each.field() == "metadata.name" && each.operator() == FieldOperator::Equals)
        .map(|requirement| requirement.value().to_owned())
        .filter(|name| !name.is_empty())
}

/// Parts of a namespace that are not resources within it.
const NAMESPACE_PARTS: [&str; 2] = ["status", "finalize"];

impl ResourcePath {
    /// Reads `api/VERSION/…` and `apis/GROUP/VERSION/…`; any other path is no resource's.
    fn of_words(words: &[Cow<'_, str>]) -> Option<Self> {
        let words: Vec<&str> = words.iter().map(Cow::as_ref).collect();
        let (group, version, mut rest) = match words.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let mut path =
            Self { group: group.to_owned(), version: version.to_owned(), ..Self::default() };
        if let ["watch", after @ ..] = rest {
            path.form = PathForm::Watch;
            rest = after;
        }
        if let ["namespaces", namespace, after @ ..] = rest {
            (*namespace).clone_into(&mut path.namespace);
            if after.first().is_some_and(|part| !NAMESPACE_PARTS.contains(part)) {
                rest = after;
            }
        }
        match rest {
            [] => return None,
            [resource] => (*resource).clone_into(&mut path.resource),
            [resource, name, subresource @ ..] => {
                (*resource).clone_into(&mut path.resource);
                (*name).clone_into(&mut path.name);
                path.subresource = subresource.join("/");
            }
        }
        Some(path)
    }
}
