//! Everything that has happened to some kinds of objects, in the order in which it has: no change is
//! missed between two looks.
//!
//! A watch tells of every revision of its kind, and revisions are counted over the whole cluster, so the
//! changes of several watches can be put into one line.

use std::time::Instant;

use anyhow::{Context, Result};
use ferry_harness::{LIMIT, Testbed};
use futures::TryStreamExt;
use kube::api::{ApiResource, DynamicObject, ListParams, WatchEvent, WatchParams};
use kube::{Api, ResourceExt};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A change of an object.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// When it was heard of.
    pub at: Instant,
    /// Which revision of the cluster it was.
    pub revision: u64,
    /// What kind of object it was of.
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// How the object has been since; `null` if it is gone.
    pub object: Value,
}

/// What is written down of the changes.
pub(crate) struct History {
    changes: watch::Sender<Vec<Change>>,
    readers: Vec<JoinHandle<()>>,
}

impl History {
    /// Begins to write down what happens to objects of these kinds. What is there already are the
    /// first changes.
    pub(crate) async fn of(testbed: &Testbed, kinds: &[ApiResource]) -> Result<Self> {
        let (changes, _) = watch::channel(Vec::new());
        let mut readers = Vec::new();
        for kind in kinds {
            let api: Api<DynamicObject> = Api::all_with(testbed.client(), kind);
            let list = api.list(&ListParams::default()).await?;
            let since = list.metadata.resource_version.context("a list has a revision")?;
            let changes = changes.clone();
            changes.send_modify(|all| {
                all.extend(list.items.iter().map(|object| Change::of(&kind.kind, object, true)));
            });
            let kind = kind.kind.clone();
            readers.push(tokio::spawn(async move {
                if let Err(error) = read(&api, since, &kind, &changes).await {
                    eprintln!("the watch of {kind} has ended: {error:#}");
                }
            }));
        }
        Ok(Self { changes, readers })
    }

    /// Waits until there was a change like this, and returns the first.
    pub(crate) async fn first(
        &self,
        what: &str,
        is_it: impl Fn(&Change) -> bool,
    ) -> Result<Change> {
        self.until(what, |all| all.iter().any(&is_it)).await?;
        let all = self.changes.borrow();
        Ok(all.iter().find(|change| is_it(change)).cloned().expect("that was waited for"))
    }

    /// Waits until the changes so far are like this.
    pub(crate) async fn until(&self, what: &str, are_so: impl Fn(&[Change]) -> bool) -> Result<()> {
        let mut reader = self.changes.subscribe();
        let heard = timeout(LIMIT, reader.wait_for(|all| are_so(all))).await;
        heard.with_context(|| format!("waited {LIMIT:?} in vain for {what}"))??;
        Ok(())
    }

    /// All of them, the first first.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let mut all = self.changes.borrow().clone();
        all.sort_by_key(|change| change.revision);
        all
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.readers.iter().for_each(JoinHandle::abort);
    }
}

/// Writes down changes until the watch is let go. A watch ends now and then, and is begun again where
/// it was.
async fn read(
    api: &Api<DynamicObject>,
    mut since: String,
    kind: &str,
    changes: &watch::Sender<Vec<Change>>,
) -> Result<()> {
    loop {
        let mut events = Box::pin(api.watch(&WatchParams::default(), &since).await?);
        while let Some(event) = events.try_next().await? {
            let (object, is_there) = match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, true),
                WatchEvent::Deleted(object) => (object, false),
                WatchEvent::Bookmark(_) => continue,
                WatchEvent::Error(status) => anyhow::bail!("{status:?}"),
            };
            since = object.resource_version().context("an object has a revision")?;
            let change = Change::of(kind, &object, is_there);
            changes.send_modify(|all| all.push(change));
        }
    }
}

impl Change {
    fn of(kind: &str, object: &DynamicObject, is_there: bool) -> Self {
        let revision = object.resource_version().and_then(|text| text.parse().ok());
        let value = serde_json::to_value(object).expect("it came as JSON");
        Self {
            at: Instant::now(),
            revision: revision.expect("revisions are numbers"),
            kind: kind.to_owned(),
            name: object.name_any(),
            object: if is_there { value } else { Value::Null },
        }
    }

    /// What the object says at a path, such as `/status/phase`; `null` where it says nothing.
    pub(crate) fn says(&self, path: &str) -> &Value {
        self.object.pointer(path).unwrap_or(&Value::Null)
    }
}
