//! QMP, the protocol in which QEMU is told what to do, without a socket.
//!
//! Ferry's guest is driven by the words of QEMU, so that whoever can drive one can drive the other,
//! and so that QEMU can be the measure of it. This crate has both sides of a session and everything
//! that is said in one; it follows QEMU 10 to the byte, and where it does not, `docs/parity.md` says
//! so. It opens nothing, waits for nothing and knows no time: bytes go in, and commands, answers,
//! events and bytes come out.
//!
//! * [`Server`] is a machine's side: it greets, negotiates, reads and checks commands strictly,
//!   refuses in QEMU's words, and answers by itself what is about QMP alone.
//! * [`Client`] is the other side, tolerant of what machines of other versions say.
//! * [`Command`] and [`Event`] are the closed sets that ferry's guest serves. A command is a type
//!   that implements [`Execute`]; there are more than those of the guest, for driving QEMU.
//! * [`words`] are the types in them, each from one description that reads, writes and describes it.
//! * [`schema`] makes the answer to `query-qmp-schema` out of these, and asks that of a machine.
//! * [`rules`] say what a machine may do when, as data.
//! * [`json`] is the dialect in which QEMU reads and writes all of this.
//!
//! # A machine
//!
//! ```
//! use ferry_qmp::words::{RunState, StatusInfo, VersionInfo, VersionTriple};
//! use ferry_qmp::{Command, Execute, OutOfBand, Received, Reply, Server, WireError};
//!
//! let qemu = VersionTriple { major: 10, minor: 0, micro: 2 };
//! let version = VersionInfo { qemu, package: "ferry-0.1.0".to_owned() };
//! let mut server = Server::new(version, OutOfBand::Off);
//! assert_eq!(
//!     server.greeting(),
//!     "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 2, \"minor\": 0, \"major\": 10}, \
//!      \"package\": \"ferry-0.1.0\"}, \"capabilities\": []}}\r\n"
//! );
//!
//! let mut input = &b"{'execute': 'qmp_capabilities'} {'execute': 'query-status', 'id': 7}"[..];
//! let mut output = Vec::new();
//! while let Some(received) = server.receive(&mut input) {
//!     output.push(match received {
//!         Received::Answered { answer, .. } => answer,
//!         Received::Request(request) => {
//!             let reply = match &request.command {
//!                 Command::QueryStatus(command) => {
//!                     command.reply(&StatusInfo::from(RunState::Running))
//!                 }
//!                 other => Reply::from(WireError::generic(format!("no {} here", other.name()))),
//!             };
//!             request.ticket.answer(&reply)
//!         }
//!     });
//! }
//! assert_eq!(output[0], "{\"return\": {}}\r\n");
//! assert_eq!(
//!     output[1],
//!     "{\"return\": {\"status\": \"running\", \"running\": true}, \"id\": 7}\r\n"
//! );
//! ```
//!
//! # Whoever drives it
//!
//! ```
//! use ferry_qmp::words::{Migrate, RunState};
//! use ferry_qmp::{Client, ClientError, Incoming, OutOfBand, QueryStatus};
//!
//! let mut client = Client::new(OutOfBand::On);
//! let mut input = &b"{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 2, \"minor\": 0, \"major\": 10},
//!     \"package\": \"\"}, \"capabilities\": [\"oob\"]}}\r\n"[..];
//! let Some(Ok(Incoming::Greeting { answer, .. })) = client.receive(&mut input) else { panic!() };
//! assert_eq!(
//!     answer,
//!     "{\"execute\": \"qmp_capabilities\", \"arguments\": {\"enable\": [\"oob\"]}, \"id\": 1}\r\n"
//! );
//! let mut input = &b"{\"return\": {}, \"id\": 1}\r\n"[..];
//! assert!(matches!(client.receive(&mut input), Some(Ok(Incoming::Ready))));
//!
//! let (bytes, pending) = client.send(&QueryStatus)?;
//! assert_eq!(bytes, "{\"execute\": \"query-status\", \"id\": 2}\r\n");
//! let mut input = &b"{\"return\": {\"status\": \"paused\", \"running\": false}, \"id\": 2}\r\n"[..];
//! let Some(Ok(Incoming::Answer(answer))) = client.receive(&mut input) else { panic!() };
//! assert_eq!(pending.read(&answer)?.status, RunState::Paused);
//!
//! let migrate = Migrate { uri: Some("tcp:10.0.0.2:4444".to_owned()), ..Migrate::default() };
//! let (bytes, pending) = client.send(&migrate)?;
//! # Ok::<(), ClientError>(())
//! ```

mod client;
mod command;
mod event;
pub mod json;
pub mod qapi;
pub mod rules;
pub mod schema;
mod server;
mod wire;
pub mod words;
mod workload_text;

pub use client::{Answer, Client, ClientError, Incoming, Notice, Occurrence, Pending};
pub use command::{
    Band, COMMANDS, Command, CommandInfo, Cont, Execute, FerryStats, MigrateCancel, MigratePause,
    MigrateStartPostcopy, NbdServerStop, QmpCapabilities, QueryBlock, QueryBlockJobs,
    QueryCommands, QueryCpusFast, QueryKvm, QueryMemorySizeSummary, QueryMigrate,
    QueryMigrateCapabilities, QueryMigrateParameters, QueryName, QueryQmpSchema, QueryStatus,
    QueryUuid, QueryVersion, QueryYank, Quit, Reply, SESSION_COMMANDS, SessionCommand, Stop,
    SystemPowerdown, SystemReset,
};
pub use event::{
    BlockJobCompleted, BlockJobError, BlockJobPending, BlockJobProgress, EVENTS, Event, EventInfo,
    GuestEnd, GuestPanicked, JobStatusChange, MigrationChange, MigrationPass,
};
pub use server::{OutOfBand, QUEUE_LIMIT, Received, Request, Server, ServerError, Ticket};
pub use wire::{ErrorClass, Greeting, Timestamp, WireError, event_line};
pub use workload_text::{WorkloadText, WorkloadTextError, parse as parse_workload};
