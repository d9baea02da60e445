//! Lists: what was there at one revision, in pages.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Bound;
use std::sync::Arc;

use crate::object::{ObjectKey, Revision, Stored};
use crate::refusal::Refusal;
use crate::state::token::ContinueToken;
use crate::state::{Selection, State};

/// How much of a list is wanted, and as of when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListOptions {
    /// The most objects of a page.
    pub limit: Option<NonZeroUsize>,
    /// As of when.
    pub start: ListStart,
}

/// As of when a list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListStart {
    /// Now.
    Newest,
    /// At this revision or any later one.
    NotOlderThan(Revision),
    /// At this revision.
    Exactly(Revision),
    /// Where an earlier page ended.
    Continue(ContinueToken),
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The revision that it is of.
    pub revision: Revision,
    /// The objects, by namespace and name.
    pub items: Vec<Arc<Stored>>,
    /// Where the next page begins, if there is one.
    pub next: Option<ContinueToken>,
    /// How many objects are on the pages that follow; not said where a selector would have to be
    /// asked about each.
    pub remaining: Option<usize>,
}

// PARITY: apiserver/pkg/storage/etcd3/errors.go#handleCompactedErrorForPaging
const TOKEN_EXPIRED: &str = "The provided continue parameter is too old to display a consistent \
    list result. You can start a new list without the continue parameter, or use the continue \
    token in this response to retrieve the remainder of the results. Continuing with the provided \
    token results in an inconsistent list - objects that were created, modified, or deleted \
    between the time the first chunk was returned and now may show up in the list.";
const REVISION_EXPIRED: &str = "The resourceVersion for the provided list is too old.";

impl State {
    /// A page of the objects that are selected, all as they were at one revision.
    ///
    /// # Errors
    /// [`Refusal::Expired`] for a revision that is no longer known, [`Refusal::FutureRevision`] for
    /// one that is still to come, [`Refusal::BadRequest`] for a token that does not fit the list.
    pub fn list(&self, selection: &Selection, options: &ListOptions) -> Result<Page, Refusal> {
        let current = self.revision();
        let (revision, start) = match &options.start {
            ListStart::Newest => (current, Bound::Unbounded),
            ListStart::NotOlderThan(revision) => {
                self.check_future(*revision)?;
                (current, Bound::Unbounded)
            }
            ListStart::Exactly(revision) => {
                self.check_future(*revision)?;
                if *revision < self.oldest(selection.kind) {
                    let message = REVISION_EXPIRED.to_owned();
                    return Err(Refusal::Expired { message, continue_token: None });
                }
                (*revision, Bound::Unbounded)
            }
            ListStart::Continue(token) => self.resume(selection, token)?,
        };
        if let (Bound::Unbounded, Some(name)) = (&start, selection.only_name())
            && revision == current
            && let Some(namespace) = only_namespace(selection)
        {
            let key = ObjectKey::new(selection.kind, namespace, name);
            let found = self.object(&key).filter(|object| selection.matches(object));
            let items = found.into_iter().cloned().collect();
            return Ok(Page { revision, items, next: None, remaining: None });
        }
        let limit = options.limit;
        if revision == current {
            let objects = self.objects().range(selection.kind, namespace_of(selection), start);
            return Ok(page(selection, revision, limit, objects.map(Arc::clone)));
        }
        let former = self.former(selection, revision, &start);
        Ok(page(selection, revision, limit, former.into_values()))
    }

    fn check_future(&self, revision: Revision) -> Result<(), Refusal> {
        if revision > self.revision() {
            return Err(Refusal::FutureRevision { asked: revision.0, current: self.revision().0 });
        }
        Ok(())
    }

    fn resume(
        &self,
        selection: &Selection,
        token: &ContinueToken,
    ) -> Result<(Revision, Bound<ObjectKey>), Refusal> {
        let (namespace, name) = match &selection.namespace {
            Some(namespace) => (namespace.as_str(), token.after.as_str()),
            None => token.after.split_once('/').unwrap_or(("", &token.after)),
        };
        let key = ObjectKey::new(selection.kind, namespace, name);
        if key.name.is_empty() || key.name.contains('/') {
            let message = format!("continue key is not valid: {:?} is no object", token.after);
            return Err(Refusal::BadRequest { message });
        }
        let revision = token.revision.unwrap_or_else(|| self.revision());
        self.check_future(revision)?;
        if revision < self.oldest(selection.kind) {
            let fresh = ContinueToken { revision: None, after: token.after.clone() };
            return Err(Refusal::Expired {
                message: TOKEN_EXPIRED.to_owned(),
                continue_token: Some(fresh.to_string()),
            });
        }
        Ok((revision, Bound::Excluded(key)))
    }

    /// What was there at a former revision: what is there now, with later writes undone.
    fn former(
        &self,
        selection: &Selection,
        revision: Revision,
        start: &Bound<ObjectKey>,
    ) -> BTreeMap<ObjectKey, Arc<Stored>> {
        let namespace = namespace_of(selection);
        let after_start = |key: &ObjectKey| match start {
            Bound::Unbounded => true,
            Bound::Excluded(start) => key > start,
            Bound::Included(start) => key >= start,
        };
        let objects = self.objects().range(selection.kind, namespace, start.clone());
        let mut former: BTreeMap<_, _> =
            objects.map(|object| (object.key.clone(), object.clone())).collect();
        // The oldest write comes last, and says what was there before all of them.
        let later: Vec<_> = self.history.after(selection.kind, revision).collect();
        for entry in later.into_iter().rev() {
            let key = &entry.object.key;
            if namespace.is_some_and(|namespace| key.namespace != namespace) || !after_start(key) {
                continue;
            }
            match &entry.before {
                Some(before) => former.insert(key.clone(), before.clone()),
                None => former.remove(key),
            };
        }
        former
    }
}

fn namespace_of(selection: &Selection) -> Option<&str> {
    selection.namespace.as_deref()
}

/// The one namespace that a selection is in; the empty one for kinds of the whole cluster.
fn only_namespace(selection: &Selection) -> Option<&str> {
    match selection.kind.definition().scope {
        ferry_api::Scope::Cluster => Some(""),
        ferry_api::Scope::Namespaced => namespace_of(selection),
    }
}

fn page(
    selection: &Selection,
    revision: Revision,
    limit: Option<NonZeroUsize>,
    objects: impl Iterator<Item = Arc<Stored>>,
) -> Page {
    let Some(limit) = limit else {
        let items = objects.filter(|object| selection.matches(object)).collect();
        return Page { revision, items, next: None, remaining: None };
    };
    let mut objects = objects.filter(|object| selection.matches(object));
    let items: Vec<_> = objects.by_ref().take(limit.get()).collect();
    let more = objects.next().is_some();
    let next = items.last().filter(|_| more).map(|last| ContinueToken {
        revision: Some(revision),
        after: match &selection.namespace {
            Some(_) => last.key.name.clone(),
            None if last.key.namespace.is_empty() => last.key.name.clone(),
            None => format!("{}/{}", last.key.namespace, last.key.name),
        },
    });
    let remaining = (more && selection.is_whole()).then(|| objects.count() + 1);
    Page { revision, items, next, remaining }
}
