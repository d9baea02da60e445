//! What comes from the peer.

use ferry_memory::MemoryError;

use super::buffer::Buffer;
use super::record::{PLAINTEXT, first_record};
use super::shared::Shared;
use crate::link::LinkError;
use crate::link::place::Sink;
use crate::link::socket::Socket;

/// The most that is read at once.
const MOST: usize = 512 << 10;

/// The direction from the peer.
pub(super) struct Incoming {
    /// What is not opened yet.
    sealed: Buffer,
    /// What is opened, as far as nobody has asked for it yet.
    opened: Buffer,
    /// How much to ask the kernel for. It grows as long as the kernel has more.
    piece: usize,
    is_broken: bool,
}

impl Incoming {
    /// After a handshake that left so much.
    pub(super) fn after(sealed: Buffer, opened: &[u8]) -> Self {
        let mut rest = Buffer::default();
        rest.extend(opened);
        Self { sealed, opened: rest, piece: PLAINTEXT, is_broken: false }
    }

    /// Receives until `sink` is full.
    pub(super) fn fill(
        &mut self,
        shared: &Shared,
        socket: &Socket,
        sink: &mut impl Sink,
    ) -> Result<(), LinkError> {
        if self.is_broken {
            return Err(LinkError::Broken);
        }
        let result = self.fill_from(shared, socket, sink);
        self.is_broken = result.is_err();
        result
    }

    fn fill_from(
        &mut self,
        shared: &Shared,
        socket: &Socket,
        sink: &mut impl Sink,
    ) -> Result<(), LinkError> {
        let taken = sink.put(self.opened.filled())?;
        self.opened.consume(taken);
        while !sink.is_full() {
            match first_record(self.sealed.filled()).map_err(LinkError::tls)? {
                Some(length) => self.open(length, shared, sink)?,
                None => self.read(socket)?,
            }
        }
        Ok(())
    }

    /// Opens the first record, which is `length` bytes long.
    fn open(
        &mut self,
        length: usize,
        shared: &Shared,
        sink: &mut impl Sink,
    ) -> Result<(), LinkError> {
        let opened = &mut self.opened;
        let mut put = Ok::<(), MemoryError>(());
        shared.open(self.sealed.front_mut(length), &mut |plain| match sink.put(plain) {
            Ok(count) => opened.extend(&plain[count..]),
            Err(error) => put = Err(error),
        })?;
        self.sealed.consume(length);
        Ok(put?)
    }

    fn read(&mut self, socket: &Socket) -> Result<(), LinkError> {
        match socket.read(self.sealed.spare(self.piece)).map_err(LinkError::receiving)? {
            0 => Err(LinkError::Cut),
            count => {
                self.sealed.add(count);
                if count == self.piece {
                    self.piece = MOST.min(self.piece * 2);
                }
                Ok(())
            }
        }
    }
}
