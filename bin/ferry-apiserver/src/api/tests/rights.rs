//! What the rights of a user come to where a request may mean two things.

use serde_json::{Value, json};

use super::cluster::{CONFIG_MAPS, Cluster, config_map};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/red/leases";

/// Lets bob do that with config maps and leases.
async fn grant(cluster: &Cluster, verbs: Value) {
    let role = json!({
        "metadata": { "name": "some" },
        "rules": [{
            "verbs": verbs,
            "apiGroups": ["", "coordination.k8s.io"],
            "resources": ["configmaps", "leases"],
        }],
    });
    let binding = json!({
        "metadata": { "name": "some" },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "some",
        },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "bob" }],
    });
    assert_eq!(cluster.post(&format!("{RBAC}/clusterroles"), &role).await.code, 201);
    assert_eq!(cluster.post(&format!("{RBAC}/clusterrolebindings"), &binding).await.code, 201);
}

/// An apply and a PUT of what is not there.
async fn makings(cluster: &Cluster, query: &str) -> [super::cluster::Reply; 2] {
    let mut map = config_map("m");
    map["metadata"]["namespace"] = json!("red");
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "name": "l", "namespace": "red" },
        "spec": { "holderIdentity": "bob" },
    });
    let url = format!("{CONFIG_MAPS}/m?fieldManager=bob{query}");
    [
        cluster.patch(&url, "apply-patch+yaml", &map).await,
        cluster.put(&format!("{LEASES}/l?x{query}"), &lease).await,
    ]
}

#[tokio::test]
async fn parity_a_change_that_would_create_needs_the_right_to_create() {
    let cluster = Cluster::new().await;
    grant(&cluster, json!(["get", "patch", "update"])).await;
    let cluster = cluster.user("bob");
    for query in ["", "&dryRun=All"] {
        let [applied, put] = makings(&cluster, query).await;
        assert_eq!(
            applied.refusal().2,
            "configmaps \"m\" is forbidden: User \"bob\" cannot create resource \"configmaps\" in \
             API group \"\" in the namespace \"red\""
        );
        assert_eq!(applied.json()["details"], json!({ "name": "m", "kind": "configmaps" }));
        assert_eq!((applied.code, put.code), (403, 403), "{}", put.text);
    }
    for url in [format!("{CONFIG_MAPS}/m"), format!("{LEASES}/l")] {
        assert_eq!(cluster.get(&url).await.code, 404);
    }
}

#[tokio::test]
async fn whoever_may_create_and_change_creates_by_changing() {
    let cluster = Cluster::new().await;
    grant(&cluster, json!(["create", "patch", "update"])).await;
    for answer in makings(&cluster.user("bob"), "").await {
        assert_eq!(answer.code, 201, "{}", answer.text);
    }
}

#[tokio::test]
async fn a_path_is_the_same_however_it_is_written() {
    let cluster = Cluster::new().await;
    grant(&cluster, json!(["get"])).await;
    let url = format!("{RBAC}/clusterroles/some");
    let rule = json!({ "verbs": ["get"], "nonResourceURLs": ["/metrics"] });
    let change = json!({ "rules": [rule] });
    assert_eq!(cluster.patch(&url, "merge-patch+json", &change).await.code, 200);
    let cluster = cluster.user("bob");
    for (path, code) in [("/metrics", 200), ("/%6detrics", 200), ("/%6detric", 403), ("/", 403)] {
        assert_eq!(cluster.get(path).await.code, code, "{path}");
    }
    let (_, _, said) = cluster.get("/%6detric").await.refusal();
    assert_eq!(said, "forbidden: User \"bob\" cannot get path \"/metric\"");
}
