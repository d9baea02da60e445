//! A server whose handler does what the path says.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use ferry_units::WallTime;
use futures::StreamExt;
use futures::stream::{self, Stream};
use http::Method;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, block_in_place};
use tokio::time;

use crate::access::{BoundTo, Realm, TokenFile, Tokens, Whom};
use crate::http::wall_time;
use crate::tls::{Credentials, Names, Pki};

use super::super::*;

/// How many events `/ticks` has, of 5 bytes, one every 12 ms.
pub(super) const TICKS: usize = 20;

/// How many bytes `/long` has.
pub(super) const LONG: usize = 5_000_001;

/// A server that runs, and all that its clients need.
pub(super) struct Fixture {
    pub(super) address: SocketAddr,
    pub(super) pki: Pki,
    pub(super) stop: Stop,
    pub(super) served: JoinHandle<()>,
    pub(super) flood: Arc<Flood>,
    _dir: tempfile::TempDir,
}

impl Fixture {
    pub(super) async fn start(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::system();
        let pki = Pki::open(dir.path(), &Names::new([]).unwrap(), wall_time(clock)).unwrap();
        let tokens = dir.path().join("tokens");
        std::fs::write(&tokens, "s3cr3t,bob,1\n").unwrap();
        let file = TokenFile::read(&tokens, &[1; 32]).unwrap();
        let tokens = Tokens::open(dir.path(), || [2; 32]).unwrap();
        let authenticator = Arc::new(Authenticator::new(pki.clients.clone(), file, tokens));
        let (stop, stopping) = Stop::new();
        let flood = Arc::new(Flood::default());
        let (stopping_too, flood_too) = (stopping.clone(), Arc::clone(&flood));
        let gate = Gate::default();
        let handler = Arc::new(Script { stopping: stopping_too, flood: flood_too, gate });
        let tls = Arc::clone(&pki.server);
        let realm = Arc::new(NoRealm);
        let shared = Arc::new(Server { handler, realm, authenticator, tls, limits, clock });
        let bound = Bound::to("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = bound.address();
        let served = tokio::spawn(bound.serve(shared, stopping));
        Self { address, pki, stop, served, flood, _dir: dir }
    }

    /// A certificate of a user in group `dev`.
    pub(super) fn credentials(&self, user: &str) -> Credentials {
        let (groups, hour) = (["dev".to_owned()], Duration::from_secs(3600));
        let now = wall_time(Clock::system());
        self.pki.authority.issue_client(user, &groups, hour, now).unwrap()
    }
}

struct NoRealm;

impl Realm for NoRealm {
    fn service_account(&self, _namespace: &str, _name: &str) -> Option<String> {
        None
    }

    fn is_there(&self, _: &str, _: &BoundTo, _: WallTime) -> bool {
        false
    }

    fn may_impersonate(&self, _user: &ferry_registry::User, _whom: &Whom) -> bool {
        false
    }
}

struct Script {
    stopping: Stopping,
    flood: Arc<Flood>,
    gate: Gate,
}

/// Where whoever comes keeps its thread until somebody opens it.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    /// Whether it was opened in time.
    fn wait(&self) -> bool {
        let shut = self.is_open.lock().unwrap();
        let limit = Duration::from_secs(30);
        *self.opened.wait_timeout_while(shut, limit, |is_open| !*is_open).unwrap().0
    }
}

/// What became of the answers of `/flood`, which have no end.
#[derive(Default)]
pub(super) struct Flood {
    pub(super) bytes: AtomicUsize,
    pub(super) ended: Notify,
}

struct Flooding(Arc<Flood>);

impl Drop for Flooding {
    fn drop(&mut self) {
        self.0.ended.notify_one();
    }
}

fn flood(flood: &Arc<Flood>) -> Answer {
    streamed(stream::unfold(Flooding(Arc::clone(flood)), async |flooding| {
        let piece = Bytes::from_static(&[b'x'; 16 << 10]);
        flooding.0.bytes.fetch_add(piece.len(), Ordering::Relaxed);
        Some((piece, flooding))
    }))
}

type Answer = BoxBody<Bytes, Infallible>;

impl Handler for Script {
    type Body = Answer;

    async fn serve(&self, caller: Caller, request: Request<Arriving>) -> Response<Answer> {
        let (head, body) = request.into_parts();
        let mut end = None;
        let body = match head.uri.path() {
            "/flood" => flood(&self.flood),
            "/flood-for-60-ms" => {
                end = Some(EndsAt(time::sleep(Duration::from_millis(60)).deadline()));
                flood(&self.flood)
            }
            "/refuse" => text("no"),
            "/refuse-after-100-bytes" => {
                let mut body = body;
                let mut read = 0;
                while read < 100 {
                    read += body.frame().await.unwrap().unwrap().into_data().unwrap().len();
                }
                text("no")
            }
            "/healthz" => text("ok"),
            "/long" => text(vec![b'x'; LONG]),
            "/whoami" => {
                let user = caller.user;
                text(format!("{} of {}", user.name, user.groups.join(",")))
            }
            "/headers" => text(format!("{:?}", head.headers)),
            "/length" => text(body.collect().await.unwrap().to_bytes().len().to_string()),
            "/panic" => panic!("as the path says"),
            "/panic-later" => streamed(
                stream::once(async { line("begun\n") })
                    .chain(stream::once(async { panic!("as the path says") })),
            ),
            "/ticks" => {
                let interval = time::interval(Duration::from_millis(12));
                streamed(
                    stream::unfold(interval, async |mut interval| {
                        interval.tick().await;
                        Some((line("tick\n"), interval))
                    })
                    .take(TICKS),
                )
            }
            "/watch" => {
                let mut stopping = self.stopping.clone();
                let end = stream::once(async move {
                    stopping.begun().await;
                    line("ended\n")
                });
                streamed(stream::once(async { line("begun\n") }).chain(end))
            }
            "/stuck" => pending().await,
            "/gate" if head.method == Method::POST => {
                text(block_in_place(|| self.gate.wait()).to_string())
            }
            "/gate" => {
                self.gate.open();
                text("opened")
            }
            _ => text("nothing"),
        };
        let mut response = Response::new(body);
        if let Some(end) = end {
            response.extensions_mut().insert(end);
        }
        response
    }
}

fn text(text: impl Into<Bytes>) -> Answer {
    Full::new(text.into()).boxed()
}

fn line(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn streamed(lines: impl Stream<Item = Bytes> + Send + Sync + 'static) -> Answer {
    BodyExt::boxed(StreamBody::new(lines.map(|line| Ok(Frame::data(line)))))
}
