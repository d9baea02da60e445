//! Clients that use what HTTP/2 lets them do to make the server hold much.

use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::client::{self, Client, Protocol};
use super::handler::{self, Fixture};
use super::{BOTH, Limits};

const SHORT: Duration = Duration::from_millis(60);
const NEVER: Duration = Duration::from_secs(3600);

/// A client that takes nothing of any answer.
async fn unreading(fixture: &Fixture, user: Option<&str>) -> Client {
    let credentials = user.map(|user| fixture.credentials(user));
    Client::connect_reading(fixture, Protocol::Http2, credentials, 0).await
}

#[tokio::test]
async fn parity_a_connection_of_nobody_known_ends_after_its_answer() {
    let fixture = Fixture::start(Limits { late: NEVER, ..Limits::DEFAULT }).await;
    for (path, code) in [("/api", StatusCode::UNAUTHORIZED), ("/healthz", StatusCode::OK)] {
        let mut stranger = Client::connect(&fixture, Protocol::Http2, None).await;
        assert_eq!(stranger.get(path, &[]).await.0, code);
        stranger.ended().await;
    }
    // Whoever was let in once stays, whatever becomes of the rest.
    let mut known = Client::connect(&fixture, Protocol::Http2, None).await;
    let bearer = [("authorization", "Bearer s3cr3t")];
    assert_eq!(known.get("/whoami", &bearer).await.0, StatusCode::OK);
    for _ in 0..3 {
        assert_eq!(known.get("/api", &[]).await.0, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(known.get("/whoami", &bearer).await.0, StatusCode::OK);
}

#[tokio::test]
async fn many_requests_of_nobody_known_end_its_connection_at_once() {
    let limits = Limits { late: NEVER, unread: NEVER, ..Limits::DEFAULT };
    let fixture = Fixture::start(limits).await;
    for path in ["/api", "/healthz"] {
        let stranger = unreading(&fixture, None).await;
        let requests: Vec<_> = (0..100).map(|_| stranger.open(path)).collect();
        let answers = futures::future::join_all(requests).await;
        assert!(answers.iter().all(Result::is_err), "{path}");
        stranger.ended().await;
    }
}

#[tokio::test]
async fn an_answer_of_which_nothing_is_taken_ends_its_connection() {
    let limits = Limits { unread: SHORT, late: SHORT, ..Limits::DEFAULT };
    let fixture = Fixture::start(limits).await;
    for path in ["/whoami", "/long", "/flood"] {
        let mut client = unreading(&fixture, Some("ann")).await;
        let _unread = client.send(path, &[]).await.unwrap();
        client.ended().await;
    }
    // As well if it took some of it.
    let mut client = Client::connect(&fixture, Protocol::Http2, Some("ann")).await;
    let _unread = client.send("/long", &[]).await.unwrap();
    client.ended().await;
}

#[tokio::test]
async fn a_watch_with_nothing_to_tell_is_no_unread_answer() {
    let limits = Limits { unread: SHORT, late: SHORT, ..Limits::DEFAULT };
    let fixture = Fixture::start(limits).await;
    let mut client = Client::connect(&fixture, Protocol::Http2, Some("ann")).await;
    let (code, body) = client.get("/ticks", &[]).await;
    assert_eq!((code, body.len()), (StatusCode::OK, handler::TICKS * 5));
}

#[tokio::test]
async fn whoever_has_much_unread_gets_more_once_it_is_read() {
    let fixture = Fixture::start(Limits { answer_bytes: 1, ..Limits::DEFAULT }).await;
    let mut client = Client::connect(&fixture, Protocol::Http2, Some("ann")).await;
    let mut other = Client::connect(&fixture, Protocol::Http2, Some("ann")).await;
    let unread = client.send("/flood", &[]).await.unwrap();
    {
        let mut next = std::pin::pin!(client.get("/whoami", &[]));
        for _ in 0..20 {
            tokio::select! {
                biased;
                _ = &mut next => panic!("it was answered although there is no room"),
                (code, _) = other.get("/whoami", &[]) => assert_eq!(code, StatusCode::OK),
            }
        }
        drop(unread);
        assert_eq!(next.await.0, StatusCode::OK);
    }
    let long = client.send("/long", &[]).await.unwrap().into_body();
    let (long, next) = tokio::join!(long.collect(), client.get("/whoami", &[]));
    assert_eq!((long.unwrap().to_bytes().len(), next.0), (handler::LONG, StatusCode::OK));
}

#[tokio::test]
async fn a_long_answer_is_whole_and_has_its_length() {
    let fixture = Fixture::start(Limits::DEFAULT).await;
    for protocol in BOTH {
        let mut client = Client::connect(&fixture, protocol, Some("ann")).await;
        let response = client.send("/long", &[]).await.unwrap();
        assert_eq!(response.headers()["content-length"], handler::LONG.to_string());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body.len() == handler::LONG && body.iter().all(|byte| *byte == b'x'));
    }
}

#[tokio::test]
async fn parity_a_head_has_the_length_of_what_it_does_not_send() {
    let fixture = Fixture::start(Limits::DEFAULT).await;
    for protocol in BOTH {
        let mut client = Client::connect(&fixture, protocol, Some("ann")).await;
        for path in ["/long", "/whoami"] {
            let length = client.get(path, &[]).await.1.len();
            let response = client.head(path).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(response.headers()["content-length"], length.to_string(), "{path}");
            assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
        }
        // What never ends has no length, and ends.
        let endless = client.head("/flood").await.unwrap();
        assert!(endless.into_body().collect().await.unwrap().to_bytes().is_empty());
        assert_eq!(client.get("/whoami", &[]).await.0, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_keeps_its_thread_keeps_nobody_else_on_its_connection() {
    let fixture = Fixture::start(Limits::DEFAULT).await;
    let mut client = Client::connect(&fixture, Protocol::Http2, Some("ann")).await;
    let other = client.open("/gate");
    let (write, read) = tokio::join!(client.post("/gate", Vec::new()), other);
    assert_eq!(read.unwrap(), "opened");
    assert_eq!(write.unwrap().1, "true");
}

/// RFC 9113.
mod frame {
    pub(super) const HEADERS: u8 = 1;
    pub(super) const RST_STREAM: u8 = 3;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const GOAWAY: u8 = 7;

    /// Nothing follows, be it body or head.
    pub(super) const WHOLE: u8 = 0x1 | 0x4;

    pub(super) fn of(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()];
        [&head.concat(), payload].concat()
    }
}

#[tokio::test]
async fn parity_whoever_calls_off_many_requests_at_once_keeps_the_others() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const CANCEL: [u8; 4] = [0, 0, 0, 8];
    const CALLED_OFF: u32 = 60;
    let fixture = Fixture::start(Limits::DEFAULT).await;
    let credentials = Some(fixture.credentials("ann"));
    let mut stream = client::tls(&fixture, Protocol::Http2, credentials).await;
    // GET, https and /, of HPACK's table, and a literal authority.
    let head = [&[0x82, 0x87, 0x84, 0x41, 9], &b"localhost"[..]].concat();
    let mut sent = [PREFACE, &frame::of(frame::SETTINGS, 0, 0, &[])].concat();
    for number in 0..CALLED_OFF {
        sent.extend(frame::of(frame::HEADERS, frame::WHOLE, 2 * number + 1, &head));
        sent.extend(frame::of(frame::RST_STREAM, 0, 2 * number + 1, &CANCEL));
    }
    let last = 2 * CALLED_OFF + 1;
    sent.extend(frame::of(frame::HEADERS, frame::WHOLE, last, &head));
    stream.write_all(&sent).await.unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let [a, b, c, kind, _, stream_id @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).await.unwrap();
        assert_ne!(kind, frame::GOAWAY, "{}", String::from_utf8_lossy(&payload));
        if kind == frame::HEADERS && u32::from_be_bytes(stream_id) == last {
            return;
        }
    }
}
