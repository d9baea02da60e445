//! Clients that use what HTTP/2 lets them do to make the server hold much.

use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;

use super::client::{Client, Protocol};
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
