//! A client from a kubeconfig, and what may be wrong with one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use thiserror::Error;

/// How long it may take to reach the server. One that is there answers in milliseconds; whoever waits
/// wants to try again soon.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// There is no client for a kubeconfig.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The file cannot be read, or makes no sense.
    #[error("the kubeconfig {}", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<KubeconfigError>,
    },
    /// Its certificates or keys are of no use.
    #[error("the credentials in the kubeconfig {}", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        source: Box<kube::Error>,
    },
}

/// A client for the current context of the kubeconfig at `path`. Nothing is sent yet.
///
/// # Errors
/// [`ConnectError`], which names the file and what is wrong with it.
pub async fn connect(path: &Path) -> Result<Client, ConnectError> {
    let wrong =
        |source| ConnectError::Kubeconfig { path: path.to_owned(), source: Box::new(source) };
    let kubeconfig = Kubeconfig::read_from(path).map_err(wrong)?;
    let options = KubeConfigOptions::default();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(wrong)?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    Client::try_from(config).map_err(|source| ConnectError::Credentials {
        path: path.to_owned(),
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fs;

    use super::*;

    /// The error and its causes, as programs print them.
    fn told(error: &ConnectError) -> String {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        text
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_kubeconfig_is_said_with_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kubeconfig");
        for (text, expected) in [
            (None, "No such file"),
            (Some("clusters: 1"), "YAML"),
            (Some("kind: Config\n"), "current context"),
            (
                Some(
                    "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n\
                     clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n\
                     users: [{name: u, user: {client-certificate-data: bm9uZQ==, client-key-data: bm9uZQ==}}]\n",
                ),
                "the credentials",
            ),
        ] {
            if let Some(text) = text {
                fs::write(&path, text).unwrap();
            }
            let said = told(&connect(&path).await.map(|_| ()).unwrap_err());
            assert!(said.contains(expected), "{said}");
            assert!(said.contains(path.to_str().unwrap()), "{said}");
        }
    }
}
