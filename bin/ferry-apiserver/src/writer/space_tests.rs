//! The writer with a journal on a disk that says how full it is, which the test decides.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferry_api::{Kind, KindVersion};
use ferry_registry::{
    Body, DeleteOptions, Draft, FieldValidation, ObjectKey, Part, Patch, Refusal, Request, Target,
    User, Write, WriteOptions,
};
use serde_json::json;
use tempfile::TempDir;

use crate::api::{Backend, Trouble, Written};
use crate::writer::Cluster;
use crate::writer::testing::cluster_on_a_disk;

/// A cluster and how much its disk says is free.
struct Full {
    cluster: Cluster,
    free: Arc<AtomicU64>,
    _dir: TempDir,
}

impl Full {
    fn start() -> Self {
        let free = Arc::new(AtomicU64::new(1_000 << 20));
        let (cluster, dir) = cluster_on_a_disk(&free);
        Self { cluster, free, _dir: dir }
    }

    fn leave(&self, mebibytes: u64) {
        self.free.store(mebibytes << 20, Ordering::SeqCst);
    }

    async fn write(
        &self,
        kind: Kind,
        name: &str,
        write: impl FnOnce(&Target) -> Write,
    ) -> Result<Written, Refusal> {
        let target = Target {
            served: KindVersion::storage(kind),
            namespace: if kind == Kind::Lease { "default".to_owned() } else { String::new() },
            name: name.to_owned(),
            part: Part::Main,
        };
        let groups = vec![ferry_admission::identity::MASTERS.to_owned()];
        let user = User { name: "admin".to_owned(), groups, ..User::default() };
        let write = write(&target);
        self.cluster
            .write(Request { user: user.into(), target, write, options: WriteOptions::default() })
            .await
    }

    async fn create(&self, kind: Kind, name: &str) -> Result<Written, Refusal> {
        self.write(kind, name, |target| Write::Create(draft(target))).await
    }

    async fn delete(&self, kind: Kind, name: &str) -> Result<Written, Refusal> {
        self.write(kind, name, |_| Write::Delete(DeleteOptions::default())).await
    }

    fn has(&self, kind: Kind, name: &str) -> bool {
        self.cluster.state().object(&ObjectKey::new(kind, "", name)).is_some()
    }
}

fn draft(target: &Target) -> Draft {
    let body = json!({ "metadata": { "name": target.name, "labels": { "a": "1" } } });
    let body = Body::json(body.to_string().as_bytes()).unwrap();
    Draft::read(target, body, FieldValidation::Strict).unwrap()
}

fn refused(result: Result<Written, Refusal>) -> String {
    match result {
        Err(Refusal::Unavailable { message }) => message,
        other => panic!("not refused for now: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_room_goes_on_where_other_writes_are_refused() {
    let full = Full::start();
    full.create(Kind::Namespace, "default").await.unwrap();
    for name in ["a", "b", "c"] {
        full.create(Kind::Node, name).await.unwrap();
    }
    full.create(Kind::Lease, "leader").await.unwrap();
    assert_eq!(full.cluster.trouble(), None);

    full.leave(60);
    for _ in 0..3 {
        let message = refused(full.create(Kind::Node, "d").await);
        assert!(message.starts_with("nothing can be written: "), "{message}");
        assert!(message.contains(" has 62914560 bytes free"), "{message}");
        assert!(message.ends_with(": make space"), "{message}");
    }
    let change = || Write::Patch(Patch::Merge(json!({ "metadata": { "labels": { "a": "2" } } })));
    let renewed = |_: &Target| change();
    refused(full.write(Kind::Node, "b", renewed).await);
    assert!(matches!(full.cluster.trouble(), Some(Trouble::NoRoom(_))));
    full.write(Kind::Lease, "leader", renewed).await.unwrap();
    full.delete(Kind::Node, "a").await.unwrap();
    assert!(!full.has(Kind::Node, "a") && full.has(Kind::Node, "b"));

    full.leave(10);
    refused(full.delete(Kind::Node, "b").await);
    assert!(full.has(Kind::Node, "b"));

    full.leave(100);
    full.create(Kind::Node, "d").await.unwrap();
    full.delete(Kind::Node, "b").await.unwrap();
    assert_eq!(full.cluster.trouble(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_beside_writes_that_are_refused_gets_through() {
    let full = Full::start();
    for turn in 0..20 {
        full.create(Kind::Node, &format!("n-{turn}")).await.unwrap();
    }
    full.leave(60);
    refused(full.create(Kind::Node, "x").await);
    let writes = (0..200).map(|turn| {
        let full = &full;
        async move {
            match turn % 10 {
                0 => {
                    let name = format!("n-{}", turn / 10);
                    full.delete(Kind::Node, &name).await.unwrap();
                }
                _ => drop(refused(full.create(Kind::Node, &format!("x-{turn}")).await)),
            }
        }
    });
    futures::future::join_all(writes).await;
    assert_eq!(full.cluster.state().count(Kind::Node), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_taken_again_once_there_is_room_for_more_than_the_next() {
    let full = Full::start();
    // As long as there was room for all, what is left for the next one is enough.
    full.leave(66);
    full.create(Kind::Node, "a").await.unwrap();
    assert_eq!(full.cluster.trouble(), None);
    full.leave(63);
    refused(full.create(Kind::Node, "b").await);
    for mebibytes in [64, 66, 79] {
        full.leave(mebibytes);
        refused(full.create(Kind::Node, "b").await);
        assert!(matches!(full.cluster.trouble(), Some(Trouble::NoRoom(_))), "{mebibytes}");
    }
    full.leave(80);
    full.create(Kind::Node, "b").await.unwrap();
    full.leave(66);
    full.create(Kind::Node, "c").await.unwrap();
    assert_eq!(full.cluster.trouble(), None);
}
