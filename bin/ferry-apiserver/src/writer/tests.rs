//! The writer with a journal that does as it is told: it fails, and it is slow.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use ferry_api::{Kind, KindVersion};
use ferry_registry::{
    Body, Draft, FieldValidation, ObjectKey, Part, Refusal, Request, Revision, Target, User, Write,
    WriteOptions,
};
use ferry_store::{
    Compaction, Disk, Journal, Record, Room, Snapshot, StoreError, StoreOptions, StoreStats,
};
use serde_json::json;

use crate::api::{Backend, Trouble, Written};
use crate::writer::Cluster;
use crate::writer::testing::empty_cluster;

/// What the journal is to do with the next group.
enum Order {
    Keep,
    Fail,
    /// And nobody knows what is kept.
    Break,
}

/// A journal that waits for an order with each group, and says what it has been given.
struct Obedient {
    orders: Receiver<Order>,
    given: SyncSender<usize>,
    kept: Arc<Mutex<Vec<Record>>>,
    /// The threads by which groups came.
    threads: Arc<Mutex<Vec<String>>>,
    has_backlog: Arc<AtomicBool>,
}

impl Journal for Obedient {
    fn append(&mut self, batch: &[Record]) -> Result<(), StoreError> {
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        self.given.send(batch.len()).expect("the test listens");
        match self.orders.recv() {
            Ok(Order::Keep) => {
                self.kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(batch);
                Ok(())
            }
            Ok(Order::Break) => {
                Err(StoreError::Failed { path: "disk".into(), reason: "broken".to_owned() })
            }
            Ok(Order::Fail) | Err(_) => {
                Err(StoreError::NoSpace { path: "disk".into(), free: 1, needed: 2 })
            }
        }
    }

    fn append_essential(&mut self, batch: &[Record]) -> Result<(), StoreError> {
        self.append(batch)
    }

    fn room(&self) -> Room {
        let disk = Disk::saying(|_| Ok(u64::MAX));
        Room::new("disk".as_ref(), &StoreOptions { disk, ..StoreOptions::default() })
    }

    fn log_since(&mut self, _: u64) -> Result<Vec<Record>, StoreError> {
        Ok(Vec::new())
    }

    fn snapshot(&mut self) -> Result<Snapshot, StoreError> {
        Ok(Snapshot::default())
    }

    fn compact(&mut self, _: u64) -> Result<Compaction, StoreError> {
        Ok(Compaction::default())
    }

    fn has_backlog(&self) -> bool {
        self.has_backlog.load(Ordering::SeqCst)
    }

    fn work_off(&mut self) -> Result<(), StoreError> {
        self.has_backlog.store(false, Ordering::SeqCst);
        self.append(&[])
    }

    fn stats(&self) -> StoreStats {
        StoreStats::default()
    }
}

/// The test's end of such a journal.
struct Master {
    orders: SyncSender<Order>,
    given: Receiver<usize>,
    kept: Arc<Mutex<Vec<Record>>>,
    threads: Arc<Mutex<Vec<String>>>,
    has_backlog: Arc<AtomicBool>,
}

impl Master {
    /// Waits for a group and says what becomes of it; how large it was.
    fn decide(&self, order: Order) -> usize {
        let size = self.given.recv().expect("the committer lives");
        self.orders.send(order).expect("the journal lives");
        size
    }

    /// Answers from here on by itself: the group that waits, and all that come, fail for as long as
    /// `fails` says so.
    fn automatic(self, fails: Arc<AtomicBool>) -> Arc<Mutex<Vec<Record>>> {
        let Self { orders, given, kept, .. } = self;
        std::thread::spawn(move || {
            loop {
                let order = if fails.load(Ordering::SeqCst) { Order::Fail } else { Order::Keep };
                // The cluster is gone, and the test over.
                if orders.send(order).is_err() || given.recv().is_err() {
                    return;
                }
            }
        });
        kept
    }

    fn revisions(&self) -> Vec<u64> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().map(|record| record.revision).collect()
    }
}

fn cluster() -> (Cluster, Master) {
    let (orders, waiting) = sync_channel(64);
    let (given, heard) = sync_channel(64);
    let kept = Arc::new(Mutex::new(Vec::new()));
    let threads = Arc::default();
    let has_backlog = Arc::default();
    let journal = Obedient {
        orders: waiting,
        given,
        kept: Arc::clone(&kept),
        threads: Arc::clone(&threads),
        has_backlog: Arc::clone(&has_backlog),
    };
    (empty_cluster(journal), Master { orders, given: heard, kept, threads, has_backlog })
}

