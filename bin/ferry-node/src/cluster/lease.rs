//! The lease by which a node shows that it lives.

use std::time::Duration;

use ferry_client::{Calendar, Pause};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;
use tokio::time::{sleep, timeout};

/// Where nodes renew their leases.
// PARITY: pkg/apis/core/v1/types.go#NamespaceNodeLease
const NAMESPACE: &str = "kube-node-lease";

/// How long a lease is good, and how often it is renewed.
// PARITY: pkg/kubelet/apis/config/v1beta1/defaults.go#SetDefaults_KubeletConfiguration
const DURATION: Duration = Duration::from_secs(40);
const EVERY: Duration = Duration::from_secs(10);

/// How long the server may take to answer; the next attempt may reach another life of it.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The pauses after a failure. The node counts as silent after forty seconds, so there is time for
/// several attempts.
const AGAIN: Pause = Pause::new(Duration::from_millis(200), Duration::from_secs(5));

/// Renews the lease of `node` for as long as the task runs.
pub(crate) async fn renew(client: Client, node: String, manager: &'static str, calendar: Calendar) {
    let leases: Api<Lease> = Api::namespaced(client, NAMESPACE);
    let params = PatchParams::apply(manager).force();
    let mut pause = AGAIN;
    loop {
        // It is made if it is not there.
        let lease = Patch::Apply(json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "name": node, "namespace": NAMESPACE },
            "spec": {
                "holderIdentity": node,
                "leaseDurationSeconds": DURATION.as_secs(),
                "renewTime": calendar().to_micros(),
            },
        }));
        match timeout(ANSWER_LIMIT, leases.patch(&node, &params, &lease)).await {
            Ok(Ok(_)) => {
                pause.forget();
                sleep(EVERY).await;
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "the lease is not renewed");
                sleep(pause.longer()).await;
            }
            Err(_) => {
                tracing::debug!("the lease is not renewed: no answer within {ANSWER_LIMIT:?}");
            }
        }
    }
}
