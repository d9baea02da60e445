//! The way to a cluster: its API server, as somebody, in a namespace.

use anyhow::{Context, Result, bail};
use ferry_api::NameRule;
use http::Request;
use kube::client::ConfigExt;
use kube::config::KubeConfigOptions;
use kube::{Api, Client, Config};
use serde::de::DeserializeOwned;

use super::ClusterArguments;
use super::kubeconfig;
use super::problem::{ApiError, innermost};

/// A cluster that can be asked.
pub(crate) struct Cluster {
    pub(crate) client: Client,
    /// The namespace that was given, or that of the kubeconfig.
    pub(crate) namespace: String,
    config: Config,
    origin: String,
}

impl Cluster {
    /// The one that the command line and its surroundings name. It is not asked anything yet.
    pub(crate) async fn connect(arguments: &ClusterArguments) -> Result<Self> {
        let found = kubeconfig::find(arguments.kubeconfig.as_deref())?;
        let options = KubeConfigOptions::default();
        let mut config = Config::from_custom_kubeconfig(found.kubeconfig, &options)
            .await
            .with_context(|| format!("cannot use the kubeconfig {}", found.origin))?;
        // A refusal with 429 is an answer of admission, and drain shows it.
        config.default_retry = false;
        let client = Client::try_from(config.clone())
            .with_context(|| format!("cannot use the kubeconfig {}", found.origin))?;
        let namespace =
            arguments.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        // It becomes part of paths, and a wrong one would be taken for a server that is not there.
        if let Err(error) = NameRule::DnsLabel.check(&namespace) {
            bail!("{namespace:?} is no name of a namespace: {error}");
        }
        Ok(Self { client, namespace, config, origin: found.origin })
    }

    /// What node daemons are shown: the certificate that the API server is shown.
    pub(crate) fn tls(&self) -> Result<rustls::ClientConfig> {
        self.config
            .rustls_client_config()
            .with_context(|| format!("cannot use the certificates of {}", self.origin))
    }

    /// The objects of a kind in the namespace.
    pub(crate) fn objects<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Asks for something and reads the answer.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        request: Request<Vec<u8>>,
    ) -> Result<T, ApiError> {
        self.client.request(request).await.map_err(|error| self.told(error))
    }

    /// An error of the client in words of this program.
    pub(crate) fn told(&self, error: kube::Error) -> ApiError {
        let server = self.config.cluster_url.to_string();
        let server = server.trim_end_matches('/').to_owned();
        match error {
            kube::Error::Api(status) => ApiError::Refused(status),
            kube::Error::SerdeError(error) => ApiError::Garbled { server, why: error.to_string() },
            other => {
                let kubeconfig = self.origin.clone();
                ApiError::Unreachable { server, kubeconfig, why: innermost(&other) }
            }
        }
    }
}
