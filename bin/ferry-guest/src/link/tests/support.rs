//! Two ends of connections of every kind, and identities for them.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use ferry_memory::{GuestMemory, Loading};
use ferry_runtime::identity::{Identity, Role, VerifyPeer};
use ferry_units::{Bytes, PageCount, PageIndex, PageRun};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, IsCa,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::crypto::{CipherSuiteCommon, CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ServerConfig, SupportedCipherSuite, Tls13CipherSuite};
use tempfile::TempDir;

use crate::link::socket::Socket;
use crate::link::{ClientSecurity, Connection, Endpoint, Listener, ServerSecurity};

/// Longer than any test takes, and shorter than whoever waits for one.
pub(super) const LONG: Duration = Duration::from_secs(60);

pub(super) const PAGE: usize = 4096;
pub(super) const SIZE: Bytes = Bytes::from_mib(4);

/// Who signs certificates, and a directory for an identity.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    /// A directory with this authority in it.
    pub(super) fn dir(&self) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ca-cert.pem"), self.issuer.pem()).unwrap();
        dir
    }

    /// A certificate for `who`, a file's beginning, with the serial number 7.
    pub(super) fn certify(&self, dir: &Path, who: &str, names: &[&str]) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.serial_number = Some(SerialNumber::from(7));
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(dir.join(format!("{who}-cert.pem")), certificate.pem()).unwrap();
        fs::write(dir.join(format!("{who}-key.pem")), key.serialize_pem()).unwrap();
    }

    /// Revokes the certificates with this serial number.
    pub(super) fn revoke(&self, dir: &Path, serial: u64) {
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: date_time_ymd(2024, 2, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2094, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer).unwrap();
        fs::write(dir.join("ca-crl.pem"), list.pem().unwrap()).unwrap();
    }
}

pub(super) fn client_config(dir: &TempDir, verify: VerifyPeer) -> Arc<ClientConfig> {
    let identity = Identity::load(dir.path(), Role::Client, verify).unwrap();
    identity.client().unwrap().clone()
}

pub(super) fn server_config(dir: &TempDir, verify: VerifyPeer) -> Arc<ServerConfig> {
    let identity = Identity::load(dir.path(), Role::Server, verify).unwrap();
    identity.server().unwrap().clone()
}

/// Identities of two ends that trust each other.
static IDENTITIES: LazyLock<(Arc<ClientConfig>, Arc<ServerConfig>)> = LazyLock::new(|| {
    let authority = Authority::new();
    let dir = authority.dir();
    authority.certify(dir.path(), "client", &[]);
    authority.certify(dir.path(), "server", &["node2", "127.0.0.1", "::1"]);
    (client_config(&dir, VerifyPeer::Yes), server_config(&dir, VerifyPeer::Yes))
});

/// TLS that changes its keys after eight records instead of 2²⁴.
static CHANGING: LazyLock<&'static CryptoProvider> = LazyLock::new(|| {
    let suite = ring::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13().unwrap();
    let common = CipherSuiteCommon { confidentiality_limit: 8, ..suite.common };
    let suite = Box::leak(Box::new(Tls13CipherSuite { common, ..*suite }));
    let cipher_suites = vec![SupportedCipherSuite::Tls13(suite)];
    Box::leak(Box::new(CryptoProvider { cipher_suites, ..ring::default_provider() }))
});

pub(super) fn tls() -> (ClientSecurity, ServerSecurity) {
    let (client, server) = IDENTITIES.clone();
    (ClientSecurity::tls(client, "node2").unwrap(), ServerSecurity::Tls(server))
}

/// As [`tls`], with keys that change all the time, and nobody verified but the server.
fn changing_tls() -> (ClientSecurity, ServerSecurity) {
    let authority = Authority::new();
    let dir = authority.dir();
    authority.certify(dir.path(), "server", &["node2"]);
    let text = |name| fs::read(dir.path().join(name)).unwrap();
    let algorithms = Arc::new((**CHANGING).clone());
    let version = &[&rustls::version::TLS13];
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.issuer.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(algorithms.clone())
        .with_protocol_versions(version)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = ServerConfig::builder_with_provider(algorithms)
        .with_protocol_versions(version)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![PemObject::from_pem_slice(&text("server-cert.pem")).unwrap()],
            PemObject::from_pem_slice(&text("server-key.pem")).unwrap(),
        )
        .unwrap();
    let client = ClientSecurity::tls(Arc::new(client), "node2").unwrap();
    (client, ServerSecurity::Tls(Arc::new(server)))
}

