//! etcd as a peer: a process of ours with data and ports of its own, ended when it is let go.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use ferry_harness::{Program, wait_until};
use tempfile::TempDir;

use super::certificates::Certificates;
use super::client::{Endpoint, Rpc};

pub(super) struct Etcd {
    child: Child,
    address: String,
    /// What it serves with, if it does so through TLS.
    certificates: Option<Certificates>,
    /// Its data and its log, on the disk where ferry's are too.
    _dir: TempDir,
}

/// How it is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// As its own benchmark does.
    Plain,
    /// As Kubernetes does: through TLS, with certificates on both sides.
    Tls,
}

/// Where one is, and how it is spoken to there.
#[derive(Clone)]
pub(super) enum Address {
    Plain(String),
    Tls(Endpoint),
}

impl Address {
    /// A connection to it.
    ///
    /// # Errors
    /// When there is none.
    pub(super) async fn connect(&self) -> Result<Rpc> {
        match self {
            Self::Tls(endpoint) => Rpc::open(endpoint).await,
            Self::Plain(address) => Rpc::open_plain(address).await,
        }
    }
}

impl Etcd {
    /// One member without peers, with the settings that it has by itself.
    ///
    /// # Errors
    /// When it does not come up.
    pub(super) fn start(program: &Program, transport: Transport) -> Result<Self> {
        let dir = tempfile::tempdir().context("a directory for etcd")?;
        let [address, peer] = free_addresses()?;
        let (certificates, scheme) = match transport {
            Transport::Plain => (None, "http"),
            Transport::Tls => (Some(Certificates::new()?), "https"),
        };
        let (client_url, peer_url) = (format!("{scheme}://{address}"), format!("http://{peer}"));
        let log = File::create(dir.path().join("log")).context("a log for etcd")?;
        let mut command = Command::new(program.path());
        if let Some(certificates) = &certificates {
            command
                .arg("--client-cert-auth")
                .arg("--trusted-ca-file")
                .arg(certificates.authority())
                .arg("--cert-file")
                .arg(certificates.server_certificate())
                .arg("--key-file")
                .arg(certificates.server_key());
        }
        let child = command
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            .args(["--name", "bench", "--initial-cluster", &format!("bench={peer_url}")])
            .args(["--listen-client-urls", &client_url, "--advertise-client-urls", &client_url])
            .args(["--listen-peer-urls", &peer_url, "--initial-advertise-peer-urls", &peer_url])
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("one log for both outputs")?)
            .stderr(log)
            .spawn()
            .context("starting etcd")?;
        let mut etcd = Self { child, address, certificates, _dir: dir };
        etcd.wait_until_it_listens()?;
        Ok(etcd)
    }

    /// Where it is.
    ///
    /// # Errors
    /// When its certificates cannot be read.
    pub(super) fn address(&self) -> Result<Address> {
        Ok(match &self.certificates {
            Some(certificates) => Address::Tls(certificates.endpoint(&self.address)?),
            None => Address::Plain(self.address.clone()),
        })
    }

    /// A connection to it. What is asked before it has elected itself is answered afterwards.
    ///
    /// # Errors
    /// When there is none.
    pub(super) async fn connect(&self) -> Result<Rpc> {
        self.address()?.connect().await
    }

    fn wait_until_it_listens(&mut self) -> Result<()> {
        let Self { child, address, .. } = self;
        wait_until("an etcd that listens", || {
            if let Some(status) = child.try_wait()? {
                bail!("etcd ended ({status})");
            }
            let listens = TcpStream::connect(&**address).is_ok();
            Ok(listens.then_some(()))
        })
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody to tell.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Two that nobody listens on at this moment.
fn free_addresses() -> Result<[String; 2]> {
    let listener = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("a free port");
    let (one, other) = (listener()?, listener()?);
    Ok([one.local_addr()?.to_string(), other.local_addr()?.to_string()])
}
