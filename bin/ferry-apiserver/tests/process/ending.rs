//! The end: in good order, with watches open.

use std::pin::pin;

use futures::{AsyncBufReadExt, TryStreamExt};
use rustix::process::Signal;

use crate::common::Server;

#[tokio::test]
async fn a_server_that_is_told_to_end_ends_its_watches_and_then_itself() {
    for signal in [Signal::TERM, Signal::INT] {
        let server = Server::start(&[]);
        let client = server.admin().await;
        let request = http::Request::get("/api/v1/namespaces?watch=true").body(Vec::new()).unwrap();
        let mut lines = pin!(client.request_stream(request).await.unwrap().lines());
        let first = lines.try_next().await.unwrap().unwrap();
        assert!(first.starts_with("{\"type\":\"ADDED\""), "{first}");
        server.signal(signal);
        while let Some(line) = lines.try_next().await.unwrap() {
            assert!(line.starts_with("{\"type\":\"ADDED\""), "{line}");
        }
        let (code, dir) = server.ended();
        assert_eq!(code, Some(0));
        // And it can begin where it ended.
        let server = Server::start_in(dir, &[]);
        assert!(server.read("log").contains("read the journal"));
    }
}
