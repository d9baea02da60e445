//! Deleting an object, or all of a collection.

use std::sync::Arc;

use bytes::Bytes;
use ferry_registry::{
    DeleteOptions, Part, Refusal, Request, Run, Stored, Target, Write, WriteOptions,
};
use http::StatusCode;
use tokio::task::JoinSet;

use super::Api;
use super::answer::Answer;
use super::backend::{Backend, Process};
use super::lens::Lens;
use super::lists;
use super::negotiate::Offer;
use super::options::{DeleteQuery, delete_options};
use super::path::ObjectsPath;
use super::read::list_head;
use super::request::Asked;
use super::write::target;

/// How many objects of a collection are deleted at once: enough to fill a group of the journal, few
/// enough to leave room for others.
const AT_ONCE: usize = 64;

impl<B: Backend, P: Process> Api<B, P> {
    /// The end of an object. Whoever asks in the old words for the end of its dependents as well is told
    /// if it is still to come; of all others, clients take nothing but 200.
    // PARITY: apiserver/pkg/endpoints/handlers/delete.go#DeleteResource
    pub(super) async fn delete(
        &self,
        asked: &Asked<'_>,
        path: &ObjectsPath,
        body: Bytes,
    ) -> Result<Answer, Refusal> {
        let body = asked.optional_body(body).await?;
        let query = delete_options(body.as_ref(), &asked.query)?;
        let target = target(path, Part::Main);
        let key = target.key();
        let how = WriteOptions { run: query.run, ..WriteOptions::default() };
        let write = Write::Delete(query.options);
        let mut answer = self.write(asked, path, target, write, how).await?;
        if query.cascades && query.run == Run::Real {
            let found = self.backend.state().object(&key).cloned();
            if found.is_some_and(|object| object.meta.deleted().is_some()) {
                *answer.status_mut() = StatusCode::ACCEPTED;
            }
        }
        Ok(answer)
    }

    /// The end of all objects of a collection that are selected; with a limit, of the first page of
    /// them.
    // PARITY: apiserver/pkg/registry/generic/registry/store.go#DeleteCollection
    pub(super) async fn delete_collection(
        &self,
        asked: &Asked<'_>,
        path: &ObjectsPath,
        body: Bytes,
    ) -> Result<Answer, Refusal> {
        let format = asked.format(Offer::Plain)?;
        let body = asked.optional_body(body).await?;
        let query = delete_options(body.as_ref(), &asked.query)?;
        let (list, page) = self.selected(path, asked).await?;
        let overtaken = Overtaken::of(&query.options);
        let mut under_way = JoinSet::new();
        for object in &page.items {
            if under_way.len() >= AT_ONCE {
                finish_one(&mut under_way, overtaken).await?;
            }
            let request = request(asked, path, object, &query);
            let backend = Arc::clone(&self.backend);
            under_way.spawn(async move { backend.write(request).await.map(|_| ()) });
        }
        while !under_way.is_empty() {
            finish_one(&mut under_way, overtaken).await?;
        }
        let lens = Lens::new(path);
        let head = list_head(lens, list);
        let items = page.items.into_iter().map(move |item| lens.json(&item));
        Ok(lists::list(format, &head, "items", items))
    }
}

fn request(asked: &Asked<'_>, path: &ObjectsPath, object: &Stored, query: &DeleteQuery) -> Request {
    let target = Target {
        served: path.served,
        namespace: object.key.namespace.clone(),
        name: object.key.name.clone(),
        part: Part::Main,
    };
    // The object that was selected, and no other that has its name by now.
    let uid = query.options.uid.clone().or_else(|| Some(object.meta.uid.to_string()));
    let options = DeleteOptions { uid, ..query.options.clone() };
    Request {
        user: Arc::clone(asked.user),
        target,
        write: Write::Delete(options),
        options: WriteOptions { run: query.run, ..WriteOptions::default() },
    }
}

/// What a conflict means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overtaken {
    /// The object that was selected is gone, and another has its name.
    Gone,
    /// Perhaps it is not as the client wants it.
    Unwanted,
}

impl Overtaken {
    fn of(options: &DeleteOptions) -> Self {
        if options.uid.is_none() && options.resource_version.is_none() {
            Self::Gone
        } else {
            Self::Unwanted
        }
    }
}

/// Waits for one deletion. Of an object that is gone by now nothing is left to be deleted.
async fn finish_one(
    under_way: &mut JoinSet<Result<(), Refusal>>,
    overtaken: Overtaken,
) -> Result<(), Refusal> {
    match under_way.join_next().await {
        None | Some(Ok(Ok(()) | Err(Refusal::NotFound { .. }))) => Ok(()),
        Some(Ok(Err(Refusal::Precondition { .. }))) if overtaken == Overtaken::Gone => Ok(()),
        Some(Ok(Err(refusal))) => Err(refusal),
        Some(Err(error)) => Err(Refusal::Internal { message: error.to_string() }),
    }
}
