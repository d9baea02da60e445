//! What this machine can do at most: bytes through loopback, with no migration around them.

mod memory;
mod tcp;
mod tls;

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};
use ferry_memory::SocketTuning;
use ferry_units::Bytes;

use crate::results::{Measured, Unit};

/// What is written at once, as the engine does.
const PIECE: usize = 1 << 20;

/// How one end of a stream does its part.
pub(crate) trait Carrier: Sync {
    /// Writes so much, and waits for the other end's word that it is there.
    fn send(&self, socket: TcpStream, bytes: Bytes) -> Result<()>;
    /// Reads so much, and says so.
    fn receive(&self, socket: TcpStream, bytes: Bytes) -> Result<()>;
}

/// Loopback TCP with so many streams, tuned as the engine's are.
pub(crate) fn tcp(streams: u32, bytes: Bytes) -> Result<Vec<Measured>> {
    carry(&tcp::Plain, &format!("yardstick tcp {streams}"), streams, bytes)
}

/// The same from memory to memory: what the copies cost when no cache helps.
pub(crate) fn memory(streams: u32, bytes: Bytes) -> Result<Vec<Measured>> {
    let carrier = memory::Memory::new(2 * streams, each(streams, bytes))?;
    carry(&carrier, &format!("yardstick tcp {streams}, memory to memory"), streams, bytes)
}

/// The same through rustls, without its buffers.
pub(crate) fn tls(streams: u32, bytes: Bytes) -> Result<Vec<Measured>> {
    carry(&tls::Tls::new()?, &format!("yardstick tls {streams}"), streams, bytes)
}

fn carry(carrier: &dyn Carrier, figure: &str, streams: u32, bytes: Bytes) -> Result<Vec<Measured>> {
    let each = each(streams, bytes);
    let pairs: Vec<_> = (0..streams).map(|_| connected()).collect::<Result<_>>()?;
    // All are ready, buffers and handshakes apart, before the clock starts.
    let ready = Barrier::new(1 + 2 * pairs.len());
    let elapsed = thread::scope(|scope| {
        let mut ends = Vec::new();
        for (from, to) in pairs {
            let ready = &ready;
            ends.push(scope.spawn(move || {
                ready.wait();
                carrier.send(from, each)
            }));
            ends.push(scope.spawn(move || {
                ready.wait();
                carrier.receive(to, each)
            }));
        }
        ready.wait();
        let start = Instant::now();
        for end in ends {
            end.join().expect("it does not panic")?;
        }
        Ok::<_, anyhow::Error>(start.elapsed())
    })?;
    let sent = each.get() * u64::from(streams);
    Ok(vec![Measured::new(figure, Unit::GigabytesPerSecond, gigabytes_per_second(sent, elapsed))])
}

/// What each stream carries of it.
const fn each(streams: u32, bytes: Bytes) -> Bytes {
    Bytes::new(bytes.get() / streams as u64)
}

/// 10^9 bytes a second.
#[expect(clippy::cast_precision_loss, reason = "a figure of three digits")]
pub(crate) fn gigabytes_per_second(bytes: u64, elapsed: std::time::Duration) -> f64 {
    bytes as f64 / 1e9 / elapsed.as_secs_f64()
}

fn connected() -> Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("a port for a yardstick")?;
    let from = TcpStream::connect(listener.local_addr()?)?;
    let (to, _) = listener.accept()?;
    for end in [&from, &to] {
        SocketTuning::default().apply(end)?;
    }
    Ok((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yardsticks_carry_all_of_it() {
        let bytes = Bytes::new(3 * (1 << 20) + 4096);
        let all = [1, 2].map(|streams| [tcp, memory, tls].map(|carry| carry(streams, bytes)));
        for measured in all.into_iter().flatten() {
            let measured = measured.unwrap();
            assert!(measured[0].value > 0.0, "{measured:?}");
        }
    }
}
