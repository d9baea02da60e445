//! Where the tour is given: the cluster that is there, or a testbed for the time being.

use anyhow::{Context, Result};
use ferry_harness::Testbed;

use super::tour::NAMESPACE;
use crate::cluster::ClusterArguments;
use crate::cluster::connection::Cluster;
use crate::output::Printer;

/// How many nodes a testbed of the tour has.
const NODES: usize = 3;

/// A cluster, and what has to be let go of when it is no longer needed.
pub(super) struct Place {
    pub(super) cluster: Cluster,
    _testbed: Option<Testbed>,
}

/// The cluster that was named, if one was; else the one that is there; else one of our own.
pub(super) async fn find(arguments: &ClusterArguments, out: &mut Printer) -> Result<Place> {
    let own = ClusterArguments { namespace: Some(NAMESPACE.to_owned()), ..arguments.clone() };
    match reached(&own).await {
        Ok(cluster) => Ok(Place { cluster, _testbed: None }),
        Err(error) if arguments.kubeconfig.is_some() => Err(error),
        Err(_) => {
            out.note("There is no cluster here; starting a testbed for the tour.");
            let testbed = Testbed::builder().nodes(NODES).start().await;
            let testbed = testbed.context("cannot start a testbed for the tour")?;
            let own = ClusterArguments { kubeconfig: Some(testbed.kubeconfig()), ..own };
            let cluster = Cluster::connect(&own).await?;
            Ok(Place { cluster, _testbed: Some(testbed) })
        }
    }
}

/// A cluster that answers.
async fn reached(arguments: &ClusterArguments) -> Result<Cluster> {
    let cluster = Cluster::connect(arguments).await?;
    let version = cluster.client.apiserver_version().await;
    version.map_err(|error| cluster.told(error))?;
    Ok(cluster)
}
