//! One client of a QMP socket.
//!
//! ```text
//!           reads, parses                          executes, in order
//!   socket ──────────────► reader ──at most 8────► worker ──┐
//!                            │                              ├──► outbox ──► writer ──► socket
//!                            └─ out of band: at once ───────┤
//!                                            events ────────┘
//! ```
//!
//! Where eight commands wait, the reader waits too, and with it the client.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use ferry_qmp::{Band, Command, QUEUE_LIMIT, Received, Reply, Request, Server, Ticket};

use super::Events;
use super::outbox::Outbox;

/// Who executes commands. Called from the threads of all clients.
pub trait Executor: Send + Sync + 'static {
    /// Executes a command, and says what to answer.
    fn execute(&self, command: &Command) -> Reply;

    /// The command was executed, and its answer is on its way: what follows from it may follow now.
    fn answered(&self, command: &Command);
}

/// What the reader hands to the worker.
#[expect(clippy::large_enum_variant, reason = "there are nine of a client at most")]
enum Work {
    /// A command to execute.
    Request(Request),
    /// What the session has answered by itself.
    Answer(Bytes),
    /// The same, and it ends the negotiation.
    Negotiated(Bytes),
}

/// The stack of a thread that takes JSON apart, which may be a thousand brackets deep. What a thread
/// does not use takes no memory.
const DEEP_STACK: usize = 1 << 20;

/// The stack of a thread that only passes bytes on.
const STACK: usize = 256 << 10;

/// Serves a client on threads of its own until it goes; `gone` is called then.
///
/// # Errors
/// What Linux says when it has no thread for it.
pub(super) fn serve(
    socket: UnixStream,
    server: Server,
    events: Events,
    executor: Arc<dyn Executor>,
    gone: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let socket = Arc::new(socket);
    let reader = move || {
        let outbox = Arc::new(Outbox::default());
        outbox.answer(server.greeting());
        events.add(&outbox, &socket);
        let _leaves = Leaves { events: &events, outbox: &outbox, gone: Some(gone) };
        match Session::start(&socket, &outbox, &executor) {
            Ok(session) => session.run(&socket, server),
            Err(error) => tracing::warn!(%error, "no threads for a QMP client"),
        }
    };
    thread::Builder::new().name("qmp/read".to_owned()).stack_size(DEEP_STACK).spawn(reader)?;
    Ok(())
}

/// A client leaves when this is dropped, also by a panic.
struct Leaves<'a, F: FnOnce()> {
    events: &'a Events,
    outbox: &'a Arc<Outbox>,
    gone: Option<F>,
}

impl<F: FnOnce()> Drop for Leaves<'_, F> {
    fn drop(&mut self) {
        self.events.remove(self.outbox);
        if let Some(gone) = self.gone.take() {
            gone();
        }
    }
}

/// A client that is being served, on the reader's side.
struct Session {
    executor: Arc<dyn Executor>,
    outbox: Arc<Outbox>,
    work: SyncSender<Work>,
    worker: JoinHandle<()>,
    writer: JoinHandle<()>,
}

impl Session {
    fn start(
        socket: &Arc<UnixStream>,
        outbox: &Arc<Outbox>,
        executor: &Arc<dyn Executor>,
    ) -> io::Result<Self> {
        let (work, waiting) = sync_channel(QUEUE_LIMIT);
        let writer =
            thread::Builder::new().name("qmp/write".to_owned()).stack_size(STACK).spawn({
                let (socket, outbox) = (Arc::clone(socket), Arc::clone(outbox));
                move || write(&socket, &outbox)
            })?;
        let worker = thread::Builder::new()
            .name("qmp/execute".to_owned())
            .stack_size(DEEP_STACK)
            .spawn({
                let (executor, outbox) = (Arc::clone(executor), Arc::clone(outbox));
                move || execute_all(&waiting, &*executor, &outbox)
            })
            .inspect_err(|_| outbox.cut_off())?;
        let (executor, outbox) = (Arc::clone(executor), Arc::clone(outbox));
        Ok(Self { executor, outbox, work, worker, writer })
    }

    /// Reads until the client says no more, then answers what has come and closes the socket.
    fn run(self, mut socket: &UnixStream, mut server: Server) {
        let mut buffer = [0; 4096];
        loop {
            match socket.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => {
                    let mut input = &buffer[..length];
                    if self.take(&mut input, &mut server).is_err() {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::debug!(%error, "a QMP client has gone");
                    self.outbox.cut_off();
                    break;
                }
            }
        }
        drop(self.work);
        join(self.worker);
        self.outbox.close();
        join(self.writer);
        // The client may have closed it before.
        let _closed = socket.shutdown(Shutdown::Both);
    }

    /// Takes what has come, until it is used up. It fails when the worker has panicked.
    fn take(&self, input: &mut &[u8], server: &mut Server) -> Result<(), WorkerGone> {
        loop {
            let before = server.is_ready();
            let Some(received) = server.receive(input) else { return Ok(()) };
            let work = match received {
                Received::Request(request) => match request.band {
                    Band::InBand => Work::Request(request),
                    Band::OutOfBand => {
                        execute(request, &*self.executor, &self.outbox);
                        continue;
                    }
                },
                Received::Answered { answer, band: Band::OutOfBand } => {
                    self.outbox.answer(answer);
                    continue;
                }
                Received::Answered { answer, band: Band::InBand } => {
                    if server.is_ready() && !before {
                        self.work.send(Work::Negotiated(answer)).map_err(|_| WorkerGone)?;
                        // What overtakes others may not overtake the agreement that it may.
                        self.outbox.wait_until_open();
                        continue;
                    }
                    Work::Answer(answer)
                }
            };
            self.work.send(work).map_err(|_| WorkerGone)?;
        }
    }
}

/// The worker of a client has panicked.
struct WorkerGone;

fn execute_all(waiting: &Receiver<Work>, executor: &dyn Executor, outbox: &Outbox) {
    for work in waiting {
        match work {
            Work::Request(request) => execute(request, executor, outbox),
            Work::Answer(answer) => outbox.answer(answer),
            Work::Negotiated(answer) => outbox.open(answer),
        }
    }
}

fn execute(request: Request, executor: &dyn Executor, outbox: &Outbox) {
    let Request { command, band: _, ticket } = request;
    let reply = executor.execute(&command);
    send(ticket, &reply, outbox);
    executor.answered(&command);
}

fn send(ticket: Ticket, reply: &Reply, outbox: &Outbox) {
    if let Err(error) = reply.outcome() {
        tracing::info!(%error, "a command was refused");
    }
    outbox.answer(ticket.answer(reply));
}

/// Sends what waits until nothing more comes, or the client has gone.
fn write(mut socket: &UnixStream, outbox: &Outbox) {
    while let Some(message) = outbox.next() {
        if let Err(error) = socket.write_all(&message) {
            tracing::debug!(%error, "a QMP client has gone");
            outbox.cut_off();
            // It may have closed it before; the reader is woken if it has not.
            let _closed = socket.shutdown(Shutdown::Both);
            return;
        }
    }
}

/// A thread that panicked has said so already.
fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread of a QMP client has panicked");
    }
}
