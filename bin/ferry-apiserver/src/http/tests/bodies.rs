//! Bodies that are not read to their end.

use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::client::{Client, Protocol, tls};
use super::handler::Fixture;
use super::{BOTH, Limits};

/// More than any buffer on the way.
const LONG: usize = 5 << 20;

#[tokio::test]
async fn a_refusal_is_heard_by_whoever_sends_a_long_body() {
    let fixture = Fixture::start(Limits::DEFAULT).await;
    for (path, user, code) in [
        ("/refuse", Some("ann"), StatusCode::OK),
        ("/refuse-after-100-bytes", Some("ann"), StatusCode::OK),
        ("/api", None, StatusCode::UNAUTHORIZED),
    ] {
        let mut client = Client::connect(&fixture, Protocol::Http2, user).await;
        // The connection of nobody known ends with its first answer.
        for _ in 0..if user.is_some() { 3 } else { 1 } {
            let answer = client.post(path, vec![b' '; LONG]).await.unwrap();
            assert_eq!((answer.0, answer.2), (code, None), "{path}");
        }
        let mut client = Client::connect(&fixture, Protocol::Http1, user).await;
        let (found, _, connection) = client.post(path, vec![b' '; LONG]).await.unwrap();
        assert_eq!((found, connection.as_deref()), (code, Some("close")), "{path}");
    }
}

#[tokio::test]
async fn whoever_sends_all_before_reading_hears_it_too() {
    let fixture = Fixture::start(Limits::DEFAULT).await;
    let mut stream = tls(&fixture, Protocol::Http1, None).await;
    let head = format!("POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: {LONG}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b' '; LONG]).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn a_short_body_that_nobody_reads_does_not_cost_the_connection() {
    let fixture = Fixture::start(Limits::DEFAULT).await;
    for protocol in BOTH {
        let mut client = Client::connect(&fixture, protocol, Some("ann")).await;
        for _ in 0..3 {
            let (code, _, connection) = client.post("/refuse", vec![b' '; 4096]).await.unwrap();
            assert_eq!((code, connection), (StatusCode::OK, None));
        }
        assert_eq!(client.get("/whoami", &[]).await.0, StatusCode::OK);
    }
}

/// RFC 9112, 6.1: the chunks count, and whoever stands between and thinks otherwise must not be
/// followed by another request.
#[tokio::test]
async fn a_body_of_two_lengths_hides_no_second_request() {
    let fixture = Fixture::start(Limits::DEFAULT).await;
    for lengths in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
    ] {
        let mut stream = tls(&fixture, Protocol::Http1, Some(fixture.credentials("ann"))).await;
        let request = format!(
            "POST /length HTTP/1.1\r\nHost: x\r\n{lengths}\r\n\r\n\
             1f\r\nGET /headers HTTP/1.1\r\nX: y\r\n\r\n\r\n0\r\n\r\n\
             GET /whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answers = String::new();
        stream.read_to_string(&mut answers).await.unwrap();
        assert!(answers.ends_with("\r\n\r\n31"), "{answers}");
        assert!(answers.contains("\r\nconnection: close\r\n"), "{answers}");
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{answers}");
    }
}

#[tokio::test]
async fn whoever_waits_to_be_asked_for_a_body_is_not() {
    let fixture = Fixture::start(Limits::DEFAULT).await;
    let mut stream = tls(&fixture, Protocol::Http1, None).await;
    let head = "POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
}
