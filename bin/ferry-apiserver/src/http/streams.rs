//! The requests of a connection of HTTP/2, some of which its own task does.
//!
//! hyper asks for a task for each of them. Fifty watches of one client that hear of the same event
//! would be fifty tasks then, each of which is woken on whatever thread is free, takes the lock of
//! the connection, and wakes that. Here they are parts of one task: it is woken once, on one thread,
//! asks all that have something to say, and sends that together.
//!
//! So a request must not keep the thread for long. One that may do so gets a task of its own, and those
//! that do not begin one by one, with the connection between them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use futures::task::AtomicWaker;
use hyper::rt::Executor;
use tokio::task::coop;

/// How often a connection is polled within a turn before others have theirs.
const MOST_ROUNDS: u32 = 8;

/// Where hyper leaves requests that begin.
#[derive(Clone, Default)]
pub(super) struct Begun(Arc<Beginning>);

#[derive(Default)]
struct Beginning {
    requests: Mutex<VecDeque<BoxFuture<'static, ()>>>,
    /// Whether the next one gets a task of its own.
    next_is_apart: AtomicBool,
    /// Whether one of those that have none has been asked.
    is_asked: AtomicBool,
}

impl Begun {
    /// The request for which hyper asks its service at this moment is to have a task of its own: it
    /// may keep its thread. hyper leaves it here right after that.
    pub(super) fn next_is_apart(&self) {
        self.0.next_is_apart.store(true, Ordering::Relaxed);
    }

    fn has_been_asked(&self) -> bool {
        self.0.is_asked.swap(false, Ordering::Relaxed)
    }

    fn next(&self) -> Option<BoxFuture<'static, ()>> {
        self.requests().pop_front()
    }

    fn requests(&self) -> MutexGuard<'_, VecDeque<BoxFuture<'static, ()>>> {
        self.0.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Begun {
    fn execute(&self, request: F) {
        if self.0.next_is_apart.swap(false, Ordering::Relaxed) {
            tokio::spawn(request);
            return;
        }
        // One that panics ends alone, as a task would. The connection has a budget, and its parts need none.
        let request = AssertUnwindSafe(coop::unconstrained(request)).catch_unwind();
        let beginning = Arc::clone(&self.0);
        let request = async move {
            let mut request = pin!(request);
            let _panicked = poll_fn(|context| {
                beginning.is_asked.store(true, Ordering::Relaxed);
                request.as_mut().poll(context)
            })
            .await;
        };
        self.requests().push_back(request.boxed());
    }
}

/// A connection and its requests.
pub(super) struct Multiplexed<'a, C> {
    connection: Pin<&'a mut C>,
    begun: Begun,
    requests: FuturesUnordered<BoxFuture<'static, ()>>,
    turn: Arc<Turn>,
}

impl<'a, C> Multiplexed<'a, C> {
    /// A connection that leaves its requests with `begun`.
    pub(super) fn new(connection: Pin<&'a mut C>, begun: Begun) -> Self {
        Self { connection, begun, requests: FuturesUnordered::new(), turn: Arc::default() }
    }

    /// The connection itself.
    pub(super) fn connection(&mut self) -> Pin<&mut C> {
        self.connection.as_mut()
    }

    /// Asks all requests that have something to say or to do.
    fn poll_requests(&mut self, context: &mut Context<'_>) {
        // A request that waits for room in its stream wakes itself, and after two of those the others
        // would have to wait for the next round.
        for _ in 0..=self.requests.len() {
            self.turn.forget();
            while let Poll::Ready(Some(())) = self.requests.poll_next_unpin(context) {}
            if !self.turn.is_asked_for() {
                break;
            }
        }
    }
}

