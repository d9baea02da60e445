//! Reading one object, or a list of them.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use ferry_registry::{ListStart, ObjectKey, Page, Refusal, Revision, Stored};
use http::StatusCode;
use serde_json::{Map, Value};

use super::Api;
use super::answer::{self, Answer};
use super::backend::{Backend, Process};
use super::body::joined;
use super::lens::{self, Carried, Lens};
use super::negotiate::{Encoding, Format, Layout, MetaVersion, Offer, Shape};
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
        let ListQuery { selection, options } = ListQuery::read(path, &asked.query)?;
        if let ListStart::NotOlderThan(revision) | ListStart::Exactly(revision) = options.start {
            self.wait_for(revision).await?;
        }
        let page = self.backend.state().list(&selection, &options)?;
        let lens = Lens::new(path);
        let metadata = list_metadata(
            page.revision,
            page.next.as_ref().map(ToString::to_string),
            page.remaining,
        );
        Ok(match format.shape {
            Shape::Object => objects(lens, format, metadata, page),
            Shape::Partial(version) => partials(format, version, metadata, &page),
            Shape::Table(version) => {
                let now = self.backend.now();
                let rows = page.items.iter().map(|it| lens.row(it, version, carried, now));
                let table = lens::table(version, metadata, lens.columns(), rows.collect());
                answer::document(StatusCode::OK, format, &table)
            }
        })
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

/// Whole objects. Those of a long list are put together while they are sent.
fn objects(lens: Lens, format: Format, metadata: Map<String, Value>, page: Page) -> Answer {
    let parts = list_parts(lens, metadata, page.items);
    if format.encoding == Encoding::Json && format.layout == Layout::Compact {
        return answer::typed(StatusCode::OK, format.content_type(), joined(parts));
    }
    let mut whole = BytesMut::new();
    parts.for_each(|part| whole.put(part));
    answer::json(StatusCode::OK, format, whole.freeze())
}

/// A list in parts: its head, each object, its end.
pub(super) fn list_parts(
    lens: Lens,
    metadata: Map<String, Value>,
    items: Vec<Arc<Stored>>,
) -> impl Iterator<Item = Bytes> + Send + Unpin + 'static {
    let head = format!(
        "{{\"kind\":\"{}List\",\"apiVersion\":\"{}\",\"metadata\":{},\"items\":[",
        lens.kind(),
        lens.api_version(),
        Value::Object(metadata),
    );
    let items = items.into_iter().enumerate().flat_map(move |(position, item)| {
        let comma = if position == 0 { Bytes::new() } else { Bytes::from_static(b",") };
        [comma, lens.json(&item)]
    });
    std::iter::once(Bytes::from(head)).chain(items).chain([Bytes::from_static(b"]}\n")])
}

fn partials(
    format: Format,
    version: MetaVersion,
    metadata: Map<String, Value>,
    page: &Page,
) -> Answer {
    let items: Vec<_> = page.items.iter().map(|item| lens::partial_of(item, version)).collect();
    let list = lens::object([
        ("kind", Value::from("PartialObjectMetadataList")),
        ("apiVersion", Value::from(version.api_version())),
        ("metadata", Value::Object(metadata)),
        ("items", Value::Array(items)),
    ]);
    answer::document(StatusCode::OK, format, &list)
}