fn create(name: &str) -> Request {
    let target = Target {
        served: KindVersion::storage(Kind::Namespace),
        namespace: String::new(),
        name: name.to_owned(),
        part: Part::Main,
    };
    let body = json!({ "metadata": { "name": name } });
    let body = Body::json(body.to_string().as_bytes()).unwrap();
    let draft = Draft::read(&target, body, FieldValidation::Strict).unwrap();
    let groups = vec![ferry_admission::identity::MASTERS.to_owned()];
    Request {
        user: User { name: "admin".to_owned(), groups, ..User::default() }.into(),
        target,
        write: Write::Create(draft),
        options: WriteOptions::default(),
    }
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new(Kind::Namespace, "", name)
}

/// Asks for a namespace, from a task of its own.
fn ask(cluster: &Cluster, name: &'static str) -> tokio::task::JoinHandle<Result<Written, Refusal>> {
    let cluster = cluster.clone();
    tokio::spawn(async move { cluster.write(create(name)).await })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_seen_and_answered_when_it_is_on_the_disk_and_not_before() {
    let (cluster, master) = cluster();
    let mut news = cluster.watch(Kind::Namespace);
    let asked = ask(&cluster, "red");
    assert_eq!(master.given.recv(), Ok(1));
    // The disk has it and has not answered: readers are not kept waiting, and see nothing of it.
    assert!(cluster.state().object(&key("red")).is_none());
    assert!(!asked.is_finished());
    assert!(!news.has_changed().unwrap());
    master.orders.send(Order::Keep).unwrap();
    asked.await.unwrap().unwrap();
    assert!(cluster.state().object(&key("red")).is_some());
    assert_eq!(*news.borrow_and_update(), Revision(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_on_top_of_a_failure_is_refused_and_the_next_write_goes_on() {
    let (cluster, master) = cluster();
    let first = ask(&cluster, "red");
    assert_eq!(master.given.recv(), Ok(1));
    // Decided while the first is on its way to the disk, and for the reason that it is there.
    let again = ask(&cluster, "red");
    let other = ask(&cluster, "blue");
    while cluster.orders.capacity() < cluster.orders.max_capacity() {
        tokio::task::yield_now().await;
    }
    // One that the decider had not reached is decided anew, on what is true, and fails by itself.
    let fails = Arc::new(AtomicBool::new(true));
    let kept = master.automatic(Arc::clone(&fails));
    for asked in [first, again, other] {
        match asked.await.unwrap() {
            Err(Refusal::Unavailable { message }) => assert!(message.contains("disk"), "{message}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(cluster.state().is_empty());
    fails.store(false, Ordering::SeqCst);
    ask(&cluster, "red").await.unwrap().unwrap();
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let revisions: Vec<_> = kept.iter().map(|record| record.revision).collect();
    assert_eq!(revisions, [1], "revisions of what never was are free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_come_while_the_disk_is_busy_share_the_next_flush() {
    let (cluster, master) = cluster();
    let first = ask(&cluster, "n-0");
    assert_eq!(master.given.recv(), Ok(1));
    let others: Vec<_> =
        ["n-1", "n-2", "n-3", "n-4"].into_iter().map(|name| ask(&cluster, name)).collect();
    // The group is taken when the first is done; by then all have been decided, or some will follow.
    while cluster.orders.capacity() < cluster.orders.max_capacity() {
        tokio::task::yield_now().await;
    }
    master.orders.send(Order::Keep).unwrap();
    let mut kept = 1;
    while kept < 5 {
        kept += master.decide(Order::Keep);
    }
    first.await.unwrap().unwrap();
    for asked in others {
        asked.await.unwrap().unwrap();
    }
    assert_eq!(master.revisions(), [1, 2, 3, 4, 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_want_the_same_name_one_is_refused() {
    let (cluster, master) = cluster();
    let asked = [ask(&cluster, "red"), ask(&cluster, "red")];
    assert_eq!(master.decide(Order::Keep), 1);
    let mut refused = 0;
    for asked in asked {
        if let Err(refusal) = asked.await.unwrap() {
            assert!(matches!(refusal, Refusal::AlreadyExists { .. }), "{refusal}");
            refused += 1;
        }
    }
    assert_eq!(refused, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_alone_waits_for_no_other_thread() {
    let (cluster, master) = cluster();
    let threads = Arc::clone(&master.threads);
    let _kept = master.automatic(Arc::default());
    // Only after one it is known that nobody else writes, and then the decider may still be at it.
    let turns = write_until_alone(&cluster, &threads).await;
    assert!(turns > 1);
    for turn in 0..3 {
        cluster.write(create(&format!("after-{turn}"))).await.unwrap();
        assert!(was_alone(&threads));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_is_worked_off_by_the_threads_while_nobody_writes() {
    let (cluster, master) = cluster();
    let threads = Arc::clone(&master.threads);
    // By the threads the first time, and by whoever writes the second.
    for name in ["red", "blue"] {
        master.has_backlog.store(true, Ordering::SeqCst);
        let asked = ask(&cluster, name);
        assert_eq!(master.decide(Order::Keep), 1);
        asked.await.unwrap().unwrap();
        // It has begun, and takes its time: reads go on, and a write waits for it without a thread.
        assert_eq!(master.given.recv(), Ok(0));
        assert_eq!(threads.lock().unwrap().last().unwrap(), "committer");
        assert!(cluster.state().object(&key(name)).is_some());
        let next = if name == "red" { "green" } else { "yellow" };
        let waiting = ask(&cluster, next);
        while cluster.published.is_quiet() {
            tokio::task::yield_now().await;
        }
        master.orders.send(Order::Keep).unwrap();
        assert_eq!(master.decide(Order::Keep), 1);
        waiting.await.unwrap().unwrap();
    }
    // Without room for it, it is left to whoever writes next.
    master.has_backlog.store(true, Ordering::SeqCst);
    let asked = ask(&cluster, "white");
    assert_eq!(master.decide(Order::Keep), 1);
    asked.await.unwrap().unwrap();
    assert_eq!(master.decide(Order::Fail), 0);
    let asked = ask(&cluster, "black");
    assert_eq!(master.decide(Order::Keep), 1);
    asked.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_breaks_while_nobody_writes_refuses_what_comes() {
    let (cluster, master) = cluster();
    master.has_backlog.store(true, Ordering::SeqCst);
    let asked = ask(&cluster, "red");
    assert_eq!(master.decide(Order::Keep), 1);
    asked.await.unwrap().unwrap();
    // Decided while it breaks: on what is true, but by a journal that is not to be written to any more.
    assert_eq!(master.given.recv(), Ok(0));
    let asked = ask(&cluster, "blue");
    while cluster.published.is_quiet() {
        tokio::task::yield_now().await;
    }
    master.orders.send(Order::Break).unwrap();
    let refused = asked.await.unwrap();
    assert!(matches!(refused, Err(Refusal::Internal { .. })), "{refused:?}");
    assert!(matches!(cluster.trouble(), Some(Trouble::Stopped(_))));
    assert!(cluster.state().object(&key("red")).is_some());
    assert!(cluster.state().object(&key("blue")).is_none());
}

/// Whether the last write was made durable by whoever wanted it.
fn was_alone(threads: &Mutex<Vec<String>>) -> bool {
    threads.lock().unwrap().last().is_some_and(|name| name != "committer")
}

/// Writes until that is so; how often it did.
async fn write_until_alone(cluster: &Cluster, threads: &Mutex<Vec<String>>) -> usize {
    for turn in 1..10_000 {
        cluster.write(create(&format!("alone-{turn}"))).await.unwrap();
        if was_alone(threads) {
            return turn;
        }
    }
    panic!("nobody is ever alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_keep_their_order_whichever_way_each_goes() {
    const WRITERS: usize = 3;
    const EACH: usize = 100;
    let (cluster, master) = cluster();
    let threads = Arc::clone(&master.threads);
    let kept = master.automatic(Arc::default());
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let cluster = cluster.clone();
            tokio::spawn(async move {
                for turn in 0..EACH {
                    let name = format!("n-{writer}-{turn}");
                    cluster.write(create(&name)).await.unwrap();
                    assert!(cluster.state().object(&key(&name)).is_some());
                    // Others get ahead, so that one is alone now and then.
                    for _ in 0..turn % (10 * (writer + 1)) {
                        tokio::task::yield_now().await;
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let alone = write_until_alone(&cluster, &threads).await;
    let kept = kept.lock().unwrap();
    let revisions: Vec<_> = kept.iter().map(|record| record.revision).collect();
    assert!(revisions.iter().copied().eq(1..=(WRITERS * EACH + alone) as u64), "{revisions:?}");
}
