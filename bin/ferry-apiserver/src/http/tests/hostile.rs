//! Clients that do not behave: wrong protocols, garbage, silence, one byte at a time.

use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{Client, Protocol, tls};
use super::handler::Fixture;
use super::{BOTH, Limits};

const SHORT: Duration = Duration::from_millis(60);

async fn is_well(fixture: &Fixture) {
    let mut client = Client::connect(fixture, Protocol::Http2, Some("ann")).await;
    assert_eq!(client.get("/whoami", &[]).await.0, StatusCode::OK);
}

/// Everything that the server says until it closes, whether it does so politely or not.
async fn rest(mut stream: impl AsyncReadExt + Unpin) -> Vec<u8> {
    let mut all = Vec::new();
    let mut part = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut part).await {
        all.extend_from_slice(&part[..read]);
    }
    all
}

#[tokio::test]
async fn a_client_without_tls_is_told_so() {
    let fixture = Fixture::start(Limits::DEFAULT).await;
    let mut stream = TcpStream::connect(fixture.address).await.unwrap();
    stream.write_all(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let said = String::from_utf8(rest(stream).await).unwrap();
    assert!(said.starts_with("HTTP/1.0 400 Bad Request\r\n"), "{said}");
    assert!(said.ends_with("Client sent an HTTP request to an HTTPS server.\n"), "{said}");
    is_well(&fixture).await;
}

#[tokio::test]
async fn garbage_before_and_within_tls_ends_one_connection() {
    let fixture = Fixture::start(Limits::DEFAULT).await;
    let garbage: Vec<Vec<u8>> = vec![
        vec![0; 5],
        vec![22; 3000],
        b"\x16\x03\x01\x40\x00\x01\x00\x00".to_vec(),
        b"\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff".to_vec(),
        (0..=255).cycle().take(70_000).collect(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\x04\x00".to_vec(),
        b"\x00 HTTP/1.1\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n".to_vec(),
    ];
    for bytes in &garbage {
        let mut stream = TcpStream::connect(fixture.address).await.unwrap();
        // It may have been refused before all of it was sent.
        let _sent = stream.write_all(bytes).await;
        let _closed = stream.shutdown().await;
        rest(stream).await;
        for protocol in BOTH {
            let mut stream = tls(&fixture, protocol, None).await;
            let _sent = stream.write_all(bytes).await;
            let _closed = stream.shutdown().await;
            rest(stream).await;
        }
    }
    is_well(&fixture).await;
}

#[tokio::test]
async fn silence_is_cut_off_before_and_after_the_handshake() {
    let limits = Limits { handshake: SHORT, head: SHORT, ..Limits::DEFAULT };
    let fixture = Fixture::start(limits).await;
    let silent = TcpStream::connect(fixture.address).await.unwrap();
    assert!(rest(silent).await.is_empty());
    for protocol in BOTH {
        rest(tls(&fixture, protocol, None).await).await;
    }
    is_well(&fixture).await;
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_cut_off() {
    let limits = Limits { head: SHORT, ..Limits::DEFAULT };
    let fixture = Fixture::start(limits).await;
    for (protocol, begin) in [
        (Protocol::Http1, &b"GET / HTTP/1.1\r\n"[..]),
        // A head of a hundred bytes is announced.
        (
            Protocol::Http2,
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x64\x01\x04\0\0\0\x01",
        ),
    ] {
        let (read, mut write) = tokio::io::split(tls(&fixture, protocol, None).await);
        write.write_all(begin).await.unwrap();
        let drip = tokio::spawn(async move {
            let mut interval = tokio::time::interval(SHORT / 10);
            loop {
                interval.tick().await;
                if write.write_all(b"x").await.is_err() || write.flush().await.is_err() {
                    return;
                }
            }
        });
        rest(read).await;
        drip.abort();
    }
    is_well(&fixture).await;
}

#[tokio::test]
async fn what_is_no_request_is_answered_with_a_status_and_ends_the_connection() {
    let fixture = Fixture::start(Limits::DEFAULT).await;
    for (request, code, message) in [
        ("GET /whoami HTTP/1.1\r\n\r\n", 400, "missing required Host header"),
        ("GET /whoami HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "too many Host headers"),
        (
            "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            501,
            "unsupported transfer encoding",
        ),
    ] {
        let mut stream = tls(&fixture, Protocol::Http1, Some(fixture.credentials("ann"))).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = String::from_utf8(rest(stream).await).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")), "{answer}");
        assert!(answer.contains(&format!("\"message\":\"{message}\"")), "{answer}");
    }
    let names: Vec<String> = (0..200).map(|number| format!("x-{number}")).collect();
    let headers: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let mut client = Client::connect(&fixture, Protocol::Http2, Some("ann")).await;
    let (code, _) = client.get("/whoami", &headers).await;
    assert_eq!(code, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(client.get("/whoami", &headers[..90]).await.0, StatusCode::OK);
}
