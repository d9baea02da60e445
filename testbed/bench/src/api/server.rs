//! The API server that is measured, with a namespace for what is written.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use ferry_harness::{ApiServer, Program, wait_until};
use ferry_units::Bytes as Size;

use super::client::{Connection, Endpoint, Verb, read_kubeconfig};
use super::load::block_on;
use super::objects::NAMESPACE;

/// How long one looks whether a server has nothing to do any more.
const LOOK: Duration = Duration::from_millis(200);

/// What a server at rest may use of a processor meanwhile.
const AT_REST: Duration = Duration::from_millis(20);

/// How often one looks; then it is measured as it is.
const LOOKS: u32 = 20;

pub(super) struct Server {
    process: ApiServer,
    endpoint: Endpoint,
    /// From the start of the process to its first word that it is ready.
    pub(super) start_up: Duration,
}

impl Server {
    /// One with an empty directory.
    ///
    /// # Errors
    /// When it does not come up.
    pub(super) fn start() -> Result<Self> {
        // Found, and built where that is necessary, before the clock starts.
        Program::ferry_apiserver()?;
        let start = Instant::now();
        let process = ApiServer::start()?;
        let endpoint = ready(&process)?;
        let start_up = start.elapsed();
        block_on(async {
            let mut connection = Connection::open(&endpoint).await?;
            let namespaces = "/api/v1/namespaces".parse().context("a path")?;
            connection
                .send(Verb::Create, &namespaces, Bytes::from_static(NAMESPACE.as_bytes()))
                .await
        })?;
        Ok(Self { process, endpoint, start_up })
    }

    /// Kills it and starts it again on the same data.
    ///
    /// # Errors
    /// When it does not come up again.
    pub(super) fn crash(&mut self) -> Result<()> {
        self.process.kill()?;
        self.start_again()
    }

    /// Has it end, and starts it again on the same data.
    ///
    /// # Errors
    /// When it does not end or come up again.
    pub(super) fn restart(&mut self) -> Result<()> {
        self.process.stop()?;
        self.start_again()
    }

    fn start_again(&mut self) -> Result<()> {
        let start = Instant::now();
        self.process.start_again()?;
        self.endpoint = ready(&self.process)?;
        self.start_up = start.elapsed();
        Ok(())
    }

    pub(super) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What it has used of the processors.
    ///
    /// # Errors
    /// When it has ended.
    pub(super) fn cpu(&self) -> Result<Duration> {
        Ok(self.process.usage()?.cpu)
    }

    /// Its memory.
    ///
    /// # Errors
    /// When it has ended.
    pub(super) fn memory(&self) -> Result<Size> {
        Ok(self.process.usage()?.private)
    }

    /// Waits until it has nothing to do: what it tidies up behind a load is done.
    ///
    /// # Errors
    /// When it has ended.
    pub(super) fn wait_until_it_rests(&self) -> Result<()> {
        for _ in 0..LOOKS {
            let before = self.cpu()?;
            std::thread::sleep(LOOK);
            if self.cpu()?.saturating_sub(before) <= AT_REST {
                break;
            }
        }
        Ok(())
    }

    /// What its data takes of the disk.
    ///
    /// # Errors
    /// When that cannot be read.
    pub(super) fn data(&self) -> Result<Size> {
        super::disk::allocated(&self.process.data_dir())
    }
}

/// Waits until it says that it is ready.
fn ready(process: &ApiServer) -> Result<Endpoint> {
    let kubeconfig = fs::read_to_string(process.kubeconfig()).context("reading its kubeconfig")?;
    let endpoint = read_kubeconfig(&kubeconfig)?;
    wait_until("an API server that is ready", || {
        let asked = block_on(async {
            let mut connection = Connection::open(&endpoint).await?;
            connection.get("/readyz").await
        });
        Ok(asked.ok())
    })?;
    Ok(endpoint)
}
