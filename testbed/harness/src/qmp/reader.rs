//! The thread that reads, and what it leaves for those who wait.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use ferry_qmp::{Answer, Client, Incoming, Notice};

use super::{Mark, QmpError};
use crate::wait::LIMIT;

/// What the reader leaves.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) client: Client,
    pub(super) events: Vec<Notice>,
    is_ready: bool,
    answers: BTreeMap<u64, Answer>,
    end: Option<String>,
}

impl Shared {
    pub(super) fn new(client: Client) -> Self {
        let state = State {
            client,
            events: Vec::new(),
            is_ready: false,
            answers: BTreeMap::new(),
            end: None,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait_ready(&self) -> Result<()> {
        let found = self.wait(|state| match (&state.end, state.is_ready) {
            (_, true) => Some(Ok(())),
            (Some(why), false) => Some(Err(why.clone())),
            (None, false) => None,
        });
        match found {
            Some(Ok(())) => Ok(()),
            Some(Err(why)) => bail!("the session ended before it began: {why}"),
            None => bail!("no greeting within {LIMIT:?}"),
        }
    }

    pub(super) fn wait_answer(&self, id: u64, command: &'static str) -> Result<Answer, QmpError> {
        let found = self.wait(|state| match (state.answers.remove(&id), &state.end) {
            (Some(answer), _) => Some(Ok(answer)),
            (None, Some(why)) => Some(Err(QmpError::Ended { command, why: why.clone() })),
            (None, None) => None,
        });
        found.unwrap_or(Err(QmpError::Silence { command }))
    }

    pub(super) fn wait_event(
        &self,
        since: Mark,
        what: &str,
        mut is_it: impl FnMut(&Notice) -> bool,
    ) -> Result<Notice> {
        let mut looked = since.0;
        let found = self.wait(|state| {
            let new = &state.events[looked..];
            looked = state.events.len();
            let found = new.iter().find(|notice| is_it(notice)).cloned();
            let end = || state.end.clone().map(|why| format!("the session ended: {why}"));
            found.map(Ok).or_else(|| end().map(Err))
        });
        let why = match found {
            Some(Ok(notice)) => return Ok(notice),
            Some(Err(why)) => why,
            None => format!("waited {LIMIT:?} in vain"),
        };
        let instead = self.lock().events[since.0..].to_vec();
        bail!("no {what}: {why}; what came instead: {instead:?}")
    }

    /// Waits until `look` finds something; `None` if it takes too long.
    fn wait<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + LIMIT;
        let mut state = self.lock();
        loop {
            if let Some(found) = look(&mut state) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let woken = self.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes in what came. What is to be sent back is returned.
    fn take(&self, mut input: &[u8]) -> Result<Vec<u8>> {
        let mut state = self.lock();
        let mut back = Vec::new();
        while let Some(incoming) = state.client.receive(&mut input) {
            match incoming.context("what the machine has sent")? {
                Incoming::Greeting { answer, .. } => back.extend_from_slice(&answer),
                Incoming::Ready => state.is_ready = true,
                Incoming::Answer(answer) => {
                    state.answers.insert(answer.id, answer);
                }
                Incoming::Event(notice) => state.events.push(notice),
            }
        }
        self.changed.notify_all();
        Ok(back)
    }

    fn end(&self, why: String) {
        self.lock().end = Some(why);
        self.changed.notify_all();
    }
}

/// Starts the thread. It ends with the connection.
pub(super) fn start(shared: Arc<Shared>, stream: UnixStream) -> Result<JoinHandle<()>> {
    thread::Builder::new()
        .name("qmp reader".to_owned())
        .spawn(move || {
            let why = match read(&shared, stream) {
                Ok(()) => "the machine closed the connection".to_owned(),
                Err(error) => format!("{error:#}"),
            };
            shared.end(why);
        })
        .context("starting a thread")
}

fn read(shared: &Shared, mut stream: UnixStream) -> Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = stream.read(&mut buffer).context("reading from the machine")?;
        if count == 0 {
            return Ok(());
        }
        let back = shared.take(&buffer[..count])?;
        stream.write_all(&back).context("writing to the machine")?;
    }
}
