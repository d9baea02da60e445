//! The end: in good order, with watches open.

use std::fs;
use std::io::{BufRead, BufReader};
use std::pin::pin;
use std::process::{Command, Stdio};

use futures::{AsyncBufReadExt, TryStreamExt};
use rustix::process::{Pid, Signal, kill_process};

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

/// As `nohup` starts it, in a terminal that goes.
#[test]
fn a_server_that_is_to_outlive_its_terminal_does() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new("sh")
        .args(["-c", "trap '' HUP; exec \"$0\" --data-dir data --listen 127.0.0.1:0 --log off"])
        .arg(env!("CARGO_BIN_EXE_ferry-apiserver"))
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("ferry-apiserver is ready"), "{line}");
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap();
    assert_eq!(ignored & 0b11, 0b01, "{status}");
    let id = Pid::from_child(&child);
    kill_process(id, Signal::HUP).unwrap();
    kill_process(id, Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
