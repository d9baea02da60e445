//! How a list is cut, as of when it is, and how a watch begins.

use std::num::NonZeroUsize;
use std::time::Duration;

use ferry_api::{FieldError, FieldSelector, FieldSelectorError, KindVersion, Scope, Selector};
use ferry_registry::{ContinueToken, ListOptions, ListStart, Refusal, Revision, Selection};

use super::super::path::{ObjectsPath, Query};
use super::{bad_request, forbidden, invalid, not_supported, whole};

const EXACT: &str = "Exact";
const NOT_OLDER: &str = "NotOlderThan";

/// A list that somebody asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ListQuery {
    /// Of which objects.
    pub(crate) selection: Selection,
    /// How much of it, and as of when.
    pub(crate) options: ListOptions,
}

/// A watch that somebody asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WatchQuery {
    /// Of which objects.
    pub(crate) selection: Selection,
    /// What it begins with.
    pub(crate) initial: Initial,
    /// Whether the client understands bookmarks.
    pub(crate) bookmarks: Bookmarks,
    /// When it ends, if the client says so.
    pub(crate) timeout: Option<Duration>,
}

/// What a watch begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Initial {
    /// With all objects, as new ones; then what happens.
    Objects,
    /// Likewise, and then a bookmark that says that these were all (`sendInitialEvents=true`). The
    /// objects are to be as of this revision or a later one.
    ObjectsAndMark(Revision),
    /// With what happened after a revision.
    After(Revision),
    /// With what happens from now on (`sendInitialEvents=false` without a revision).
    Now,
}

/// Whether a client understands bookmarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bookmarks {
    /// It does.
    Sent,
    /// It does not.
    Withheld,
}

impl ListQuery {
    /// Reads the query of a list.
    pub(crate) fn read(path: &ObjectsPath, query: &Query) -> Result<Self, Refusal> {
        let selection = selection(path, query)?;
        let errors = list_errors(query);
        if !errors.is_empty() {
            return Err(invalid("ListOptions", errors));
        }
        // It says nothing to a list, and has to be one.
        whole(query, "timeoutSeconds")?;
        let limit = whole(query, "limit")?.and_then(|limit| usize::try_from(limit).ok());
        let limit = limit.and_then(NonZeroUsize::new);
        let revision = revision(query)?;
        let is_exact = query.text("resourceVersionMatch") == Some(EXACT);
        let start = match (query.text("continue"), revision) {
            (Some(_), Some(revision)) if revision != Revision(0) => {
                let message = "specifying resource version is not allowed when using continue";
                return Err(bad_request(message));
            }
            (Some(token), _) => ListStart::Continue(ContinueToken::parse(token)?),
            (None, Some(revision)) if is_exact => ListStart::Exactly(revision),
            // Pages of a list that is not to be newer: as upstream, as of exactly that revision.
            // PARITY: apiserver/pkg/storage/etcd3/store.go#resolveGetListRev
            (None, Some(revision))
                if limit.is_some()
                    && revision != Revision(0)
                    && query.text("resourceVersionMatch").is_none() =>
            {
                ListStart::Exactly(revision)
            }
            (None, Some(Revision(0)) | None) => ListStart::Newest,
            (None, Some(revision)) => ListStart::NotOlderThan(revision),
        };
        Ok(Self { selection, options: ListOptions { limit, start } })
    }
}

impl WatchQuery {
    /// Reads the query of a watch.
    pub(crate) fn read(path: &ObjectsPath, query: &Query) -> Result<Self, Refusal> {
        let selection = selection(path, query)?;
        let errors = watch_errors(query);
        if !errors.is_empty() {
            return Err(invalid("ListOptions", errors));
        }
        let revision = revision(query)?.filter(|revision| *revision != Revision(0));
        let send = query.get("sendInitialEvents").map(|_| query.flag("sendInitialEvents"));
        let initial = match (send, revision) {
            (Some(true), revision) => Initial::ObjectsAndMark(revision.unwrap_or_default()),
            (Some(false), None) => Initial::Now,
            (None, None) => Initial::Objects,
            (Some(false) | None, Some(revision)) => Initial::After(revision),
        };
        let bookmarks =
            if query.flag("allowWatchBookmarks") { Bookmarks::Sent } else { Bookmarks::Withheld };
        // None is as long as we like; less than none is over already.
        // PARITY: apiserver/pkg/endpoints/handlers/get.go#ListResource
        let timeout = whole(query, "timeoutSeconds")?.filter(|seconds| *seconds != 0);
        let timeout = timeout.map(|it| Duration::from_secs(u64::try_from(it).unwrap_or_default()));
        Ok(Self { selection, initial, bookmarks, timeout })
    }
}

