//! Credentials from `kubeconfig`, and what they are good for.

use std::os::unix::fs::PermissionsExt;

use ferry_runtime::identity::{Identity, Role, VerifyPeer};
use rustix::process::Signal;

use crate::common::{Server, client, get};

#[tokio::test]
async fn credentials_make_somebody_known_and_nothing_more() {
    let server = Server::start(&[]);
    let base = ["kubeconfig", "--data-dir", "data", "--user"];
    let may_read = |kubeconfig: String| async move {
        let client = client(&kubeconfig).await;
        assert!(get(&client, "/version").await.unwrap().contains("gitVersion"));
        get(&client, "/api/v1/nodes").await.map(drop)
    };
    for more in [&["alice"][..], &["alice", "--token"], &["alice", "--group", "dev"]] {
        let (code, kubeconfig, error) = server.beside(&[&base[..], more].concat());
        assert_eq!((code, error.as_str()), (Some(0), ""), "{more:?}");
        assert_eq!(may_read(kubeconfig).await, Err(403), "{more:?}");
    }
    for more in [
        &["root", "--group", "x", "--group", "system:masters"][..],
        &["root", "--group", "system:masters", "--token", "--lifetime", "1h"],
    ] {
        let (_, kubeconfig, _) = server.beside(&[&base[..], more].concat());
        assert_eq!(may_read(kubeconfig).await, Ok(()), "{more:?}");
    }
}

#[tokio::test]
async fn a_kubeconfig_is_written_for_its_owner_and_for_another_server() {
    let server = Server::start(&[]);
    let arguments =
        ["kubeconfig", "--data-dir", "data", "--user", "a", "--server", "https://lab:1", "-o", "k"];
    let (code, output, error) = server.beside(&arguments);
    assert_eq!((code, output.as_str(), error.as_str()), (Some(0), "", ""));
    assert!(server.read("k").contains("server: https://lab:1\n"));
    for name in ["k", "kubeconfig"] {
        let mode = std::fs::metadata(server.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn credentials_that_cannot_be_made_are_refused() {
    let server = Server::start(&[]);
    for (arguments, said) in [
        (&["--data-dir", "none", "--user", "a"][..], "none is no data directory of a server"),
        (&["--data-dir", "data", "--user", ""], "1 to 1024 bytes"),
        (&["--data-dir", "data", "--user", "", "--token"], "give one with --user"),
        (
            &["--data-dir", "data", "--user", "system:serviceaccount:a:b", "--token"],
            "kubectl create token",
        ),
        (&["--data-dir", "data", "--user", "a", "-o", "no/where"], "cannot write no/where"),
    ] {
        let (code, output, error) = server.beside(&[&["kubeconfig"], arguments].concat());
        assert_eq!((code, output.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(error.contains(said), "{arguments:?}: no {said:?}: {error}");
    }
}

#[test]
fn a_node_gets_its_certificates_or_hears_why_not() {
    let server = Server::start(&[]);
    let base = ["certificates", "--data-dir", "data", "--node", "node-1", "--output"];
    let (code, output, error) = server.beside(&[&base[..], &["n", "--address", "::1"]].concat());
    assert_eq!((code, output.as_str(), error.as_str()), (Some(0), "", ""));
    assert_eq!(server.read("n/ca-cert.pem"), server.read("data/pki/ca.crt"));
    let load = |role| Identity::load(&server.path("n"), role, VerifyPeer::Yes).map(drop);
    load(Role::Server).unwrap();
    load(Role::Client).unwrap();

    let (code, _, error) = server.beside(&[&base[..], &["kubeconfig/n"]].concat());
    assert_eq!(code, Some(1));
    assert!(error.contains("cannot make the directory kubeconfig/n"), "{error}");
    let elsewhere = ["certificates", "--data-dir", "none", "--node", "node-1", "--output", "n"];
    let (code, _, error) = server.beside(&elsewhere);
    assert_eq!(code, Some(1));
    assert!(error.contains("none is no data directory of a server"), "{error}");
}

#[tokio::test]
async fn users_of_a_token_file_are_known() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tokens"), "s3cr3t,root,1,system:masters\n").unwrap();
    let filter = ["--token-auth-file", "tokens", "--log", "trace"];
    let server = Server::start_in(dir, &filter);
    let kubeconfig = server.read("kubeconfig");
    let begin = kubeconfig.find("    client-certificate-data").unwrap();
    let end = kubeconfig.find("contexts:").unwrap();
    let with =
        |token: &str| format!("{}    token: {token}\n{}", &kubeconfig[..begin], &kubeconfig[end..]);
    assert!(get(&client(&with("s3cr3t")).await, "/api/v1/nodes").await.is_ok());
    assert_eq!(get(&client(&with("wr0ng")).await, "/api/v1/nodes").await, Err(401));
    let log = server.read("log");
    assert!(!log.contains("s3cr3t") && !log.contains("wr0ng"), "a token is in the log");
}

#[test]
fn whoever_loses_the_keys_of_a_cluster_is_told_what_that_means() {
    let server = Server::start(&[]);
    server.signal(Signal::TERM);
    let (_, dir) = server.ended();
    std::fs::remove_dir_all(dir.path().join("data/pki")).unwrap();
    let server = Server::start_in(dir, &[]);
    let log = server.read("log");
    for said in ["all kubeconfigs and certificates of clients", "all tokens of service accounts"] {
        assert!(log.lines().any(|line| line.contains("WARN") && line.contains(said)), "{log}");
    }
}
