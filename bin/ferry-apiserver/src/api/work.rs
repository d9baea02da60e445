//! Work that takes long, away from the threads that serve everybody else.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ferry_registry::Refusal;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Bodies of JSON up to this size are read where they are, in well under a millisecond. To move
/// them to another thread would cost some of that.
pub(crate) const SMALL: usize = 16 * 1024;

/// How many long works are done at once: what a few cores do at the same time anyway. The others
/// wait, and hold nothing but their bodies.
const AT_ONCE: usize = 4;

/// How many of those one user has, so that somebody who sends much holds up nobody else.
const OF_ONE_USER: usize = AT_ONCE / 2;

static ROOM: Semaphore = Semaphore::const_new(AT_ONCE);

/// The room of each user who has long work, as long as there is some.
static SHARES: Mutex<BTreeMap<String, Weak<Semaphore>>> = Mutex::new(BTreeMap::new());

/// How long some work takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// No longer than anything else.
    Short,
    /// Perhaps so long that others would notice.
    Long,
}

impl Length {
    /// How long it takes to read a body. A short one of YAML can be about more than a long one of
    /// anything else.
    pub(crate) fn of_reading(body: &[u8]) -> Self {
        let text = body.trim_ascii_start();
        // An object, or the operations of a JSON patch.
        let is_json = text.starts_with(b"{\"") || text.starts_with(b"[{\"");
        if body.len() <= SMALL && (is_json || body.is_empty()) { Self::Short } else { Self::Long }
    }
}

/// Does some work for a user, elsewhere if it takes long.
pub(crate) async fn done<T: Send + 'static>(
    user: &str,
    length: Length,
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    match length {
        Length::Short => work(),
        Length::Long => {
            let share = share_of(user).acquire_owned().await.map_err(|error| broken(&error))?;
            let room = ROOM.acquire().await.map_err(|error| broken(&error))?;
            // Work goes on when whoever asked for it has gone, and keeps its place.
            let placed = move || {
                let _place = (share, room);
                work()
            };
            spawn_blocking(placed).await.map_err(|error| broken(&error))?
        }
    }
}

fn share_of(user: &str) -> Arc<Semaphore> {
    let mut shares = SHARES.lock().unwrap_or_else(PoisonError::into_inner);
    shares.retain(|_, share| share.strong_count() > 0);
    shares.get(user).and_then(Weak::upgrade).unwrap_or_else(|| {
        let share = Arc::new(Semaphore::new(OF_ONE_USER));
        shares.insert(user.to_owned(), Arc::downgrade(&share));
        share
    })
}

fn broken(error: &dyn Error) -> Refusal {
    Refusal::Internal { message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn only_short_json_is_read_at_once() {
        for (body, length) in [
            (" {\"a\": 1}".to_owned(), Length::Short),
            (String::new(), Length::Short),
            ("[{\"op\": \"test\"}]".to_owned(), Length::Short),
            ("[{op: test}]".to_owned(), Length::Long),
            (format!("[{{\"op\": \"{}\"}}]", "x".repeat(SMALL)), Length::Long),
            ("a: &a [1]".to_owned(), Length::Long),
            ("{a: [1]}".to_owned(), Length::Long),
            (format!("{{\"a\": \"{}\"}}", "x".repeat(SMALL)), Length::Long),
        ] {
            assert_eq!(Length::of_reading(body.as_bytes()), length, "{body:.20}");
        }
    }

    #[tokio::test]
    async fn long_work_leaves_its_thread_and_a_panic_of_it_is_no_more_than_a_refusal() {
        let here = std::thread::current().id();
        let other = || Ok(std::thread::current().id());
        assert_eq!(done("alice", Length::Short, other).await, Ok(here));
        assert_ne!(done("alice", Length::Long, other).await, Ok(here));
        for _ in 0..=AT_ONCE {
            let panics = || panic!("as intended");
            let refusal = done::<()>("alice", Length::Long, panics).await.unwrap_err();
            assert_eq!(refusal.code(), 500);
        }
    }

    #[tokio::test]
    async fn whoever_has_much_work_leaves_room_for_others() {
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let (end, ends): (Vec<_>, Vec<_>) =
            (0..OF_ONE_USER).map(|_| std::sync::mpsc::channel::<()>()).unzip();
        let mut working = Vec::new();
        for ended in ends {
            let tell = tell.clone();
            let work = move || {
                tell.send(()).unwrap();
                // Until the other side is dropped.
                ended.recv().map_or(Ok(()), Ok)
            };
            working.push(tokio::spawn(done("carol", Length::Long, work)));
        }
        for _ in 0..OF_ONE_USER {
            told.recv().await.unwrap();
        }
        let mut third = tokio::spawn(done("carol", Length::Long, || Ok(())));
        assert_eq!(done("dave", Length::Long, || Ok(())).await, Ok(()));
        assert!((&mut third).now_or_never().is_none());
        drop(end);
        working.push(third);
        for work in working {
            assert_eq!(work.await.unwrap(), Ok(()));
        }
        // Nobody is remembered who has none.
        share_of("dave");
        assert!(!SHARES.lock().unwrap().contains_key("carol"));
    }
}
