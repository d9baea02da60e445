//! Connections: bytes in order, which may end at any of them.

use std::collections::VecDeque;

use ferry_transfer::Volume;
use ferry_units::PageIndex;

use super::guest::{CONTENT, Guest};

#[derive(Clone, Copy)]
enum Cell {
    Byte(u8),
    /// A byte of a page that is read when it is delivered, as `sendfile(2)` may do.
    Late(Volume, PageIndex, usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Closed,
}

/// One direction of a connection.
pub(crate) struct Pipe {
    cells: VecDeque<Cell>,
    state: State,
}

/// What a reader gets.
pub(crate) enum Got {
    Bytes(Vec<u8>),
    NotYet,
    Ended,
}

/// The other side is gone.
#[derive(Debug)]
pub(crate) struct Broken;

impl Pipe {
    pub(crate) fn new() -> Self {
        Self { cells: VecDeque::new(), state: State::Open }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.put(bytes.iter().map(|byte| Cell::Byte(*byte)))
    }

    pub(crate) fn write_late(&mut self, volume: Volume, page: PageIndex) -> Result<(), Broken> {
        self.put((0..CONTENT).map(|at| Cell::Late(volume, page, at)))
    }

    fn put(&mut self, cells: impl Iterator<Item = Cell>) -> Result<(), Broken> {
        if self.state == State::Closed {
            return Err(Broken);
        }
        self.cells.extend(cells);
        Ok(())
    }

    /// Exactly so many bytes, or none.
    pub(crate) fn read(&mut self, count: usize, guest: &Guest) -> Got {
        if self.cells.len() < count {
            return if self.state == State::Open { Got::NotYet } else { Got::Ended };
        }
        let byte = |cell| match cell {
            Cell::Byte(byte) => byte,
            Cell::Late(volume, page, at) => guest.content(volume, page).to_le_bytes()[at],
        };
        Got::Bytes(self.cells.drain(..count).map(byte).collect())
    }

    /// What was written arrives; nothing more will.
    pub(crate) fn close(&mut self) {
        self.state = State::Closed;
    }

    /// Only so many bytes arrive of what is on its way.
    pub(crate) fn cut(&mut self, keep: usize) {
        self.cells.truncate(keep);
        self.close();
    }
}

/// All connections of a migration.
pub(crate) struct Link {
    pub(crate) to_target: Pipe,
    pub(crate) to_source: Pipe,
    pub(crate) data: Vec<Pipe>,
    pub(crate) urgent: Pipe,
    pub(crate) requests: Pipe,
}

impl Link {
    pub(crate) fn new(channels: usize) -> Self {
        Self {
            to_target: Pipe::new(),
            to_source: Pipe::new(),
            data: (0..channels).map(|_| Pipe::new()).collect(),
            urgent: Pipe::new(),
            requests: Pipe::new(),
        }
    }

    pub(crate) fn pipes(&mut self) -> Vec<&mut Pipe> {
        let rest = [&mut self.to_target, &mut self.to_source, &mut self.urgent, &mut self.requests];
        self.data.iter_mut().chain(rest).collect()
    }

    /// The source ends its side: what it wrote arrives, what it did not read is gone.
    pub(crate) fn close_source(&mut self) {
        self.to_source.cut(0);
        self.requests.cut(0);
        for pipe in self.pipes() {
            pipe.close();
        }
    }

    /// The destination ends its side.
    pub(crate) fn close_target(&mut self) {
        self.to_target.cut(0);
        self.urgent.cut(0);
        for pipe in &mut self.data {
            pipe.cut(0);
        }
        self.to_source.close();
        self.requests.close();
    }
}
