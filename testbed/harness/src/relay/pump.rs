//! The four threads of a connection.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use anyhow::Result;

use super::control::{Allowed, Connection, Control, Settings};
use super::{Direction, QUEUED, QUEUED_LATE};

/// What is read at once. At a low rate less, so that it stays smooth.
const PIECE: usize = 16 << 10;

/// Bytes on their way, and when they arrive.
struct Piece {
    due: Instant,
    bytes: Vec<u8>,
}

/// Carries what both ends say until both have closed, or everything is cut.
pub(super) fn start(control: &Arc<Control>, connection: &Arc<Connection>) -> Result<()> {
    let [source, target] = connection.ends()?;
    source.set_nodelay(true)?;
    target.set_nodelay(true)?;
    carry(control, connection, Direction::Forth, source.try_clone()?, target.try_clone()?)?;
    carry(control, connection, Direction::Back, target, source)
}

fn carry(
    control: &Arc<Control>,
    connection: &Arc<Connection>,
    direction: Direction,
    from: TcpStream,
    to: TcpStream,
) -> Result<()> {
    let is_late = !control.look(|settings| settings.direction_of(direction).delay.is_zero());
    let (sender, receiver) = sync_channel(if is_late { QUEUED_LATE } else { QUEUED });
    let of_reader = Arc::clone(control);
    let of_writer = (Arc::clone(control), Arc::clone(connection));
    let start = |name: &str| thread::Builder::new().name(format!("relay {direction:?} {name}"));
    start("in").spawn(move || read(&of_reader, direction, from, &sender))?;
    start("out").spawn(move || write(&of_writer.0, &of_writer.1, direction, to, &receiver))?;
    Ok(())
}

fn read(control: &Control, direction: Direction, mut from: TcpStream, queue: &SyncSender<Piece>) {
    let mut buffer = vec![0; PIECE];
    while control.wait(|settings| settings.direction_of(direction).free_at()) {
        let Ok(count @ 1..) = from.read(&mut buffer) else { return };
        let due = control.change(|settings| {
            let way = settings.direction(direction);
            let now = Instant::now();
            way.read(count as u64, now);
            now + way.delay
        });
        if queue.send(Piece { due, bytes: buffer[..count].to_vec() }).is_err() {
            return;
        }
    }
}

fn write(
    control: &Control,
    connection: &Connection,
    direction: Direction,
    mut to: TcpStream,
    queue: &Receiver<Piece>,
) {
    for piece in queue {
        if !control.wait(|_| piece.due) {
            return;
        }
        let allowed = control.change(|settings| settings.direction(direction).allow(&piece.bytes));
        let (bytes, is_last) = match allowed {
            Allowed::All => (&piece.bytes[..], false),
            Allowed::Last(count) => (&piece.bytes[..count], true),
            // Another connection has the last byte, and cuts this one.
            Allowed::Nothing => return,
        };
        if to.write_all(bytes).is_err() {
            // As a proxy that sees one side gone: the other must not believe that it is heard.
            return connection.close();
        }
        connection.carry(direction, bytes.len() as u64);
        if is_last {
            return control.change(Settings::cut_and_refuse);
        }
    }
    // The other direction may still have something to say. It fails if that was closed too.
    let _shut = to.shutdown(Shutdown::Write);
}
