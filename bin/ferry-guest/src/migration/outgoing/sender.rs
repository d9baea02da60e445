//! Pages into a connection: what a grant permits, framed.

use std::sync::Arc;
use std::time::Duration;

use ferry_memory::{Content, Piece};
use ferry_qmp::words::ZeroPageDetection;
use ferry_transfer::wire::{Frame, MAX_RUNS};
use ferry_transfer::{Grant, Marked, Sent, Volume, VolumePages};
use ferry_units::{Bytes, BytesPerSecond, PageCount, PageIndex, PageRun, PageSize};
use thiserror::Error;

use super::volumes::{VolumeError, Volumes};
use crate::link::{Connection, LinkError};

/// How long what waits in the kernel may take to cross at the pace of its connection: much less than the
/// second after which a monitor looks again, and much more than it takes to wake whoever sends.
const UNSENT: Duration = Duration::from_millis(100);

/// As much may always wait: a slow link is not to be fed page by page.
const LEAST_UNSENT: Bytes = Bytes::from_kib(128);

/// Why pages could not be sent.
#[derive(Debug, Error)]
pub(super) enum SendError {
    /// They could not be read.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// The connection failed.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// Sends pages on one connection.
pub(super) struct Sender {
    volumes: Arc<Volumes>,
    connection: Arc<Connection>,
    zero_pages: ZeroPageDetection,
    /// Marks that were found, empty between two grants.
    marks: VolumePages,
    /// Headers of frames.
    headers: Vec<u8>,
    /// Blocks of disks.
    blocks: Vec<u8>,
    /// How much its connection takes beyond what is on its way.
    unsent: Option<Bytes>,
}

/// The pages of a grant by what they hold.
#[derive(Default)]
struct Sorted {
    data: Vec<PageRun>,
    zeros: Vec<PageRun>,
}

impl Sender {
    pub(super) fn new(
        volumes: Arc<Volumes>,
        connection: Arc<Connection>,
        zero_pages: ZeroPageDetection,
    ) -> Self {
        let marks = VolumePages::none(volumes.layout());
        Self {
            volumes,
            connection,
            zero_pages,
            marks,
            headers: Vec::new(),
            blocks: Vec::new(),
            unsent: None,
        }
    }

    /// Sends at this pace from now on, or as fast as it can. The pace is held by whoever grants: here
    /// what waits in the kernel is kept short, because it counts as sent. A link that stands still is
    /// noticed when nothing more is taken.
    pub(super) fn pace(&mut self, pace: Option<BytesPerSecond>) {
        let unsent = pace.map(|pace| pace.over(UNSENT).max(LEAST_UNSENT));
        if unsent != self.unsent {
            self.connection.limit_unsent(unsent);
            self.unsent = unsent;
        }
    }

    /// Sends what a grant permits, and says what became of it.
    pub(super) fn send(&mut self, grant: &Grant) -> Result<Sent, SendError> {
        let mut sent = Sent::default();
        let runs = match grant.marked {
            Marked::None => grant.runs.clone(),
            Marked::Later => self.unmarked(grant, &mut sent.later)?,
            Marked::Taken => {
                self.take_marks(grant)?;
                grant.runs.clone()
            }
        };
        match grant.volume {
            Volume::Memory => self.send_memory(&runs, &mut sent)?,
            Volume::Disk(number) => self.send_disk(number, &runs, &mut sent)?,
        }
        Ok(sent)
    }

    /// Sends a frame without pages.
    pub(super) fn say(&mut self, frame: &Frame) -> Result<(), SendError> {
        self.headers.clear();
        frame.encode(&mut self.headers);
        Ok(self.connection.write(&self.headers)?)
    }

    /// The pages of a grant that nobody has written to since; the others are to be sent later.
    fn unmarked(
        &mut self,
        grant: &Grant,
        later: &mut Vec<PageRun>,
    ) -> Result<Vec<PageRun>, SendError> {
        let mut unmarked = Vec::with_capacity(grant.runs.len());
        let Some(marks) = self.marks.get_mut(grant.volume) else { return Ok(unmarked) };
        for run in &grant.runs {
            if self.volumes.peek(grant.volume, *run, marks)?.0 == 0 {
                unmarked.push(*run);
                continue;
            }
            let mut at = run.first();
            for marked in marks.runs_within(*run) {
                unmarked.extend(between(at, marked.first()));
                later.push(marked);
                at = marked.end();
            }
            unmarked.extend(between(at, run.end()));
            marks.remove_run(*run);
        }
        Ok(unmarked)
    }

    fn take_marks(&mut self, grant: &Grant) -> Result<(), SendError> {
        let Some(marks) = self.marks.get_mut(grant.volume) else { return Ok(()) };
        for run in &grant.runs {
            self.volumes.take(grant.volume, *run, marks)?;
            marks.remove_run(*run);
        }
        Ok(())
    }

