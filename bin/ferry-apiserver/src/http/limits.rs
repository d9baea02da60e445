//! What a client may take of the server, one by one.

use std::time::Duration;

/// Each has a watcher or a pool of its own; a thousand watchers over HTTP/1.1 are to fit, with as
/// many other clients and some to spare.
const CONNECTIONS: usize = 4096;

/// How many of those may be connections on which nobody was let in yet. A client is let in within
/// milliseconds, so this is room for a hundred thousand that come within a second.
const STRANGERS: usize = 1024;

/// Much longer than a handshake takes between any two machines; as long as Go's servers wait.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// As kube-apiserver's `ReadHeaderTimeout`: whoever sends a first head byte by byte is cut off.
const HEAD: Duration = Duration::from_secs(32);

/// Longer than the 90 s for which Go's and Rust's clients keep connections, so that it is they who end
/// them. From one that ends here just as its client uses it again, the request is lost, and what
/// changes something cannot be sent twice. kube-apiserver's `IdleTimeout` is those 90 s.
const IDLE: Duration = Duration::from_secs(100);

/// Selectors and continue tokens in URLs and a hundred groups of a user fit several times.
const HEAD_BYTES: usize = 128 * 1024;

/// Nobody sends as many; kubectl sends eight.
const HEADERS: usize = 100;

/// kube-rs sends all requests of a process through one connection, and the ones beyond this wait
/// there without an end. A thousand watches and some requests beside them are to fit.
const STREAMS: u32 = 2048;

/// The same where nobody is known by a certificate. As kube-apiserver allows everybody.
const STREAMS_OF_STRANGERS: u32 = 250;

/// How many requests of nobody known may be under way on a connection. Probes have one; each takes
/// several kilobytes until it is answered and read, and anybody can make them.
const REQUESTS_OF_STRANGERS: usize = 16;

/// How much the answers under way of a connection of HTTP/2 may hold before its next requests wait
/// until some of it is read. Two hundred and fifty lists, or eleven objects as large as any.
const ANSWER_BYTES: u64 = 32 * 1024 * 1024;

/// What one slow reader of HTTP/2 may leave unread before nothing more is asked of its answer. A
/// thousand of them keep 64 MiB.
const UNREAD_BYTES: usize = 64 * 1024;

/// What the socket of one slow reader may hold; Linux doubles it for what it keeps beside it. Twice
/// what travels at once between machines of one site, at a gigabit per second and a millisecond.
/// Without it Linux would hold some 4 MiB for each.
const SOCKET_BYTES: usize = 256 * 1024;

/// How long a client may read nothing although something waits for it. Whoever is busy for longer
/// comes back and begins anew; whoever is gone would be asked that long (`PING`), too.
const UNREAD: Duration = Duration::from_secs(30);

/// How long what is left of an answer may take that should have ended: as much as all buffers hold
/// takes a second at a few megabits.
const LATE: Duration = Duration::from_secs(5);

/// How long a client may go on sending what nobody reads, after it was told that its connection
/// ends. Closing at once would take the answer from it. As long as Go's servers wait, and some more
/// for what is on its way in buffers.
const LINGER: Duration = Duration::from_secs(2);

/// What a writer may send without waiting for us to have read it: a request of usual size at once.
const STREAM_WINDOW: u32 = 256 * 1024;

/// The same for all requests of a connection together.
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// How often a connection is asked whether somebody is still there: dead watchers would stay for
/// ever otherwise.
const PING: Duration = Duration::from_secs(30);

/// How long it may take to answer that.
const PONG: Duration = Duration::from_secs(15);

/// How long requests may take that are under way when the server is told to stop. As kubelet gives
/// a static pod 30 s to end, a third is left for the rest.
const GRACE: Duration = Duration::from_secs(20);

/// How long a connection without a request under way has, two times, to take notice of its end. What
/// is in buffers is sent much faster.
const PARTING: Duration = Duration::from_millis(400);

/// What a client may take of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; more wait until one ends, or one of a stranger makes room.
    pub connections: usize,
    /// How many of those may be of nobody who was let in.
    pub strangers: usize,
    /// Until TLS is set up.
    pub handshake: Duration,
    /// From the handshake until the head of the first request of nobody known is read.
    pub head: Duration,
    /// From the end of a request until the head of the next one is read; of somebody known by a
    /// certificate, also from the handshake to the first one. Clients open more connections than they
    /// need at first, and keep them for later.
    pub idle: Duration,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Headers of a request.
    pub headers: usize,
    /// Requests at a time in a connection of HTTP/2.
    pub streams: u32,
    /// The same where nobody is known by a certificate.
    pub streams_of_strangers: u32,
    /// Requests at a time of nobody known in a connection of HTTP/2.
    pub requests_of_strangers: usize,
    /// Bytes of all answers under way in a connection of HTTP/2 before the next one waits.
    pub answer_bytes: u64,
    /// Bytes of an answer that wait for a reader of HTTP/2.
    pub unread_bytes: usize,
    /// Bytes of answers that the socket of a connection holds.
    pub socket_bytes: usize,
    /// Until a connection ends whose client reads nothing, or nothing of an answer.
    pub unread: Duration,
    /// From when an answer should have ended until it is ended.
    pub late: Duration,
    /// From the end of a connection until its client has to have taken notice.
    pub linger: Duration,
    /// Bytes of a request that come unasked.
    pub stream_window: u32,
    /// Bytes of all requests of a connection that come unasked.
    pub connection_window: u32,
    /// Between two questions whether anybody is there.
    pub ping: Duration,
    /// Until the answer.
    pub pong: Duration,
    /// Between two looks whether anything is under way on a connection that is to end.
    pub parting: Duration,
    /// From the beginning of the end to its end.
    pub grace: Duration,
}

impl Limits {
    /// Those of a server.
    pub const DEFAULT: Self = Self {
        connections: CONNECTIONS,
        strangers: STRANGERS,
        handshake: HANDSHAKE,
        head: HEAD,
        idle: IDLE,
        head_bytes: HEAD_BYTES,
        headers: HEADERS,
        streams: STREAMS,
        streams_of_strangers: STREAMS_OF_STRANGERS,
        requests_of_strangers: REQUESTS_OF_STRANGERS,
        answer_bytes: ANSWER_BYTES,
        unread_bytes: UNREAD_BYTES,
        socket_bytes: SOCKET_BYTES,
        unread: UNREAD,
        late: LATE,
        linger: LINGER,
        stream_window: STREAM_WINDOW,
        connection_window: CONNECTION_WINDOW,
        ping: PING,
        pong: PONG,
        parting: PARTING,
        grace: GRACE,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
