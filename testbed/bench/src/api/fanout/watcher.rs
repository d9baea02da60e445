//! Whoever watches: a thousand of them, who cost little.

use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::api::client::{Answer, Endpoint, Secured};
use crate::api::scan::Numbers;

/// What is read at once: some events.
const PIECE: usize = 4 << 10;

/// The longest beginning of an answer.
const HEAD: usize = 8 << 10;

/// What stands before the number in a name, and how many digits that has.
pub(super) const PREFIX: &str = "fan-";
const MARKER: &[u8] = b"\"fan-";
const DIGITS: usize = 8;

/// One that only looks for names: a thousand that parsed would measure themselves.
pub(super) struct Watcher {
    source: Source,
    numbers: Numbers,
}

/// Where events come from.
enum Source {
    Connection { stream: Box<Secured>, piece: Vec<u8> },
    Stream(Answer),
}

impl Source {
    /// Hands on what comes next. Says how much that was; nothing at the end.
    async fn read(&mut self, take: impl FnOnce(&[u8])) -> Result<usize> {
        match self {
            Self::Connection { stream, piece } => {
                let count = stream.read(piece).await.context("reading events")?;
                take(&piece[..count]);
                Ok(count)
            }
            Self::Stream(answer) => {
                let Some(piece) = answer.piece().await? else { return Ok(0) };
                take(&piece);
                Ok(piece.len())
            }
        }
    }
}

impl Watcher {
    /// One with a connection of its own, which has been told that it begins.
    pub(super) async fn open(endpoint: Endpoint, request: Rc<str>) -> Result<Self> {
        let mut stream = endpoint.connect().await?;
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let mut head = Vec::new();
        // No event is on its way before all watch, so that nothing follows the head.
        while !head.ends_with(b"\r\n\r\n") {
            ensure!(head.len() < HEAD, "the beginning of an answer has no end");
            head.push(stream.read_u8().await.context("the beginning of an answer")?);
        }
        let head = String::from_utf8_lossy(&head);
        ensure!(head.starts_with("HTTP/1.1 200 "), "a watch is answered with {head}");
        Ok(Self::of(Source::Connection { stream: Box::new(stream), piece: vec![0; PIECE] }))
    }

    /// One that shares its connection.
    pub(super) fn of_answer(answer: Answer) -> Self {
        Self::of(Source::Stream(answer))
    }

    fn of(source: Source) -> Self {
        Self { source, numbers: Numbers::new(MARKER, DIGITS) }
    }

    /// When each of so many events came, which must come once and in order.
    pub(super) async fn follow(mut self, events: usize) -> Result<Vec<Instant>> {
        let mut times = Vec::with_capacity(events);
        while times.len() < events {
            let mut stray = None;
            let numbers = &mut self.numbers;
            let read = self.source.read(|piece| {
                let now = Instant::now();
                numbers.push(piece, |number| {
                    if number as usize == times.len() {
                        times.push(now);
                    } else {
                        stray = Some(number);
                    }
                });
            });
            let count = read.await?;
            ensure!(count > 0, "a watch ended after {} of {events} events", times.len());
            if let Some(stray) = stray {
                bail!("event {stray} came where {} was due", times.len());
            }
        }
        Ok(times)
    }
}
