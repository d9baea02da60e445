//! What is to be looked at: now, in order, and later.
//!
//! Work is on the board once, however often it is caused. What was caused first comes first, so
//! nothing waits for ever while something else keeps happening.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ferry_client::Pause;
use ferry_reconcile::Work;
use ferry_units::WallTime;
use tokio::sync::Notify;

/// The pauses before work that failed is tried again. What has changed under it is known in a few
/// milliseconds; what the server refuses, it will refuse for a while.
const AGAIN: Pause = Pause::new(Duration::from_millis(20), Duration::from_secs(30));

/// What is to be looked at.
#[derive(Debug, Default)]
pub(crate) struct Board {
    lists: Mutex<Lists>,
    caused: Notify,
}

#[derive(Debug, Default)]
struct Lists {
    line: VecDeque<Work>,
    in_line: BTreeSet<Work>,
    later: BTreeSet<(WallTime, Work)>,
    /// When each work comes that is to come later.
    times: BTreeMap<Work, WallTime>,
    pauses: BTreeMap<Work, Pause>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// This, now.
    Do(Work),
    /// Nothing before this time, or before something is caused.
    Wait(Option<WallTime>),
}

impl Board {
    /// Puts work on the board that is to be done now.
    pub(crate) fn add(&self, work: impl IntoIterator<Item = Work>) {
        let mut lists = self.lists();
        for work in work {
            lists.add(work);
        }
        if !lists.line.is_empty() {
            self.caused.notify_one();
        }
    }

    /// Takes the next work from the board.
    pub(crate) fn next(&self, now: WallTime) -> Next {
        self.lists().next(now)
    }

    /// The work has been done, and is to be looked at again at this time.
    pub(crate) fn done(&self, work: Work, again: Option<WallTime>) {
        let mut lists = self.lists();
        lists.pauses.remove(&work);
        match again {
            Some(time) => lists.at(work, time),
            None => lists.not_later(&work),
        }
    }

    /// The work has failed, and is to be tried again after a pause; `again` if that comes first.
    pub(crate) fn failed(&self, work: Work, now: WallTime, again: Option<WallTime>) {
        let mut lists = self.lists();
        let pause = lists.pauses.entry(work.clone()).or_insert(AGAIN).longer();
        let time = now.after(pause);
        lists.at(work, again.map_or(time, |again| again.min(time)));
    }

    /// Waits until something is caused.
    pub(crate) async fn caused(&self) {
        self.caused.notified().await;
    }

    /// How much waits to be done now.
    pub(crate) fn waiting(&self) -> usize {
        self.lists().line.len()
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lists {
    fn add(&mut self, work: Work) {
        if self.in_line.insert(work.clone()) {
            self.line.push_back(work);
        }
    }

    fn next(&mut self, now: WallTime) -> Next {
        while let Some((time, _)) = self.later.first()
            && *time <= now
            && let Some((_, work)) = self.later.pop_first()
        {
            self.times.remove(&work);
            self.add(work);
        }
        match self.line.pop_front() {
            Some(work) => {
                self.in_line.remove(&work);
                Next::Do(work)
            }
            None => Next::Wait(self.later.first().map(|(time, _)| *time)),
        }
    }

    fn at(&mut self, work: Work, time: WallTime) {
        self.not_later(&work);
        self.times.insert(work.clone(), time);
        self.later.insert((time, work));
    }

    fn not_later(&mut self, work: &Work) {
        if let Some(time) = self.times.remove(work) {
            self.later.remove(&(time, work.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use ferry_reconcile::Key;

    use super::*;

    fn at(second: i64) -> WallTime {
        WallTime::from_unix_seconds(second).unwrap()
    }

    fn node(name: &str) -> Work {
        Work::Node(Key::new("", name))
    }

    #[test]
    fn what_was_caused_first_comes_first_and_nothing_twice() {
        let board = Board::default();
        board.add([Work::Queue, node("a")]);
        board.add([node("a"), Work::Placement, Work::Queue]);
        assert_eq!(board.waiting(), 3);
        for expected in [Work::Queue, node("a"), Work::Placement] {
            assert_eq!(board.next(at(0)), Next::Do(expected));
        }
        assert_eq!(board.next(at(0)), Next::Wait(None));
        // What is being done may be caused anew.
        board.add([Work::Queue]);
        assert_eq!(board.next(at(0)), Next::Do(Work::Queue));
    }

    #[test]
    fn work_comes_again_when_it_asked_to_and_only_the_last_time_counts() {
        let board = Board::default();
        board.done(node("a"), Some(at(9)));
        board.done(node("b"), Some(at(5)));
        board.done(node("a"), Some(at(3)));
        assert_eq!(board.next(at(2)), Next::Wait(Some(at(3))));
        assert_eq!(board.next(at(5)), Next::Do(node("a")));
        assert_eq!(board.next(at(5)), Next::Do(node("b")));
        board.done(node("a"), Some(at(7)));
        board.done(node("a"), None);
        assert_eq!(board.next(at(99)), Next::Wait(None));
    }

    #[test]
    fn what_fails_is_tried_less_and_less_often_until_it_succeeds() {
        let board = Board::default();
        let mut pauses = Vec::new();
        for _ in 0..3 {
            board.failed(Work::Queue, at(0), None);
            let Next::Wait(Some(time)) = board.next(at(0)) else { panic!("it comes at once") };
            pauses.push(time.since(at(0)));
        }
        assert_eq!(pauses, [20, 40, 80].map(Duration::from_millis));
        board.done(Work::Queue, None);
        board.failed(Work::Queue, at(0), Some(at(0)));
        assert_eq!(board.next(at(0)), Next::Do(Work::Queue));
        board.failed(Work::Queue, at(0), None);
        assert_eq!(board.next(at(0)), Next::Wait(Some(at(0).after(Duration::from_millis(40)))));
    }
}