    fn send_memory(&mut self, runs: &[PageRun], sent: &mut Sent) -> Result<(), SendError> {
        let ram = self.volumes.memory().ram();
        let mut sorted = Sorted::default();
        match self.zero_pages {
            ZeroPageDetection::None => sorted.data.extend_from_slice(runs),
            ZeroPageDetection::Legacy | ZeroPageDetection::Multifd => {
                for run in runs {
                    for (content, part) in ram.contents(*run).map_err(VolumeError::from)? {
                        sorted.add(content, part);
                    }
                }
            }
        }
        sent.zeros = count(&sorted.zeros);
        sent.pages = count(&sorted.data);
        self.headers.clear();
        for zeros in sorted.zeros.chunks(MAX_RUNS) {
            Frame::Zeros(Volume::Memory, zeros.to_vec()).encode(&mut self.headers);
        }
        let mut headers = vec![self.headers.len()];
        let frames: Vec<_> = sorted.data.chunks(MAX_RUNS).collect();
        for frame in &frames {
            Frame::Pages(Volume::Memory, frame.to_vec()).encode(&mut self.headers);
            headers.push(self.headers.len());
        }
        let mut pieces = vec![Piece::Bytes(&self.headers[..headers[0]])];
        for (bounds, frame) in headers.windows(2).zip(&frames) {
            pieces.push(Piece::Bytes(&self.headers[bounds[0]..bounds[1]]));
            pieces.extend(frame.iter().map(|run| Piece::Pages(*run)));
        }
        self.connection.send(ram, &pieces)?;
        sent.bytes = Bytes::new(self.headers.len() as u64) + sent.pages.bytes(PageSize::KIB_4);
        Ok(())
    }

    fn send_disk(
        &mut self,
        number: u8,
        runs: &[PageRun],
        sent: &mut Sent,
    ) -> Result<(), SendError> {
        let Some(disk) = self.volumes.disk(number) else { return Ok(()) };
        let volume = Volume::Disk(number);
        for run in runs {
            let length = usize::try_from(run.bytes().get()).unwrap_or(usize::MAX);
            self.blocks.resize(length, 0);
            disk.read(*run, &mut self.blocks)
                .map_err(|source| VolumeError::Disk { disk: disk.id().to_owned(), source })?;
            for (content, part) in contents(*run, &self.blocks) {
                let frame = match content {
                    Content::Zero => Frame::Zeros(volume, vec![part]),
                    Content::Data => Frame::Pages(volume, vec![part]),
                };
                self.headers.clear();
                frame.encode(&mut self.headers);
                let header = Piece::Bytes(&self.headers);
                let from = offset(part.first().0 - run.first().0);
                let data = match content {
                    Content::Zero => &[][..],
                    Content::Data => &self.blocks[from..from + offset(part.count().0)],
                };
                self.connection.send(self.volumes.memory().ram(), &[header, Piece::Bytes(data)])?;
                sent.bytes += Bytes::new((self.headers.len() + data.len()) as u64);
                let counted = match content {
                    Content::Zero => &mut sent.zeros,
                    Content::Data => &mut sent.pages,
                };
                counted.0 += part.count().0;
            }
        }
        Ok(())
    }
}

impl Sorted {
    fn add(&mut self, content: Content, run: PageRun) {
        match content {
            Content::Zero => self.zeros.push(run),
            Content::Data => self.data.push(run),
        }
    }
}

/// The parts of a run whose blocks are zero and are not.
fn contents(run: PageRun, blocks: &[u8]) -> Vec<(Content, PageRun)> {
    let mut parts: Vec<(Content, PageRun)> = Vec::new();
    for (page, block) in run.pages().zip(blocks.chunks(offset(1))) {
        let is_zero = block.iter().fold(0, |all, byte| all | byte) == 0;
        let content = if is_zero { Content::Zero } else { Content::Data };
        match parts.last_mut() {
            Some((last, part)) if *last == content => {
                *part = PageRun::new(part.first(), PageCount(part.count().0 + 1));
            }
            Some(_) | None => parts.push((content, PageRun::one(page))),
        }
    }
    parts
}

fn between(from: PageIndex, to: PageIndex) -> Option<PageRun> {
    Some(PageRun::of(from.0..to.0)).filter(|run| !run.is_empty())
}

fn count(runs: &[PageRun]) -> PageCount {
    PageCount(runs.iter().map(|run| run.count().0).sum())
}

/// Where the block of that number begins among others.
fn offset(block: u64) -> usize {
    usize::try_from(PageCount(block).bytes(PageSize::KIB_4).get()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_told_apart_by_what_they_hold() {
        let mut blocks = vec![0; 4 * 4096];
        blocks[4096 + 17] = 1;
        blocks[3 * 4096 - 1] = 1;
        let run = |first, count| PageRun::new(PageIndex(first), PageCount(count));
        assert_eq!(
            contents(run(5, 4), &blocks),
            [(Content::Zero, run(5, 1)), (Content::Data, run(6, 2)), (Content::Zero, run(8, 1))]
        );
    }
}