/// The objects that a path and a query select.
fn selection(path: &ObjectsPath, query: &Query) -> Result<Selection, Refusal> {
    let labels = query.get("labelSelector").unwrap_or_default();
    let labels = Selector::parse(labels).map_err(|error| bad_request(error.to_string()))?;
    let fields = query.get("fieldSelector").unwrap_or_default();
    let mut text = fields.to_owned();
    // Only the old form of a watch has a name in its path.
    if let Some(name) = &path.name {
        text = format!("{text},metadata.name={name}");
    }
    let fields = FieldSelector::parse(&text)
        .and_then(|fields| {
            fields.check_fields(|field| is_selectable(path.served, field)).map(|()| fields)
        })
        .map_err(|error| bad_request(unselectable(path.served, &error)))?;
    let kind = path.served.kind();
    Ok(Selection { kind, namespace: path.namespace.clone(), labels, fields })
}

/// Kinds of Kubernetes itself that have no fields of their own have another sentence.
// PARITY: apimachinery/pkg/runtime/conversion.go#DefaultMetaV1FieldSelectorConversion
fn unselectable(served: KindVersion, error: &FieldSelectorError) -> String {
    match error {
        FieldSelectorError::Unsupported { field }
            if !served.kind().is_custom() && served.selectable_fields().is_empty() =>
        {
            format!(
                "{field:?} is not a known field selector: only \"metadata.name\", \
                 \"metadata.namespace\""
            )
        }
        other => other.to_string(),
    }
}

fn is_selectable(served: KindVersion, field: &str) -> bool {
    match field {
        "metadata.name" => true,
        "metadata.namespace" => served.definition().scope == Scope::Namespaced,
        field => served.selectable_fields().iter().any(|(label, _)| *label == field),
    }
}

