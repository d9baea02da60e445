//! The same as plain writes and reads, but of memory as large as a guest's.
//!
//! One buffer that is used again and again stays in a processor's cache. A guest's memory does not:
//! each byte comes from DRAM and goes to DRAM. What this is slower than the plain yardstick is what
//! any migration through a socket must be slower as well.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use ferry_units::Bytes;
use memmap2::{Advice, MmapMut};

use super::{Carrier, PIECE};

/// Memory for each end of each stream, there before the clock starts.
pub(super) struct Memory {
    buffers: Mutex<Vec<MmapMut>>,
}

impl Memory {
    /// `bytes` for each of so many ends, in huge pages where Linux gives them, all touched.
    pub(super) fn new(ends: u32, bytes: Bytes) -> Result<Self> {
        let len = usize::try_from(bytes.get()).context("a yardstick's memory")?;
        let buffer = |_| {
            let mut buffer = MmapMut::map_anon(len).context("a yardstick's memory")?;
            // A Linux that has no huge pages refuses.
            let _advised = buffer.advise(Advice::HugePage);
            buffer.fill(0xA5);
            Ok(buffer)
        };
        let buffers = (0..ends).map(buffer).collect::<Result<_>>()?;
        Ok(Self { buffers: Mutex::new(buffers) })
    }

    fn buffer(&self) -> Result<MmapMut> {
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        buffers.pop().context("each end has a buffer")
    }
}

impl Carrier for Memory {
    fn send(&self, mut socket: TcpStream, bytes: Bytes) -> Result<()> {
        let buffer = self.buffer()?;
        ensure!(buffer.len() as u64 == bytes.get(), "a buffer of the right size");
        for piece in buffer.chunks(PIECE) {
            socket.write_all(piece)?;
        }
        socket.read_exact(&mut [0])?;
        Ok(())
    }

    fn receive(&self, mut socket: TcpStream, bytes: Bytes) -> Result<()> {
        let mut buffer = self.buffer()?;
        ensure!(buffer.len() as u64 == bytes.get(), "a buffer of the right size");
        for piece in buffer.chunks_mut(PIECE) {
            socket.read_exact(piece)?;
        }
        socket.write_all(&[1])?;
        Ok(())
    }
}
