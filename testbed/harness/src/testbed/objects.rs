//! What a cluster has before anybody uses it: the platform's namespace and its configuration, and a
//! NetworkAttachmentDefinition for each network.

use anyhow::{Context, Result};
use ferry_api::hco::HYPERCONVERGED_NAME;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::Plan;
use super::topology::{Network, POD_NETWORK};

/// Where the platform is installed, and where networks are looked for.
pub(crate) const PLATFORM: &str = "openshift-cnv";

/// Who owns the fields that are written here.
const MANAGER: &str = "ferry-testbed";

/// Makes what is missing. What is there stays as it is.
pub(crate) async fn create(client: &Client, plan: &Plan) -> Result<()> {
    for object in all(plan) {
        let object: DynamicObject =
            serde_json::from_value(applied(object)).context("an object of every testbed")?;
        create_one(client, &object).await?;
    }
    Ok(())
}

async fn create_one(client: &Client, object: &DynamicObject) -> Result<()> {
    let types = object.types.as_ref().context("an object has a kind")?;
    let resource = resource(&types.api_version, &types.kind);
    let api: Api<DynamicObject> = match &object.metadata.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let make = async {
        if api.get_opt(name).await?.is_none() {
            // Whoever creates an object owns its defaults as well, and everybody who applies other
            // values would be in conflict with that.
            api.patch(name, &PatchParams::apply(MANAGER), &Patch::Apply(object)).await?;
        }
        Ok::<_, kube::Error>(())
    };
    make.await.with_context(|| format!("making the {} {name}", types.kind))
}

/// The object as `kubectl apply` makes one, which is how its administrator would have: whoever applies
/// a manifest of theirs over it is not warned.
fn applied(mut object: Value) -> Value {
    const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
    object["metadata"]["annotations"] = json!({});
    let written = format!("{object}\n");
    object["metadata"]["annotations"][LAST_APPLIED] = written.into();
    object
}

fn resource(api_version: &str, kind: &str) -> ApiResource {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let plural = match kind {
        "NetworkAttachmentDefinition" => "network-attachment-definitions".to_owned(),
        kind => kind.to_ascii_lowercase() + "s",
    };
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        plural,
    }
}

/// Namespaces come before what is in them.
fn all(plan: &Plan) -> Vec<Value> {
    let networks = || plan.topology.networks.iter().filter(|network| network.name != POD_NETWORK);
    let mut namespaces = vec![PLATFORM];
    for network in networks() {
        if !namespaces.contains(&network.namespace.as_str()) {
            namespaces.push(&network.namespace);
        }
    }
    let mut objects: Vec<_> = namespaces
        .into_iter()
        .map(
            |name| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }),
        )
        .collect();
    objects.push(json!({
        "apiVersion": "hco.kubevirt.io/v1beta1",
        "kind": "HyperConverged",
        "metadata": { "name": HYPERCONVERGED_NAME, "namespace": PLATFORM },
        "spec": {},
    }));
    objects.extend(networks().map(definition));
    objects
}

fn definition(network: &Network) -> Value {
    // As it would stand on a real cluster. Ferry reads the name only: addresses are the testbed's.
    let config = json!({
        "cniVersion": "0.3.1",
        "name": network.name,
        "type": "macvlan",
        "mode": "bridge",
        "ipam": { "type": "whereabouts", "range": "10.200.5.0/24" },
    });
    json!({
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": { "name": network.name, "namespace": network.namespace },
        "spec": { "config": config.to_string() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_applied_is_written_beside_it() {
        let object = json!({ "kind": "Namespace", "metadata": { "name": "shop" } });
        let made = applied(object.clone());
        let annotations = made["metadata"]["annotations"].as_object().unwrap();
        let (key, written) = annotations.iter().next().unwrap();
        assert_eq!(
            (annotations.len(), key.as_str()),
            (1, "kubectl.kubernetes.io/last-applied-configuration")
        );
        let mut written: Value = serde_json::from_str(written.as_str().unwrap()).unwrap();
        assert_eq!(written["metadata"]["annotations"].take(), json!({}));
        assert_eq!(written["metadata"]["name"], "shop");
    }
}
