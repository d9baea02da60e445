//! Clients that do not read what they have asked for, and connections of nobody known.

use std::sync::atomic::Ordering;
use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::client::{Client, Protocol, tls};
use super::handler::Fixture;
use super::{BOTH, Limits};

const SHORT: Duration = Duration::from_millis(60);

/// More than all buffers on the way hold together, and far less than Linux would give.
const MOST_UNREAD: usize = 3 << 20;

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off_and_holds_little() {
    let fixture = Fixture::start(Limits { unread: SHORT, ..Limits::DEFAULT }).await;
    let mut silent = tls(&fixture, Protocol::Http1, Some(fixture.credentials("ann"))).await;
    silent.write_all(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    fixture.flood.ended.notified().await;
    let held = fixture.flood.bytes.load(Ordering::Relaxed);
    assert!(held > 0 && held < MOST_UNREAD, "{held}");
}

#[tokio::test]
async fn an_answer_ends_in_time_whatever_its_client_reads() {
    // Only the end of the answer ends it here.
    let fixture = Fixture::start(Limits { late: SHORT, ..Limits::DEFAULT }).await;
    for protocol in BOTH {
        let mut client = Client::connect(&fixture, protocol, Some("ann")).await;
        let _unread = client.send("/flood-for-60-ms", &[]).await.unwrap();
        fixture.flood.ended.notified().await;
    }
}

#[tokio::test]
async fn strangers_make_room_for_each_other_and_not_for_whoever_is_known() {
    let limits = Limits { connections: 5, strangers: 2, ..Limits::DEFAULT };
    let fixture = Fixture::start(limits).await;
    let mut by_certificate = Client::connect(&fixture, Protocol::Http2, Some("ann")).await;
    let mut by_token = Client::connect(&fixture, Protocol::Http1, None).await;
    let bearer = [("authorization", "Bearer s3cr3t")];
    assert_eq!(by_token.get("/whoami", &bearer).await.0, StatusCode::OK);
    let mut strangers = Vec::new();
    for _ in 0..20 {
        let mut stranger = Client::connect(&fixture, Protocol::Http1, None).await;
        assert_eq!(stranger.get("/healthz", &[]).await.0, StatusCode::OK);
        strangers.push(stranger);
    }
    let last = strangers.split_off(18);
    for stranger in strangers {
        stranger.ended().await;
    }
    for mut stranger in last {
        assert_eq!(stranger.get("/healthz", &[]).await.0, StatusCode::OK);
    }
    assert_eq!(by_certificate.get("/whoami", &[]).await.0, StatusCode::OK);
    assert_eq!(by_token.get("/whoami", &bearer).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_place_that_is_lost_before_the_handshake_is_closed() {
    let limits = Limits { connections: 4, strangers: 1, ..Limits::DEFAULT };
    let fixture = Fixture::start(limits).await;
    let mut silent = tokio::net::TcpStream::connect(fixture.address).await.unwrap();
    let mut known = Client::connect(&fixture, Protocol::Http2, Some("ann")).await;
    assert_eq!(known.get("/whoami", &[]).await.0, StatusCode::OK);
    assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
}
