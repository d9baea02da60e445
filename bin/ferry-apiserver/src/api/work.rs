//! Work that takes long, away from the threads that serve everybody else.

use std::error::Error;

use ferry_registry::Refusal;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Bodies of JSON up to this size are read where they are, in well under a millisecond. To move
/// them to another thread would cost some of that.
pub(crate) const SMALL: usize = 16 * 1024;

/// How many long works are done at once: what a few cores do at the same time anyway. The others
/// wait, and hold nothing but their bodies.
const AT_ONCE: usize = 4;

static ROOM: Semaphore = Semaphore::const_new(AT_ONCE);

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
        let is_json = body.trim_ascii_start().starts_with(b"{\"");
        if body.len() <= SMALL && (is_json || body.is_empty()) { Self::Short } else { Self::Long }
    }
}

/// Does some work, elsewhere if it takes long.
pub(crate) async fn done<T: Send + 'static>(
    length: Length,
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    match length {
        Length::Short => work(),
        Length::Long => {
            let _room = ROOM.acquire().await.map_err(|error| broken(&error))?;
            spawn_blocking(work).await.map_err(|error| broken(&error))?
        }
    }
}

fn broken(error: &dyn Error) -> Refusal {
    Refusal::Internal { message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_json_is_read_at_once() {
        for (body, length) in [
            (" {\"a\": 1}".to_owned(), Length::Short),
            (String::new(), Length::Short),
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
        assert_eq!(done(Length::Short, other).await, Ok(here));
        assert_ne!(done(Length::Long, other).await, Ok(here));
        for _ in 0..=AT_ONCE {
            let refusal = done::<()>(Length::Long, || panic!("as intended")).await.unwrap_err();
            assert_eq!(refusal.code(), 500);
        }
    }
}
