//! Those who have connected and not said who they are.
//!
//! There is room for some, and who says nothing leaves after a while. Until then nobody who comes
//! later may be kept out: a source says who it is at once, so when there is no room the one goes
//! that has been silent for longest.

use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::net::Shutdown;

/// How many there is room for. A migration has 18 connections at most, one after the other.
const ROOM: usize = 32;

/// Those who have connected and not said who they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Strangers {
    book: Arc<Mutex<Book>>,
}

#[derive(Debug, Default)]
struct Book {
    /// How many have come.
    count: u64,
    /// Those who are here, in the order in which they came, each by a handle of its socket.
    here: VecDeque<(u64, OwnedFd)>,
}

/// One of them. It is none any more when this is dropped.
#[derive(Debug)]
pub(super) struct Stranger {
    number: u64,
    strangers: Strangers,
}

impl Strangers {
    /// Lets one in who has connected on `socket`, in place of another if there is no room. `None`
    /// if the process has no room for its handle.
    pub(super) fn admit(&self, socket: &impl AsFd) -> Option<Stranger> {
        let handle = match socket.as_fd().try_clone_to_owned() {
            Ok(handle) => handle,
            Err(error) => {
                tracing::warn!(%error, "somebody who has connected is turned away");
                return None;
            }
        };
        let mut book = self.book();
        book.count += 1;
        let number = book.count;
        book.here.push_back((number, handle));
        if book.here.len() > ROOM
            && let Some((_, silent)) = book.here.pop_front()
        {
            // Who waits for its words wakes. It fails if the connection has ended already.
            let _ended = rustix::net::shutdown(&silent, Shutdown::Both);
        }
        drop(book);
        Some(Stranger { number, strangers: self.clone() })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.strangers.book().here.retain(|(number, _)| *number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    #[test]
    fn when_there_is_no_room_the_one_goes_that_came_first_and_is_still_here() {
        let strangers = Strangers::default();
        let pairs: Vec<_> = (0..ROOM + 2).map(|_| UnixStream::pair().unwrap()).collect();
        let mut here: Vec<_> = pairs.iter().map(|(ours, _)| strangers.admit(ours)).collect();
        let has_ended = |index: usize| {
            let mut peer = &pairs[index].1;
            peer.set_nonblocking(true).unwrap();
            matches!(peer.read(&mut [0]), Ok(0))
        };
        let ended = (0..pairs.len()).filter(|index| has_ended(*index));
        assert_eq!(ended.collect::<Vec<_>>(), [0, 1]);
        // The third has said who it is, and is not turned away for the next one.
        here[2] = None;
        let (next, _peer) = UnixStream::pair().unwrap();
        here.push(strangers.admit(&next));
        assert!(!has_ended(2) && !has_ended(3));
    }
}
