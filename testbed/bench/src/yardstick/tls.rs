//! TLS 1.3 through rustls's unbuffered interface, with buffers as large as the engine's.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use ferry_units::Bytes;
use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, UnbufferedStatus};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::Carrier;

/// What is read of the socket at once.
const CIPHERTEXT: usize = 512 << 10;

/// What is encrypted at once.
const PLAINTEXT: usize = 256 << 10;

/// Room for what encryption adds: at most 22 bytes to each record of 16 KiB, and something.
const OVERHEAD: usize = 4 << 10;

pub(super) struct Tls {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl Tls {
    pub(super) fn new() -> Result<Self> {
        let dir = tempfile::tempdir().context("a directory for certificates")?;
        ferry_harness::certificates(dir.path())?;
        let certificate = |name: &str| {
            CertificateDer::from_pem_file(dir.path().join(name)).context("reading a certificate")
        };
        let mut roots = RootCertStore::empty();
        roots.add(certificate("ca-cert.pem")?)?;
        let provider = || Arc::new(rustls::crypto::ring::default_provider());
        let versions = &[&rustls::version::TLS13];
        let client = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let server = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate("server-cert.pem")?], key(dir.path())?)?;
        Ok(Self { client: Arc::new(client), server: Arc::new(server) })
    }
}

fn key(dir: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(dir.join("server-key.pem")).context("reading a key")
}

impl Carrier for Tls {
    fn send(&self, socket: TcpStream, bytes: Bytes) -> Result<()> {
        let name = ServerName::try_from("localhost").context("a name")?;
        let engine = UnbufferedClientConnection::new(Arc::clone(&self.client), name)?;
        let mut stream = Stream::new(engine, socket);
        let plain = vec![0xA5; PLAINTEXT];
        let mut left = bytes.get();
        while left > 0 {
            let count = usize::try_from(left).map_or(PLAINTEXT, |left| left.min(PLAINTEXT));
            stream.write(&plain[..count])?;
            left -= count as u64;
        }
        stream.read(1)
    }

    fn receive(&self, socket: TcpStream, bytes: Bytes) -> Result<()> {
        let engine = UnbufferedServerConnection::new(Arc::clone(&self.server))?;
        let mut stream = Stream::new(engine, socket);
        stream.read(bytes.get())?;
        stream.write(&[1])
    }
}

/// Either side of a session.
trait Engine {
    type Data;

    fn process<'c, 'i>(&'c mut self, input: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;
}

impl Engine for UnbufferedClientConnection {
    type Data = rustls::client::ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, input: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(input)
    }
}

impl Engine for UnbufferedServerConnection {
    type Data = rustls::server::ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, input: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(input)
    }
}

struct Stream<E> {
    engine: E,
    socket: TcpStream,
    input: Vec<u8>,
    /// What of `input` is not used yet.
    from: usize,
    to: usize,
    output: Vec<u8>,
    /// What of `output` is not sent yet.
    ready: usize,
}

/// What a stream can do next.
enum Next {
    Again,
    /// Nothing before it has heard more.
    Listen,
    /// Something of ours was encrypted.
    Encrypted,
}

impl<E: Engine> Stream<E> {
    fn new(engine: E, socket: TcpStream) -> Self {
        let output = vec![0; PLAINTEXT + OVERHEAD];
        Self { engine, socket, input: vec![0; CIPHERTEXT], from: 0, to: 0, output, ready: 0 }
    }

    /// Encrypts and sends this, after the handshake if that is not over.
    fn write(&mut self, plain: &[u8]) -> Result<()> {
        loop {
            match self.step(Some(plain), &mut 0)? {
                Next::Again => {}
                Next::Listen => self.listen()?,
                Next::Encrypted => return self.flush(),
            }
        }
    }

    /// Receives and decrypts so much.
    fn read(&mut self, mut left: u64) -> Result<()> {
        while left > 0 {
            match self.step(None, &mut left)? {
                Next::Again => {}
                Next::Listen => self.listen()?,
                Next::Encrypted => bail!("nothing was to be encrypted"),
            }
        }
        Ok(())
    }

    fn step(&mut self, plain: Option<&[u8]>, left: &mut u64) -> Result<Next> {
        let UnbufferedStatus { mut discard, state, .. } =
            self.engine.process(&mut self.input[self.from..self.to]);
        let mut is_to_be_sent = false;
        let next = match state? {
            ConnectionState::ReadTraffic(mut traffic) => {
                while let Some(record) = traffic.next_record() {
                    let record = record?;
                    discard += record.discard;
                    *left = left.saturating_sub(record.payload.len() as u64);
                }
                Next::Again
            }
            ConnectionState::EncodeTlsData(mut data) => {
                match data.encode(&mut self.output[self.ready..]) {
                    Ok(count) => self.ready += count,
                    Err(EncodeError::InsufficientSize(size)) => {
                        self.output.resize(self.ready + size.required_size, 0);
                    }
                    Err(error @ EncodeError::AlreadyEncoded) => return Err(error.into()),
                }
                Next::Again
            }
            ConnectionState::TransmitTlsData(data) => {
                data.done();
                is_to_be_sent = true;
                Next::Again
            }
            ConnectionState::WriteTraffic(mut traffic) => match plain {
                Some(plain) => {
                    let count = traffic.encrypt(plain, &mut self.output[self.ready..])?;
                    self.ready += count;
                    Next::Encrypted
                }
                None => Next::Listen,
            },
            ConnectionState::BlockedHandshake => Next::Listen,
            other => bail!("an unexpected end of a session: {other:?}"),
        };
        self.from += discard;
        if is_to_be_sent {
            self.flush()?;
        }
        Ok(next)
    }

    fn flush(&mut self) -> Result<()> {
        self.socket.write_all(&self.output[..self.ready])?;
        self.ready = 0;
        Ok(())
    }

    fn listen(&mut self) -> Result<()> {
        self.input.copy_within(self.from..self.to, 0);
        self.to -= self.from;
        self.from = 0;
        let count = self.socket.read(&mut self.input[self.to..])?;
        ensure!(count > 0, "the stream ended too early");
        self.to += count;
        Ok(())
    }
}
