//! The way to a node's daemon: its address is in its Node, and the kubeconfig's certificate opens
//! its door.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use ferry_rpc::NodeClient;
use k8s_openapi::api::core::v1::Node;
use kube::Api;

use super::connection::Cluster;

/// The type of the address that daemons listen on.
const INTERNAL: &str = "InternalIP";

/// Connects to the daemon of a node.
pub(crate) async fn of_node(cluster: &Cluster, name: &str) -> Result<NodeClient> {
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let node = nodes.get_opt(name).await.map_err(|error| cluster.told(error))?;
    let node = node.with_context(|| format!("the cluster has no node {name}"))?;
    let address = address(&node).with_context(|| format!("node {name} cannot be asked"))?;
    let tls = Arc::new(cluster.tls()?);
    Ok(NodeClient::connect(address, name, tls).await?)
}

/// Where its daemon answers.
fn address(node: &Node) -> Result<SocketAddr> {
    let status = node.status.as_ref().context("it has no status")?;
    let addresses = status.addresses.as_deref().unwrap_or_default();
    let Some(internal) = addresses.iter().find(|one| one.type_ == INTERNAL) else {
        bail!("it has no address of type {INTERNAL}");
    };
    let ip: IpAddr = internal
        .address
        .parse()
        .with_context(|| format!("its {INTERNAL} {:?} is no address", internal.address))?;
    let endpoint = status.daemon_endpoints.as_ref();
    let endpoint = endpoint.and_then(|endpoints| endpoints.kubelet_endpoint.as_ref());
    let port = endpoint.map(|endpoint| endpoint.port).unwrap_or_default();
    match u16::try_from(port) {
        Ok(port) if port > 0 => Ok(SocketAddr::new(ip, port)),
        Ok(_) | Err(_) => bail!("it does not say on which port its daemon listens"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_daemon_is_where_its_node_says() {
        let internal = json!([{"type": "Hostname", "address": "n"}, {"type": "InternalIP", "address": "127.0.1.1"}]);
        let port = json!({"kubeletEndpoint": {"Port": 4711}});
        for (addresses, endpoints, expected) in [
            (&internal, &port, Ok("127.0.1.1:4711")),
            (&json!([]), &port, Err("it has no address of type InternalIP")),
            (
                &json!([{"type": "InternalIP", "address": "here"}]),
                &port,
                Err("its InternalIP \"here\" is no address"),
            ),
            (&internal, &json!({}), Err("it does not say on which port its daemon listens")),
            (
                &internal,
                &json!({"kubeletEndpoint": {"Port": 70000}}),
                Err("it does not say on which port its daemon listens"),
            ),
        ] {
            let node = json!({
                "metadata": {"name": "n"},
                "status": {"addresses": addresses, "daemonEndpoints": endpoints},
            });
            let found = address(&serde_json::from_value(node).unwrap());
            let found = found.map(|address| address.to_string()).map_err(|error| error.to_string());
            assert_eq!(found.as_deref().map_err(String::as_str), expected);
        }
    }
}