/// A kind of connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    PlainTcp,
    PlainUnix,
    TlsTcp,
    TlsUnix,
    /// With keys that change all the time, and tickets that nobody asked for.
    TlsChanging,
}

pub(super) const KINDS: [Kind; 5] =
    [Kind::PlainTcp, Kind::PlainUnix, Kind::TlsTcp, Kind::TlsUnix, Kind::TlsChanging];

/// Two ends of a connection, of which none waits for ever: that of the client, that of the server.
pub(super) fn linked(kind: Kind) -> (Connection, Connection) {
    let (client, server) = match kind {
        Kind::PlainTcp | Kind::PlainUnix => (ClientSecurity::Plain, ServerSecurity::Plain),
        Kind::TlsTcp | Kind::TlsUnix => tls(),
        Kind::TlsChanging => changing_tls(),
    };
    let ends = match kind {
        Kind::PlainTcp | Kind::TlsTcp | Kind::TlsChanging => over_tcp(&client, &server),
        Kind::PlainUnix | Kind::TlsUnix => over_unix(&client, &server),
    };
    ends.0.set_read_limit(Some(LONG));
    ends.1.set_read_limit(Some(LONG));
    ends
}

fn over_tcp(client: &ClientSecurity, server: &ServerSecurity) -> (Connection, Connection) {
    let any = Endpoint::Tcp { host: "127.0.0.1".to_owned(), port: 0 };
    let listener = Listener::bind(&any).unwrap();
    let endpoint = Endpoint::of(&listener.address()).unwrap();
    thread::scope(|scope| {
        let accepted = scope.spawn(|| listener.accept().unwrap().establish(server).unwrap());
        let connected = Connection::connect(&endpoint, client).unwrap();
        (connected, accepted.join().unwrap())
    })
}

fn over_unix(client: &ClientSecurity, server: &ServerSecurity) -> (Connection, Connection) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    thread::scope(|scope| {
        let accepted =
            scope.spawn(|| Connection::serve(Socket::Unix(theirs), server, LONG).unwrap());
        let connected = Connection::ask(Socket::Unix(ours), client, LONG).unwrap();
        (connected, accepted.join().unwrap())
    })
}

/// Memory of which every word is different.
pub(super) static SOURCE: LazyLock<GuestMemory> = LazyLock::new(|| {
    let memory = GuestMemory::create("source", SIZE).unwrap();
    let words: Vec<u8> = (1..=SIZE.get() / 8).flat_map(u64::to_ne_bytes).collect();
    memory.enter().write(Bytes::ZERO, &words).unwrap();
    memory
});

pub(super) fn target() -> Loading {
    Loading::create("target", SIZE).unwrap()
}

pub(super) fn run(first: u64, count: u64) -> PageRun {
    PageRun::new(PageIndex(first), PageCount(count))
}

/// Whether `target` has the pages of `runs` as the source has them, and nothing else.
pub(super) fn assert_has(target: &Loading, runs: &[PageRun]) {
    let mut expected = target.ram().no_pages();
    for run in runs {
        expected.insert_run(*run);
    }
    let (mut theirs, mut ours) = ([0; PAGE], [0; PAGE]);
    for page in target.ram().whole().pages() {
        let at = Bytes::new(page.0 * PAGE as u64);
        target.ram().read(at, &mut theirs).unwrap();
        ours.fill(0);
        if expected.contains(page) {
            SOURCE.ram().read(at, &mut ours).unwrap();
        }
        assert!(ours == theirs, "{page} differs");
    }
}

/// Bytes without a pattern that records or pages could hide behind.
pub(super) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}