// PARITY: apimachinery/pkg/apis/meta/internalversion/validation/validation.go#ValidateListOptions
fn list_errors(query: &Query) -> Vec<FieldError> {
    const MATCH: &str = "resourceVersionMatch";
    let mut errors = Vec::new();
    if let Some(how) = query.text(MATCH) {
        let revision = query.text("resourceVersion");
        if revision.is_none() {
            let message = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            errors.push(forbidden(MATCH, message));
        }
        if query.text("continue").is_some() {
            let message = "resourceVersionMatch is forbidden when continue is provided";
            errors.push(forbidden(MATCH, message));
        }
        if how != EXACT && how != NOT_OLDER {
            errors.push(not_supported(MATCH, how, &[EXACT, NOT_OLDER, ""]));
        }
        if how == EXACT && revision == Some("0") {
            let message = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
            errors.push(forbidden(MATCH, message));
        }
    }
    if query.get("sendInitialEvents").is_some() {
        errors.push(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
    }
    errors
}

// PARITY: apimachinery/pkg/apis/meta/internalversion/validation/validation.go#validateWatchOptions
fn watch_errors(query: &Query) -> Vec<FieldError> {
    const MATCH: &str = "resourceVersionMatch";
    let mut errors = Vec::new();
    let how = query.text(MATCH);
    let sends = query.get("sendInitialEvents").is_some();
    if sends && how != Some(NOT_OLDER) {
        let message =
            format!("sendInitialEvents requires setting resourceVersionMatch to {NOT_OLDER}");
        errors.push(forbidden(MATCH, message));
    }
    if let Some(how) = how {
        if !sends {
            let message =
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            errors.push(forbidden(MATCH, message));
        }
        if how != NOT_OLDER {
            errors.push(not_supported(MATCH, how, &[NOT_OLDER]));
        }
        if query.text("continue").is_some() {
            let message = "resourceVersionMatch is forbidden when continue is provided";
            errors.push(forbidden(MATCH, message));
        }
    }
    errors
}

fn revision(query: &Query) -> Result<Option<Revision>, Refusal> {
    let Some(text) = query.text("resourceVersion") else { return Ok(None) };
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse().ok().filter(|_| is_number) {
        Some(number) => Ok(Some(Revision(number))),
        None => Err(bad_request(format!(
            "resourceVersion: Invalid value: {text:?}: must be a whole number"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::path::{Alias, PathForm};
    use super::*;

    fn pods() -> ObjectsPath {
        ObjectsPath {
            served: KindVersion::of_path("", "v1", "pods").unwrap(),
            alias: Alias::None,
            namespace: None,
            name: None,
            form: PathForm::default(),
        }
    }

    fn list(query: &str) -> Result<ListOptions, String> {
        let read = ListQuery::read(&pods(), &Query::parse(query));
        read.map(|list| list.options).map_err(|refusal| refusal.to_string())
    }

    fn watch(query: &str) -> Result<WatchQuery, String> {
        let read = WatchQuery::read(&pods(), &Query::parse(query));
        read.map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_list_is_as_of_when_the_client_says() {
        let token = ContinueToken::parse(
            "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NSwic3RhcnQiOiJhL2JcdTAwMDAifQ",
        )
        .unwrap();
        for (query, limit, start) in [
            (String::new(), 0, ListStart::Newest),
            ("limit=500&resourceVersion=0".to_owned(), 500, ListStart::Newest),
            ("limit=-1".to_owned(), 0, ListStart::Newest),
            ("resourceVersion=7".to_owned(), 0, ListStart::NotOlderThan(Revision(7))),
            (
                "resourceVersion=7&resourceVersionMatch=NotOlderThan&limit=2".to_owned(),
                2,
                ListStart::NotOlderThan(Revision(7)),
            ),
            (
                "resourceVersion=7&resourceVersionMatch=Exact".to_owned(),
                0,
                ListStart::Exactly(Revision(7)),
            ),
            ("resourceVersion=7&limit=2".to_owned(), 2, ListStart::Exactly(Revision(7))),
            (format!("limit=1&continue={token}"), 1, ListStart::Continue(token.clone())),
        ] {
            let expected = ListOptions { limit: NonZeroUsize::new(limit), start };
            assert_eq!(list(&query), Ok(expected), "{query}");
        }
    }

    #[test]
    fn parity_lists_that_contradict_themselves_are_refused() {
        for (query, message) in [
            (
                "resourceVersionMatch=Exact",
                "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: \
                 resourceVersionMatch is forbidden unless resourceVersion is provided",
            ),
            (
                "resourceVersionMatch=Exact&resourceVersion=0",
                "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: \
                 resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
            ),
            (
                "sendInitialEvents=true",
                "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: \
                 sendInitialEvents is forbidden for list",
            ),
            ("resourceVersion=x", "resourceVersion: Invalid value: \"x\": must be a whole number"),
            (
                "resourceVersion=-1",
                "resourceVersion: Invalid value: \"-1\": must be a whole number",
            ),
            ("limit=x", "strconv.ParseInt: parsing \"x\": invalid syntax"),
            ("timeoutSeconds=x", "strconv.ParseInt: parsing \"x\": invalid syntax"),
            (
                "limit=9223372036854775808",
                "strconv.ParseInt: parsing \"9223372036854775808\": value out of range",
            ),
            ("continue=!", "continue key is not valid: "),
            ("continue=x&resourceVersion=3", "specifying resource version is not allowed"),
            ("fieldSelector=spec.x%3D1", "field label not supported: spec.x"),
            ("labelSelector=a%3D%22b%22", ""),
        ] {
            let refusal = list(query).unwrap_err();
            assert!(refusal.starts_with(message), "{query}: {refusal}");
        }
    }

    #[test]
    fn a_watch_begins_where_the_client_says() {
        for (query, initial) in [
            ("", Initial::Objects),
            ("resourceVersion=0", Initial::Objects),
            ("resourceVersion=7", Initial::After(Revision(7))),
            (
                "sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
                Initial::ObjectsAndMark(Revision(0)),
            ),
            (
                "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=7",
                Initial::ObjectsAndMark(Revision(7)),
            ),
            ("sendInitialEvents=false&resourceVersionMatch=NotOlderThan", Initial::Now),
        ] {
            assert_eq!(watch(query).map(|watch| watch.initial), Ok(initial), "{query}");
        }
        let full = watch("allowWatchBookmarks=true&timeoutSeconds=290&limit=3").unwrap();
        assert_eq!(full.bookmarks, Bookmarks::Sent);
        assert_eq!(full.timeout, Some(Duration::from_secs(290)));
        assert_eq!(watch("timeoutSeconds=0").unwrap().timeout, None);
    }

    #[test]
    fn parity_a_watch_has_the_time_that_its_client_gives_it() {
        for (given, expected) in [
            ("timeoutSeconds=7", Some(Duration::from_secs(7))),
            ("timeoutSeconds=-1", Some(Duration::ZERO)),
            ("timeoutSeconds=0", None),
            ("", None),
        ] {
            assert_eq!(watch(given).unwrap().timeout, expected, "{given}");
        }
    }

    #[test]
    fn parity_watches_that_contradict_themselves_are_refused() {
        for (query, message) in [
            (
                "sendInitialEvents=true",
                "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: \
                 sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            ),
            (
                "resourceVersionMatch=NotOlderThan",
                "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: \
                 resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            ),
            ("timeoutSeconds=soon", "strconv.ParseInt: parsing \"soon\": invalid syntax"),
        ] {
            let refusal = watch(query).unwrap_err();
            assert!(refusal.starts_with(message), "{query}: {refusal}");
        }
    }

    #[test]
    fn the_old_form_of_a_watch_selects_by_the_name_in_its_path() {
        let path =
            ObjectsPath { namespace: Some("red".to_owned()), name: Some("p".to_owned()), ..pods() };
        let read = WatchQuery::read(&path, &Query::parse("fieldSelector=status.phase%3DRunning"));
        assert_eq!(
            read.unwrap().selection.fields.to_string(),
            "metadata.name=p,status.phase=Running"
        );
    }
}