impl<C: Future> Future for Multiplexed<'_, C> {
    type Output = C::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.turn.begin(context.waker());
        let waker = Waker::from(Arc::clone(&this.turn));
        let inner = &mut Context::from_waker(&waker);
        let mut is_asked = false;
        for _ in 0..MOST_ROUNDS {
            this.poll_requests(inner);
            is_asked |= this.begun.has_been_asked();
            if let Poll::Ready(ended) = this.connection.as_mut().poll(inner) {
                return Poll::Ready(ended);
            }
            if let Some(begun) = this.begun.next() {
                this.requests.push(begun);
            } else if this.turn.ends() {
                return Poll::Pending;
            } else if !is_asked {
                // What comes from elsewhere comes one by one, and more of it while others have their turns.
                break;
            }
        }
        this.turn.is_cut_short();
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<C> Drop for Multiplexed<'_, C> {
    fn drop(&mut self) {
        // They hold what they were left with, hyper's way: left there, they would keep each other.
        let left = std::mem::take(&mut *self.begun.requests());
        drop(left);
    }
}

/// A turn of a connection. Whoever asks for another one during it does not wake the task yet: it may
/// get that at once, and not after all other tasks.
#[derive(Default)]
struct Turn {
    task: AtomicWaker,
    phase: AtomicU8,
}

/// Whoever asks for a turn wakes the task.
const AT_REST: u8 = 0;
/// The task has its turn.
const AT_WORK: u8 = 1;
/// It has, and something has come meanwhile.
const ASKED_FOR: u8 = 2;

impl Turn {
    fn begin(&self, task: &Waker) {
        self.task.register(task);
        self.phase.store(AT_WORK, Ordering::SeqCst);
    }

    /// What has been asked for is about to be done.
    fn forget(&self) {
        self.phase.swap(AT_WORK, Ordering::SeqCst);
    }

    fn is_asked_for(&self) -> bool {
        self.phase.load(Ordering::SeqCst) == ASKED_FOR
    }

    /// Ends it, unless something has come meanwhile.
    fn ends(&self) -> bool {
        let ended =
            self.phase.compare_exchange(AT_WORK, AT_REST, Ordering::SeqCst, Ordering::SeqCst);
        ended.is_ok()
    }

