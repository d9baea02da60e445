//! What a start makes, keeps, and refuses.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Server, command, get};

#[tokio::test]
async fn a_first_start_makes_a_cluster_and_the_next_one_finds_it() {
    let server = Server::start(&[]);
    let client = server.admin().await;
    for (path, names) in [
        ("/api/v1/namespaces", &["default", "kube-system", "kube-public", "kube-node-lease"][..]),
        (
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            &["cluster-admin", "kubevirt.io:migrate"],
        ),
        ("/api/v1/namespaces/default/services", &["kubernetes"]),
    ] {
        let text = get(&client, path).await.unwrap();
        for name in names {
            assert!(text.contains(&format!("\"name\":\"{name}\"")), "{path}: {text}");
        }
    }
    let uid = get(&client, "/api/v1/namespaces/default").await.unwrap();
    let authority = server.read("data/pki/ca.crt");
    server.signal(Signal::KILL);
    let (_, dir) = server.ended();
    let server = Server::start_in(dir, &[]);
    assert_eq!(get(&server.admin().await, "/api/v1/namespaces/default").await.unwrap(), uid);
    assert_eq!(server.read("data/pki/ca.crt"), authority);
}

#[test]
fn what_cannot_start_says_which_file_and_what_to_do() {
    let server = Server::start(&[]);
    let endpoint = server.read("data/endpoint");
    let taken = endpoint.trim().strip_prefix("https://").unwrap();
    fs::write(server.path("tokens"), "only,two\n").unwrap();
    fs::write(server.path("file"), "").unwrap();
    fs::create_dir_all(server.path("broken/pki")).unwrap();
    fs::create_dir_all(server.path("broken/journal")).unwrap();
    fs::write(server.path("broken/pki/ca.crt"), "").unwrap();
    for (arguments, said) in [
        (&["--data-dir", "data"][..], "data is in use by process"),
        (&["--data-dir", "new", "--listen", taken], "cannot listen at 127.0.0.1:"),
        (&["--data-dir", "file"], "cannot make the directory file"),
        (&["--data-dir", "new", "--token-auth-file", "tokens"], "line 1 of the token file tokens"),
        (&["--data-dir", "new", "--token-auth-file", "none"], "there is no token file none"),
        (&["--data-dir", "broken"], "broken/pki/ca.key is not: put the key back"),
    ] {
        let (code, output, error) = server.beside(&[&["--log", "off"], arguments].concat());
        assert_eq!(code, Some(1), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: no {said:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{arguments:?}: {error}");
        assert!(error.matches("os error").count() <= 1, "{arguments:?}: {error}");
        assert_eq!(output, "");
    }
}

#[tokio::test]
async fn the_process_counts_what_it_serves() {
    let server =
        Server::start(&["--log-format", "json", "--log", "info,ferry_apiserver::access=debug"]);
    let client = server.admin().await;
    get(&client, "/api/v1/nodes").await.unwrap();
    assert_eq!(get(&client, "/api/v1/nodes/none").await, Err(404));
    let text = get(&client, "/metrics").await.unwrap();
    for line in [
        "apiserver_storage_objects{resource=\"namespaces\"} 4",
        "apiserver_storage_objects{resource=\"serviceaccounts\"} 4",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
    let counted = |code: &str, verb: &str| {
        text.lines().any(|line| {
            line.starts_with("apiserver_request_total{")
                && line.contains(&format!("code=\"{code}\""))
                && line.contains(&format!("verb=\"{verb}\""))
                && line.contains("resource=\"nodes\"")
        })
    };
    assert!(counted("200", "LIST") && counted("404", "GET"), "{text}");
    assert!(!text.contains("ferry_journal_bytes 0"), "{text}");
    let log = server.read("log");
    let access = log.lines().find(|line| line.contains("/api/v1/nodes/none")).unwrap();
    assert!(
        access.contains("\"user\":\"ferry-admin\"") && access.contains("\"code\":404"),
        "{access}"
    );
}

#[test]
fn a_directory_that_others_may_read_keeps_its_secrets_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("data")).unwrap();
    // As a backup may come back that was unpacked by somebody in a hurry.
    for name in ["data", "data/pki", "data/journal"] {
        let path = dir.path().join(name);
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
    }
    let server = Server::start_in(dir, &[]);
    let mode = |name: &str| {
        let found = fs::metadata(server.path(name)).unwrap().permissions().mode();
        format!("{name} {:o}", found & 0o777)
    };
    for name in ["data", "data/journal", "data/pki", "data/journal/sled"] {
        assert_eq!(mode(name), format!("{name} 700"));
    }
    for name in ["data/pki/ca.key", "data/journal/sled/db", "data/journal/acknowledged"] {
        assert_eq!(mode(name), format!("{name} 600"));
    }
}

#[test]
fn a_server_whose_journal_is_gone_does_not_start_empty() {
    let server = Server::start(&[]);
    server.signal(Signal::KILL);
    let (_, dir) = server.ended();
    let journal = dir.path().join("data/journal");
    let start = || {
        let output = command(dir.path())
            .args(["--data-dir", "data", "--listen", "127.0.0.1:0", "--log", "off"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    // Sled's file is not what is to be restored by itself.
    let sled = journal.join("sled/db");
    let whole = fs::read(&sled).unwrap();
    fs::write(&sled, &whole[..4096]).unwrap();
    let error = start();
    assert!(error.contains("restore data/journal from a backup"), "{error}");
    fs::rename(&journal, dir.path().join("away")).unwrap();
    let error = start();
    assert_eq!(
        error,
        "ferry-apiserver: data/journal is missing, although data has the keys of a server that has \
         written one: restore it from a backup, or remove data to begin anew\n"
    );
    assert!(!journal.exists());
    fs::rename(dir.path().join("away"), &journal).unwrap();
    fs::write(&sled, whole).unwrap();
    Server::start_in(dir, &[]);
}

#[test]
fn a_log_that_cannot_be_written_stops_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = command(dir.path());
    command.args(["--data-dir", "data", "--listen", "127.0.0.1:0", "--log", "debug"]);
    let mut child = command.stdout(Stdio::piped()).stderr(full).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("ferry-apiserver is ready"), "{line}");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
