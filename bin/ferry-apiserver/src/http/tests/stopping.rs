//! The end of the server with requests under way.

use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{Client, Protocol, tls};
use super::handler::{Fixture, TICKS};
use super::{BOTH, Limits};

#[tokio::test]
async fn watches_end_in_good_order_and_nobody_else_comes_in() {
    for protocol in BOTH {
        let fixture = Fixture::start(Limits::DEFAULT).await;
        let mut client = Client::connect(&fixture, protocol, Some("ann")).await;
        let mut idle = Client::connect(&fixture, protocol, Some("ann")).await;
        assert_eq!(idle.get("/whoami", &[]).await.0, StatusCode::OK);
        let mut body = client.send("/watch", &[]).await.unwrap().into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first, "begun\n");
        fixture.stop.begin();
        let rest = body.collect().await.unwrap().to_bytes();
        assert_eq!(rest, "ended\n", "{protocol:?}");
        fixture.served.await.unwrap();
        idle.ended().await;
        client.ended().await;
        assert!(TcpStream::connect(fixture.address).await.is_err());
    }
}

#[tokio::test]
async fn what_does_not_end_is_cut_off() {
    let grace = Duration::from_millis(60);
    for protocol in BOTH {
        let fixture = Fixture::start(Limits { grace, ..Limits::DEFAULT }).await;
        let mut client = Client::connect(&fixture, protocol, Some("ann")).await;
        // Nothing comes back before the end, so this is known to be stuck by what comes after it.
        let mut other = Client::connect(&fixture, protocol, Some("ann")).await;
        let (stuck, ()) = tokio::join!(client.try_get("/stuck", &[]), async {
            assert_eq!(other.get("/whoami", &[]).await.0, StatusCode::OK);
            fixture.stop.begin();
        });
        assert!(stuck.is_err(), "{protocol:?}");
        fixture.served.await.unwrap();
    }
}

/// Nobody is waited for who has nothing under way, however long a request would be.
#[tokio::test]
async fn connections_without_a_request_do_not_hold_up_the_end() {
    let hour = Duration::from_secs(3600);
    let limits = Limits { grace: hour, handshake: hour, head: hour, ..Limits::DEFAULT };
    let fixture = Fixture::start(limits).await;
    let silent = TcpStream::connect(fixture.address).await.unwrap();
    let shaken = tls(&fixture, Protocol::Http1, None).await;
    let mut half = tls(&fixture, Protocol::Http1, Some(fixture.credentials("ann"))).await;
    half.write_all(b"GET /whoami HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(half.read(&mut [0; 4096]).await.unwrap() > 0);
    half.write_all(b"GET /whoami HTTP/1.1\r\nHost").await.unwrap();
    half.flush().await.unwrap();
    // It answers no PING: it is never read.
    let mut deaf = tls(&fixture, Protocol::Http2, Some(fixture.credentials("ann"))).await;
    deaf.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    deaf.flush().await.unwrap();
    let mut client = Client::connect(&fixture, Protocol::Http2, Some("ann")).await;
    assert_eq!(client.get("/whoami", &[]).await.0, StatusCode::OK);
    let ticks = client.send("/ticks", &[]).await.unwrap().into_body();
    fixture.stop.begin();
    // What is under way goes on to its end.
    assert_eq!(ticks.collect().await.unwrap().to_bytes().len(), TICKS * 5);
    fixture.served.await.unwrap();
    drop((silent, shaken, half, deaf));
}