    /// Ends it whatever has come, for which there is to be another one.
    fn is_cut_short(&self) {
        self.phase.store(AT_REST, Ordering::SeqCst);
    }
}

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let asked =
            self.phase.compare_exchange(AT_WORK, ASKED_FOR, Ordering::SeqCst, Ordering::SeqCst);
        if asked == Err(AT_REST) {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::AtomicU32;
    use std::task::Wake;

    use tokio::sync::{mpsc, oneshot, watch};

    use super::*;

    /// A connection that begins so many requests at once and ends when all have been heard of.
    async fn connection(begun: Begun, requests: Vec<BoxFuture<'static, u32>>) -> Vec<u32> {
        let (said, mut heard) = mpsc::unbounded_channel();
        for request in requests {
            let said = said.clone();
            begun.execute(async move {
                let _gone = said.send(request.await);
            });
        }
        drop(said);
        let mut all = Vec::new();
        while let Some(word) = heard.recv().await {
            all.push(word);
        }
        all
    }

    async fn served(requests: Vec<BoxFuture<'static, u32>>) -> Vec<u32> {
        let begun = Begun::default();
        let connection = pin!(connection(begun.clone(), requests));
        Multiplexed::new(connection, begun).await
    }

    #[tokio::test]
    async fn a_connection_does_its_requests_side_by_side() {
        let (tell, told) = oneshot::channel();
        let first = async move { told.await.unwrap() }.boxed();
        let second = async move {
            tokio::task::yield_now().await;
            tell.send(1).unwrap();
            2
        };
        assert_eq!(served(vec![first, second.boxed()]).await, [2, 1]);
        assert!(served(Vec::new()).await.is_empty());
    }

    #[tokio::test]
    async fn a_request_that_panics_ends_alone() {
        let panics = async { std::panic::resume_unwind(Box::new("on purpose")) }.boxed();
        assert_eq!(served(vec![panics, async { 2 }.boxed()]).await, [2]);
    }

    #[tokio::test]
    async fn requests_end_with_their_connection() {
        let (held, dropped) = oneshot::channel::<()>();
        let begun = Begun::default();
        begun.execute(async move {
            let _held = held;
            pending::<()>().await;
        });
        let connection = pin!(tokio::task::yield_now());
        Multiplexed::new(connection, begun).await;
        dropped.await.unwrap_err();
    }

    #[tokio::test]
    async fn requests_that_have_not_begun_end_with_their_connection_too() {
        let (held, dropped) = oneshot::channel::<()>();
        let begun = Begun::default();
        // hyper's requests hold what they are left with.
        let executor = begun.clone();
        begun.execute(async move {
            let _held = (held, executor);
            pending::<()>().await;
        });
        Multiplexed::new(pin!(std::future::ready(())), begun).await;
        assert!(matches!(dropped.now_or_never(), Some(Err(_))), "it is held for ever");
    }

    /// How often a connection is polled, and its task woken, that asks for so many more turns.
    fn polled(begun: Begun, asks: u32) -> (u32, u32) {
        struct Woken(AtomicU32);
        impl Wake for Woken {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let mut polls = 0;
        let connection = pin!(poll_fn(|context| -> Poll<()> {
            polls += 1;
            if polls <= asks {
                context.waker().wake_by_ref();
            }
            Poll::Pending
        }));
        let woken = Arc::new(Woken(0.into()));
        let waker = Waker::from(Arc::clone(&woken));
        let mut multiplexed = Multiplexed::new(connection, begun);
        assert!(multiplexed.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
        drop(multiplexed);
        (polls, woken.0.load(Ordering::Relaxed))
    }

    #[test]
    fn a_connection_that_sends_for_its_requests_goes_on_at_once_but_not_for_ever() {
        let with_a_request = || {
            let begun = Begun::default();
            begun.execute(pending());
            begun
        };
        // Requests begin in the second round.
        assert_eq!(polled(with_a_request(), 0), (2, 0));
        assert_eq!(polled(with_a_request(), 3), (4, 0));
        assert_eq!(polled(with_a_request(), MOST_ROUNDS), (MOST_ROUNDS, 1));
    }

    #[test]
    fn a_connection_that_sends_for_others_lets_other_tasks_go_first() {
        assert_eq!(polled(Begun::default(), 0), (1, 0));
        assert_eq!(polled(Begun::default(), 3), (1, 1));
    }

    #[tokio::test]
    async fn all_requests_that_have_something_to_say_are_heard_in_one_round() {
        const COUNT: u32 = 50;
        let (begun, news) = (Begun::default(), watch::Sender::new(()));
        let (said, mut heard) = mpsc::unbounded_channel();
        for _ in 0..COUNT {
            let (said, mut news) = (said.clone(), news.subscribe());
            begun.execute(async move {
                for _ in 0..2 {
                    let _gone = said.send(());
                    news.changed().await.unwrap();
                    // As hyper's do.
                    poll_fn(|context| {
                        context.waker().wake_by_ref();
                        Poll::Ready(())
                    })
                    .await;
                }
            });
        }
        let (mut listening, mut told) = (0, 0);
        let connection = pin!(poll_fn(|_| {
            let round = std::iter::from_fn(|| heard.try_recv().ok()).count();
            if listening < COUNT as usize {
                listening += round;
                if listening == COUNT as usize {
                    news.send_replace(());
                }
                return Poll::Pending;
            }
            told = round;
            if round == 0 { Poll::Pending } else { Poll::Ready(()) }
        }));
        Multiplexed::new(connection, begun).await;
        assert_eq!(told, COUNT as usize);
    }

    #[tokio::test]
    async fn a_request_that_is_apart_has_a_task_of_its_own() {
        let (begun, (tell, told)) = (Begun::default(), oneshot::channel());
        begun.next_is_apart();
        begun.execute(async move { tell.send(tokio::task::id()).unwrap() });
        begun.execute(async {});
        assert_eq!(begun.requests().len(), 1, "the one after it has none");
        assert_ne!(told.await.unwrap(), tokio::spawn(async { tokio::task::id() }).await.unwrap());
    }
}
