//! Certificates that are made, kept, made again and refused; and connections with them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};
use tempfile::TempDir;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::*;

const YEAR: u64 = 365 * 24 * 60 * 60;

fn at(seconds: u64) -> WallTime {
    WallTime::from_unix_seconds(1_764_150_000 + i64::try_from(seconds).unwrap()).unwrap()
}

fn names(more: &[&str]) -> Names {
    Names::new(more.iter().copied()).unwrap()
}

fn open(dir: &TempDir, now: WallTime) -> Pki {
    Pki::open(dir.path(), &names(&[]), now).unwrap()
}

fn read(dir: &TempDir, name: &str) -> String {
    fs::read_to_string(dir.path().join(name)).unwrap()
}

fn chain(credentials: &Credentials) -> Vec<CertificateDer<'static>> {
    vec![CertificateDer::from_pem_slice(credentials.certificate.as_bytes()).unwrap()]
}

/// A client that trusts `authority`, with `credentials`.
fn client(authority: &str, credentials: Option<&Credentials>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match credentials {
        None => config.with_no_client_auth(),
        Some(credentials) => {
            let key = PrivateKeyDer::from_pem_slice(credentials.key.expose().as_bytes()).unwrap();
            config.with_client_auth_cert(chain(credentials), key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// Shakes hands in memory.
fn connect(client: ClientConfig, name: &str, pki: &Pki) -> Result<ServerConnection, rustls::Error> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name)?;
    let mut server = ServerConnection::new(Arc::clone(&pki.server))?;
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        wire.clear();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    Ok(server)
}

#[test]
fn the_first_start_makes_everything_and_later_ones_keep_it() {
    let dir = tempfile::tempdir().unwrap();
    open(&dir, at(0));
    let files = ["ca.crt", "ca.key", "server.crt", "server.key"];
    let first = files.map(|name| read(&dir, name));
    for name in files {
        let mode = fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    open(&dir, at(YEAR / 2));
    assert_eq!(files.map(|name| read(&dir, name)), first);
}

#[test]
fn the_server_is_certified_anew_when_it_gets_old_or_gets_another_name() {
    let dir = tempfile::tempdir().unwrap();
    open(&dir, at(0));
    let (authority, first) = (read(&dir, "ca.crt"), read(&dir, "server.crt"));
    Pki::open(dir.path(), &names(&["lab.example"]), at(1)).unwrap();
    let renamed = read(&dir, "server.crt");
    assert_ne!(renamed, first);
    Pki::open(dir.path(), &names(&["LAB.example", "localhost"]), at(2)).unwrap();
    assert_eq!(read(&dir, "server.crt"), renamed, "the same names in other words");
    Pki::open(dir.path(), &names(&["lab.example"]), at(YEAR + 2)).unwrap();
    assert_ne!(read(&dir, "server.crt"), renamed, "half of its time is over");
    assert_eq!(read(&dir, "ca.crt"), authority);
}

#[test]
fn what_a_wrong_clock_has_made_is_not_used_before_its_time() {
    const DAY: u64 = 24 * 60 * 60;
    let dir = tempfile::tempdir().unwrap();
    open(&dir, at(0));
    for name in ["server.crt", "server.key"] {
        fs::remove_file(dir.path().join(name)).unwrap();
    }
    open(&dir, at(30 * DAY));
    let future = read(&dir, "server.crt");
    open(&dir, at(30 * DAY - 299));
    assert_eq!(read(&dir, "server.crt"), future, "clocks differ a little");
    open(&dir, at(DAY));
    assert_ne!(read(&dir, "server.crt"), future);

    let dir = tempfile::tempdir().unwrap();
    open(&dir, at(30 * DAY));
    let error = Pki::open(dir.path(), &names(&[]), at(DAY)).unwrap_err().to_string();
    let shown = dir.path().display();
    assert_eq!(
        error,
        format!(
            "{shown}/ca.crt is valid from {} on and the clock says {}: set the clock, or, if the \
             certificate was made by a wrong one, remove it, keep the key beside it, and hand out \
             new kubeconfigs",
            at(30 * DAY - 300),
            at(DAY)
        )
    );
}

#[test]
fn clients_reach_the_server_by_each_of_its_names() {
    let dir = tempfile::tempdir().unwrap();
    let now = WallTime::from_unix_seconds(
        i64::try_from(ferry_runtime::Clock::system().wall().as_secs()).unwrap(),
    )
    .unwrap();
    let names = names(&["192.0.2.7", "fd00::7", "lab.example"]);
    let pki = Pki::open(dir.path(), &names, now).unwrap();
    for name in [
        "127.0.0.1",
        "::1",
        "localhost",
        "kubernetes.default",
        "192.0.2.7",
        "fd00::7",
        "lab.example",
    ] {
        let server = connect(client(pki.authority.pem(), None), name, &pki).unwrap();
        assert_eq!(server.alpn_protocol(), Some(&b"h2"[..]));
        assert!(server.peer_certificates().is_none());
    }
    let refused = connect(client(pki.authority.pem(), None), "elsewhere.example", &pki);
    assert!(refused.is_err());
}

#[test]
fn a_client_is_believed_if_the_authority_signed_its_certificate_and_it_is_valid() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let now = at(0);
    let (pki, stranger) = (open(&dir, now), open(&other, now));
    let hour = Duration::from_secs(3600);
    let groups = ["system:nodes".to_owned(), "ümläut".to_owned(), "g".repeat(300)];
    let ours = pki.authority.issue_client("system:node:a", &groups, hour, now).unwrap();
    let theirs = stranger.authority.issue_client("admin", &[], hour, now).unwrap();
    for (credentials, seconds, valid) in
        [(&ours, 0, true), (&ours, 3599, true), (&ours, 3601, false), (&theirs, 0, false)]
    {
        assert_eq!(pki.clients.are_valid(&chain(credentials), at(seconds)), valid, "{seconds}");
    }
    assert!(!pki.clients.are_valid(&[], now));
    // A certificate of a server is none of a client.
    let server = CertificateDer::from_pem_slice(read(&dir, "server.crt").as_bytes()).unwrap();
    assert!(!pki.clients.are_valid(&[server], now));
    let der = chain(&ours);
    let (_, parsed) = X509Certificate::from_der(&der[0]).unwrap();
    let of = |values: Vec<&str>| values.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let subject = parsed.subject();
    let user = subject.iter_common_name().map(|each| each.as_str().unwrap()).collect();
    assert_eq!(of(user), ["system:node:a"]);
    let found = subject.iter_organization().map(|each| each.as_str().unwrap()).collect();
    assert_eq!(of(found), groups);
}

#[test]
fn a_certificate_of_somebody_else_is_let_through_the_handshake_and_then_not_believed() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let seconds = i64::try_from(ferry_runtime::Clock::system().wall().as_secs()).unwrap();
    let now = WallTime::from_unix_seconds(seconds).unwrap();
    let (pki, stranger) = (open(&dir, now), open(&other, now));
    let hour = Duration::from_secs(3600);
    let theirs = stranger.authority.issue_client("admin", &[], hour, now).unwrap();
    let server = connect(client(pki.authority.pem(), Some(&theirs)), "localhost", &pki).unwrap();
    let shown = server.peer_certificates().unwrap();
    assert_eq!(shown, chain(&theirs));
    assert!(!pki.clients.are_valid(shown, now));
}

#[test]
fn names_that_no_certificate_can_have_are_refused() {
    for name in ["", "a b", "-", "lab.example:6443", "*.example"] {
        let error = Names::new([name]).unwrap_err().to_string();
        assert_eq!(error, format!("\"{name}\" is neither an IP address nor a DNS name"));
    }
    let dir = tempfile::tempdir().unwrap();
    let pki = open(&dir, at(0));
    for (user, group) in [("", "g"), ("u", ""), (&*"u".repeat(1025), "g")] {
        let refused = pki.authority.issue_client(user, &[group.to_owned()], YEAR_LONG, at(0));
        assert!(matches!(refused, Err(PkiError::Subject { .. })));
    }
}

const YEAR_LONG: Duration = Duration::from_secs(YEAR);

#[test]
fn a_start_that_was_killed_between_two_files_is_made_good() {
    let dir = tempfile::tempdir().unwrap();
    let key = {
        open(&dir, at(0));
        read(&dir, "ca.key")
    };
    for gone in [&["ca.crt", "server.crt", "server.key"][..], &["server.crt"], &["server.key"]] {
        for name in gone {
            fs::remove_file(dir.path().join(name)).unwrap();
        }
        let pki = open(&dir, at(0));
        assert_eq!(read(&dir, "ca.key"), key, "{gone:?}");
        assert_eq!(read(&dir, "ca.crt"), pki.authority.pem(), "{gone:?}");
    }
    // The certificate of one start, the key of the next.
    let other = tempfile::tempdir().unwrap();
    open(&other, at(0));
    fs::write(dir.path().join("server.key"), read(&other, "server.key")).unwrap();
    open(&dir, at(0));
    assert_ne!(read(&dir, "server.key"), read(&other, "server.key"));
}

#[test]
fn what_is_wrong_with_the_authority_is_said_with_the_file_and_a_way_out() {
    let other = tempfile::tempdir().unwrap();
    open(&other, at(0));
    let foreign = read(&other, "ca.key");
    for (change, seconds, said) in [
        (Change::Remove("ca.key"), 0, "ca.key is not: put the key back"),
        (Change::Write("ca.crt", "nonsense"), 0, "ca.crt is no certificate in PEM"),
        (Change::Write("ca.key", "nonsense"), 0, "ca.key is no private key in PEM"),
        (Change::Write("ca.key", &foreign), 0, "restore both from the same copy"),
        (Change::Write("unrelated", ""), 10 * YEAR + 1, "ca.crt has expired at 2035-"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        open(&dir, at(0));
        match change {
            Change::Remove(name) => fs::remove_file(dir.path().join(name)).unwrap(),
            Change::Write(name, text) => fs::write(dir.path().join(name), text).unwrap(),
        }
        let error = Pki::open(dir.path(), &names(&[]), at(seconds)).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        assert!(error.contains(&dir.path().display().to_string()), "{error}");
    }
}

enum Change<'a> {
    Remove(&'a str),
    Write(&'a str, &'a str),
}
