//! Reading one object, or a list of them.

use std::time::Duration;

use bytes::Bytes;
use ferry_registry::{ListStart, ObjectKey, Page, Refusal, Revision, Stored};
use http::StatusCode;
use serde_json::{Map, Value};

use super::Api;
use super::answer::{self, Answer};
use super::backend::{Backend, Process};
use super::lens::{self, Carried, Lens};
use super::lists;
use super::negotiate::{Format, Offer, Shape};
use super::options::ListQuery;
use super::path::ObjectsPath;
use super::request::Asked;

/// How long a read waits for a revision that is still to come. Whoever asks for it has seen it
/// elsewhere, so it cannot be long.
// PARITY: apiserver/pkg/storage/cacher/watch_cache.go#waitUntilFreshAndBlock
const FRESH_TIME: Duration = Duration::from_secs(3);

/// How often it is looked whether it has come.
const FRESH_LOOK: Duration = Duration::from_millis(20);

impl<B: Backend, P: Process> Api<B, P> {
    /// One object.
    pub(super) async fn get(
        &self,
        asked: &Asked<'_>,
        path: &ObjectsPath,
        name: &str,
    ) -> Result<Answer, Refusal> {
        let format = asked.format(Offer::Objects)?;
        if let Some(revision) = asked.query.text("resourceVersion").and_then(|it| it.parse().ok()) {
            self.wait_for(Revision(revision)).await?;
        }
        let namespace = path.namespace.clone().unwrap_or_default();
        let key = ObjectKey::new(path.served.kind(), namespace, name);
        let found = self.backend.state().object(&key).cloned();
        let object = found
            .ok_or_else(|| Refusal::NotFound { served: path.served, name: name.to_owned() })?;
        self.one(asked, Lens::new(path), format, &object)
    }

    /// An object in the form that the client takes.
    fn one(
        &self,
        asked: &Asked<'_>,
        lens: Lens,
        format: Format,
        object: &Stored,
    ) -> Result<Answer, Refusal> {
        let carried = Carried::read(&asked.query, format.shape)?;
        Ok(match format.shape {
            Shape::Object => answer::json(StatusCode::OK, format, lens.json(object)),
            Shape::Partial(version) => {
                answer::document(StatusCode::OK, format, &lens::partial_of(object, version))
            }
            Shape::Table(version) => {
                let row = lens.row(object, version, carried, self.backend.now());
                let metadata = list_metadata(object.revision, None, None);
                let table = lens::table(version, metadata, lens.columns(), vec![row]);
                answer::document(StatusCode::OK, format, &table)
            }
        })
    }

    /// A list of objects, or a page of it.
    pub(super) async fn list(
        &self,
        asked: &Asked<'_>,
        path: &ObjectsPath,
    ) -> Result<Answer, Refusal> {
        let format = asked.format(Offer::Objects)?;
        let carried = Carried::read(&asked.query, format.shape)?;
        let (metadata, page) = self.selected(path, asked).await?;
        let lens = Lens::new(path);
        let items = page.items.into_iter();
        Ok(match format.shape {
            Shape::Object => {
                let head = list_head(lens, metadata);
                lists::list(format, &head, "items", items.map(move |item| lens.json(&item)))
            }
            Shape::Partial(version) => {
                let head = lens::object([
                    ("kind", Value::from("PartialObjectMetadataList")),
                    ("apiVersion", Value::from(version.api_version())),
                    ("metadata", Value::Object(metadata)),
                ]);
                let items = items.map(move |item| json(&lens::partial_of(&item, version)));
                lists::list(format, &head, "items", items)
            }
            Shape::Table(version) => {
                let head = lens::table_head(version, metadata, lens.columns());
                let now = self.backend.now();
                let rows = items.map(move |item| json(&lens.row(&item, version, carried, now)));
                lists::list(format, &head, "rows", rows)
            }
        })
    }

    /// The objects that a request asks for, and the metadata of a list of them.
    pub(super) async fn selected(
        &self,
        path: &ObjectsPath,
        asked: &Asked<'_>,
    ) -> Result<(Map<String, Value>, Page), Refusal> {
        let ListQuery { selection, options } = ListQuery::read(path, &asked.query)?;
        if let ListStart::NotOlderThan(revision) | ListStart::Exactly(revision) = options.start {
            self.wait_for(revision).await?;
        }
        let page = self.backend.state().list(&selection, &options)?;
        let next = page.next.as_ref().map(ToString::to_string);
        Ok((list_metadata(page.revision, next, page.remaining), page))
    }

    /// Waits for a revision, not for long.
    pub(super) async fn wait_for(&self, revision: Revision) -> Result<(), Refusal> {
        let mut left = FRESH_TIME;
        loop {
            let current = self.backend.state().revision();
            if current >= revision {
                return Ok(());
            }
            if left.is_zero() {
                return Err(Refusal::FutureRevision { asked: revision.0, current: current.0 });
            }
            tokio::time::sleep(FRESH_LOOK).await;
            left = left.saturating_sub(FRESH_LOOK);
        }
    }
}

/// The metadata of a list.
pub(super) fn list_metadata(
    revision: Revision,
    next: Option<String>,
    remaining: Option<usize>,
) -> Map<String, Value> {
    let mut metadata = Map::new();
    metadata.insert("resourceVersion".to_owned(), Value::from(revision.to_string()));
    if let Some(next) = next {
        metadata.insert("continue".to_owned(), Value::from(next));
    }
    if let Some(remaining) = remaining {
        metadata.insert("remainingItemCount".to_owned(), Value::from(remaining));
    }
    metadata
}

/// What a list of objects is, but for the objects.
pub(super) fn list_head(lens: Lens, metadata: Map<String, Value>) -> Value {
    lens::object([
        ("kind", Value::from(format!("{}List", lens.kind()))),
        ("apiVersion", Value::from(lens.api_version())),
        ("metadata", Value::Object(metadata)),
    ])
}

fn json(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}
