//! The server at a real port, with clients that behave and clients that do not.

mod bodies;
mod client;
mod handler;
mod hostile;
mod http2;
mod stopping;
mod unread;

use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use client::{Client, Protocol};
use handler::Fixture;

use super::*;

/// Both protocols.
const BOTH: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

#[tokio::test]
async fn a_caller_is_known_by_its_certificate_over_both_protocols() {
    let fixture = Fixture::start(Limits::DEFAULT).await;
    for protocol in BOTH {
        let mut client = Client::connect(&fixture, protocol, Some("ann")).await;
        for _ in 0..3 {
            let (code, body) = client.get("/whoami", &[]).await;
            assert_eq!((code, &*body), (StatusCode::OK, "ann of dev,system:authenticated"));
        }
    }
}

#[tokio::test]
async fn a_token_is_taken_out_of_the_request_that_it_lets_in() {
    let fixture = Fixture::start(Limits::DEFAULT).await;
    for protocol in BOTH {
        let mut client = Client::connect(&fixture, protocol, None).await;
        let bearer = [("authorization", "Bearer s3cr3t")];
        let (_, body) = client.get("/whoami", &bearer).await;
        assert_eq!(body, "bob of system:authenticated");
        let (_, headers) = client.get("/headers", &bearer).await;
        assert!(!headers.contains("s3cr3t"), "{headers}");
    }
}

#[tokio::test]
async fn whoever_is_not_let_in_gets_a_status() {
    let fixture = Fixture::start(Limits::DEFAULT).await;
    let stranger = Fixture::start(Limits::DEFAULT).await;
    for protocol in BOTH {
        for credentials in [None, Some(stranger.credentials("ann"))] {
            let mut client = Client::connect_with(&fixture, protocol, credentials).await;
            let (code, body) = client.get("/api", &[]).await;
            assert_eq!(code, StatusCode::UNAUTHORIZED);
            let status: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(status["reason"], json!("Unauthorized"));
            assert_eq!(status["kind"], json!("Status"));
        }
        let mut client = Client::connect(&fixture, protocol, None).await;
        let (code, body) = client.get("/healthz", &[]).await;
        assert_eq!((code, &*body), (StatusCode::OK, "ok"));
    }
}

#[tokio::test]
async fn a_handler_that_panics_is_a_500_and_nothing_more() {
    let fixture = Fixture::start(Limits::DEFAULT).await;
    for protocol in BOTH {
        let mut client = Client::connect(&fixture, protocol, Some("ann")).await;
        let (code, body) = client.get("/panic", &[]).await;
        assert_eq!(code, StatusCode::INTERNAL_SERVER_ERROR);
        let status: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(status["reason"], json!("InternalError"));
        // The same connection goes on.
        let (code, _) = client.get("/whoami", &[]).await;
        assert_eq!(code, StatusCode::OK);
        // In the middle of an answer only the connection can tell.
        let mut broken = Client::connect(&fixture, protocol, Some("ann")).await;
        assert!(broken.try_get("/panic-later", &[]).await.is_err());
        let mut after = Client::connect(&fixture, protocol, Some("ann")).await;
        assert_eq!(after.get("/whoami", &[]).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_head_of_usual_size_passes_and_a_huge_one_does_not() {
    let fixture = Fixture::start(Limits::DEFAULT).await;
    let long = format!("/headers?labelSelector={}", "a".repeat(30_000));
    let huge = ["x".repeat(132_000), "x".repeat(140_000), "x".repeat(200_000)];
    for protocol in BOTH {
        let mut client = Client::connect(&fixture, protocol, Some("ann")).await;
        assert_eq!(client.get(&long, &[]).await.0, StatusCode::OK);
        for huge in &huge {
            let mut client = Client::connect(&fixture, protocol, Some("ann")).await;
            let refused = client.try_get("/headers", &[("x-huge", huge)]).await;
            assert!(
                refused.is_err()
                    || refused.unwrap().0 == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            );
        }
        let mut after = Client::connect(&fixture, protocol, Some("ann")).await;
        assert_eq!(after.get("/whoami", &[]).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn more_connections_than_allowed_wait_for_a_place() {
    let fixture = Fixture::start(Limits { connections: 2, ..Limits::DEFAULT }).await;
    let mut first = Client::connect(&fixture, Protocol::Http2, Some("ann")).await;
    let mut second = Client::connect(&fixture, Protocol::Http1, Some("ann")).await;
    let _watch = first.send("/watch", &[]).await.unwrap();
    let other_watch = second.send("/watch", &[]).await.unwrap();
    let third = Client::connect(&fixture, Protocol::Http2, Some("ann"));
    let mut third = std::pin::pin!(third);
    // It is not let in however long the other two take.
    for _ in 0..20 {
        tokio::select! {
            biased;
            _ = &mut third => panic!("a third connection was let in"),
            (code, _) = first.get("/whoami", &[]) => assert_eq!(code, StatusCode::OK),
        }
    }
    drop((second, other_watch));
    assert_eq!(third.await.get("/whoami", &[]).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_connection_that_is_idle_makes_room_and_one_with_a_watch_does_not() {
    let fixture = Fixture::start(Limits { connections: 2, ..Limits::DEFAULT }).await;
    for protocol in BOTH {
        let mut watcher = Client::connect(&fixture, protocol, Some("ann")).await;
        let watch = watcher.send("/watch", &[]).await.unwrap();
        let mut idle = Client::connect(&fixture, protocol, Some("ann")).await;
        assert_eq!(idle.get("/whoami", &[]).await.0, StatusCode::OK);
        let mut next = Client::connect(&fixture, protocol, Some("ann")).await;
        idle.ended().await;
        assert_eq!(next.get("/whoami", &[]).await.0, StatusCode::OK);
        let begun = watch.into_body().frame().await.unwrap().unwrap();
        assert_eq!(begun.into_data().unwrap(), "begun\n");
        drop((watcher, next));
    }
}

#[tokio::test]
async fn a_connection_ends_when_it_is_idle_and_not_while_somebody_watches() {
    let short = Duration::from_millis(60);
    let fixture = Fixture::start(Limits { idle: short, head: short, ..Limits::DEFAULT }).await;
    for protocol in BOTH {
        let mut watcher = Client::connect(&fixture, protocol, Some("ann")).await;
        // Events for four times as long as a connection may be idle.
        let (code, body) = watcher.get("/ticks", &[]).await;
        assert_eq!((code, body.len()), (StatusCode::OK, handler::TICKS * 5));
        let mut idle = Client::connect(&fixture, protocol, Some("ann")).await;
        assert_eq!(idle.get("/whoami", &[]).await.0, StatusCode::OK);
        idle.ended().await;
    }
}

#[tokio::test]
async fn a_connection_of_somebody_known_may_wait_for_its_first_request() {
    let fixture = Fixture::start(Limits { head: Duration::ZERO, ..Limits::DEFAULT }).await;
    for protocol in BOTH {
        let mut known = Client::connect(&fixture, protocol, Some("ann")).await;
        Client::connect(&fixture, protocol, None).await.ended().await;
        assert_eq!(known.get("/whoami", &[]).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_thousand_watchers_share_a_connection() {
    let fixture = Fixture::start(Limits::DEFAULT).await;
    let client = Client::connect(&fixture, Protocol::Http2, Some("ann")).await;
    let watches: Vec<_> = (0..1000).map(|_| client.open("/watch")).collect();
    for watch in futures::future::join_all(watches).await {
        assert_eq!(watch.unwrap(), "begun\n");
    }
}
