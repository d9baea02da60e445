//! Carries out plans.
//!
//! What the server answers goes into the cache. Where it gives no answer, nobody knows whether a write
//! was done, and a look at the cache could decide the same thing twice in two ways. So such an object
//! is in doubt until the server has been asked for it, and until then nothing else is done.

mod error;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ferry_reconcile::{Action, Bind, Create, Delete, Grace, Metric, ObjectRef, Part, Patch, Plan};
use kube::Client;
use kube::api::{DeleteParams, GetParams, PatchParams, PostParams, Preconditions};
use kube::core::request;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::Cache;
use crate::events::Recorder;
use crate::request::collection;
pub use error::HandsError;
pub(crate) use error::named;

/// How long the server may take to answer a write. It takes a millisecond, and seconds where its disk
/// stalls.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// Carries out plans, one action after the other.
pub struct Hands {
    client: Client,
    cache: Cache,
    recorder: Recorder,
    manager: &'static str,
    /// What may or may not have been written.
    doubts: Mutex<BTreeSet<ObjectRef>>,
}

impl Hands {
    /// Hands that write as `manager` (the field manager), put answers into `cache` and tell events
    /// to `recorder`.
    pub fn new(client: Client, cache: Cache, recorder: Recorder, manager: &'static str) -> Self {
        Self { client, cache, recorder, manager, doubts: Mutex::default() }
    }

    /// Carries out a plan: one action after the other, up to the first that fails. `count` is
    /// handed the metrics.
    ///
    /// # Errors
    /// The failure of that action.
    pub async fn carry_out(
        &self,
        plan: &Plan,
        mut count: impl FnMut(&Metric),
    ) -> Result<(), HandsError> {
        for action in &plan.actions {
            match action {
                Action::Create(create) => self.create(create).await?,
                Action::Patch(patch) => self.patch(patch).await?,
                Action::Bind(bind) => self.bind(bind).await?,
                Action::Delete(delete) => self.delete(delete).await?,
                Action::Event(event) => self.recorder.tell(event),
                Action::Metric(metric) => count(metric),
            }
        }
        Ok(())
    }

    /// Finds out about everything that may or may not have been written. Before a look, so that it
    /// sees what there is.
    ///
    /// # Errors
    /// When the server still does not answer.
    pub async fn settle(&self) -> Result<(), HandsError> {
        let doubts = self.doubts().clone();
        for object in doubts {
            self.see(&object).await?;
            self.doubts().remove(&object);
        }
        Ok(())
    }

    async fn create(&self, create: &Create) -> Result<(), HandsError> {
        let object = &create.object;
        let request = collection(object.kind, Some(&object.namespace))
            .create(&self.as_manager(), body(&create.body));
        match self.send("create", object, request).await {
            Ok(answer) => self.cache.answered(object.kind, answer),
            // Somebody has made it before, maybe this program, and the next look has to see it.
            Err(HandsError::Refused { status, .. } | HandsError::Stale { status, .. })
                if status.is_already_exists() =>
            {
                return self.see(object).await;
            }
            Err(error) => return Err(error),
        }
        tracing::info!(object = named(object), "created");
        Ok(())
    }

    async fn patch(&self, patch: &Patch) -> Result<(), HandsError> {
        let Patch { object, part, merge } = patch;
        let params = PatchParams {
            field_manager: self.as_manager().field_manager,
            ..PatchParams::default()
        };
        let merge = kube::api::Patch::Merge(merge);
        let collection = collection(object.kind, Some(&object.namespace));
        let request = match part {
            Part::Main => collection.patch(&object.name, &params, &merge),
            Part::Status => collection.patch_subresource("status", &object.name, &params, &merge),
        };
        let answer = self.send("patch", object, request).await?;
        self.cache.answered(object.kind, answer);
        tracing::debug!(object = named(object), ?part, patch = %patch.merge, "patched");
        Ok(())
    }

    async fn bind(&self, bind: &Bind) -> Result<(), HandsError> {
        let Bind { pod, node } = bind;
        let binding = json!({
            "apiVersion": "v1", "kind": "Binding",
            "metadata": { "name": pod.name, "namespace": pod.namespace, "uid": pod.uid },
            "target": { "apiVersion": "v1", "kind": "Node", "name": node },
        });
        let params = self.as_manager();
        let request = collection(pod.kind, Some(&pod.namespace)).create_subresource(
            "binding",
            &pod.name,
            &params,
            body(&binding),
        );
        self.send("bind", pod, request).await?;
        tracing::info!(object = named(pod), node, "bound");
        // The answer says that it was done, and not how the pod is now.
        self.see(pod).await
    }

    async fn delete(&self, delete: &Delete) -> Result<(), HandsError> {
        let object = &delete.object;
        let params = DeleteParams {
            grace_period_seconds: match delete.grace {
                Grace::OfItsOwn => None,
                Grace::None => Some(0),
            },
            preconditions: Some(Preconditions {
                uid: Some(object.uid.clone()),
                ..Preconditions::default()
            }),
            ..DeleteParams::default()
        };
        let request =
            collection(object.kind, Some(&object.namespace)).delete(&object.name, &params);
        match self.send("delete", object, request).await {
            // It has ended.
            Ok(answer) if answer["kind"] == "Status" => self.cache.forget(object),
            // It is to end.
            Ok(answer) => self.cache.answered(object.kind, answer),
            Err(HandsError::Stale { status, .. }) if status.is_not_found() => {
                self.cache.forget(object);
            }
            Err(error) => return Err(error),
        }
        tracing::info!(object = named(object), "deleted");
        Ok(())
    }

    /// Puts an object into the cache as the server has it.
    async fn see(&self, object: &ObjectRef) -> Result<(), HandsError> {
        let request = collection(object.kind, Some(&object.namespace))
            .get(&object.name, &GetParams::default());
        match self.send("get", object, request).await {
            Ok(answer) => self.cache.answered(object.kind, answer),
            Err(HandsError::Stale { .. }) => self.cache.forget(object),
            Err(error) => {
                self.doubts().insert(object.clone());
                return Err(error);
            }
        }
        Ok(())
    }

    async fn send(
        &self,
        verb: &'static str,
        object: &ObjectRef,
        request: Result<http::Request<Vec<u8>>, request::Error>,
    ) -> Result<Value, HandsError> {
        let sent = async { self.client.request(request.map_err(kube::Error::BuildRequest)?).await };
        let answer = match timeout(ANSWER_LIMIT, sent).await {
            Ok(answer) => answer.map_err(|error| HandsError::of(verb, object, error)),
            Err(_) => Err(HandsError::Unanswered {
                verb,
                object: object.clone(),
                why: format!("no answer within {ANSWER_LIMIT:?}"),
            }),
        };
        if let Err(HandsError::Unanswered { .. }) = &answer {
            self.doubts().insert(object.clone());
        }
        answer
    }

    fn as_manager(&self) -> PostParams {
        PostParams { field_manager: Some(self.manager.to_owned()), dry_run: false }
    }

    fn doubts(&self) -> MutexGuard<'_, BTreeSet<ObjectRef>> {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn body(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}
