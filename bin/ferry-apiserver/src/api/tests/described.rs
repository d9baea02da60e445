//! As what requests are counted.

use ferry_registry::Run;
use http::Method;

use super::cluster::{CONFIG_MAPS, Cluster, MACHINES};
use crate::metrics::Endpoint;

#[tokio::test]
async fn parity_requests_are_counted_by_verb_resource_subresource_and_scope() {
    let cluster = Cluster::new().await;
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let virtctl = "/apis/subresources.kubevirt.io/v1/namespaces/red/virtualmachines/db/start";
    let one = format!("{CONFIG_MAPS}/m");
    let status = format!("{MACHINES}/db/status");
    for (method, url, words) in [
        (Method::GET, CONFIG_MAPS, "LIST /v1 configmaps  namespace"),
        (Method::GET, "/api/v1/configmaps", "LIST /v1 configmaps  cluster"),
        (Method::GET, "/api/v1/configmaps?watch=1", "WATCH /v1 configmaps  cluster"),
        (Method::GET, &one, "GET /v1 configmaps  resource"),
        (Method::HEAD, &one, "GET /v1 configmaps  resource"),
        (Method::POST, CONFIG_MAPS, "POST /v1 configmaps  resource"),
        (Method::PUT, &one, "PUT /v1 configmaps  resource"),
        (Method::DELETE, &one, "DELETE /v1 configmaps  resource"),
        (Method::DELETE, CONFIG_MAPS, "DELETECOLLECTION /v1 configmaps  namespace"),
        (Method::GET, "/api/v1/nodes", "LIST /v1 nodes  cluster"),
        (Method::GET, "/api/v1/namespaces/red", "GET /v1 namespaces  resource"),
        (Method::PUT, &status, "PUT kubevirt.io/v1 virtualmachines status resource"),
        (Method::POST, "/api/v1/namespaces/red/pods/p/eviction", "POST /v1 pods eviction resource"),
        (Method::POST, reviews, "POST authorization.k8s.io/v1 selfsubjectaccessreviews  resource"),
        (Method::PUT, virtctl, "PUT subresources.kubevirt.io/v1 virtualmachines  resource"),
        (Method::GET, "/version", "GET /   "),
        (Method::GET, "/apis/nobody.has/v1/named", "LIST /   "),
    ] {
        let answer = cluster.send(method, url, &[], "").await;
        let it = answer.extensions().get::<Endpoint>().unwrap();
        let Endpoint { verb, group, version, resource, subresource, scope, .. } = it;
        let found = format!("{verb} {group}/{version} {resource} {subresource} {scope}");
        assert_eq!(found, words, "{url}");
    }
}

#[tokio::test]
async fn parity_an_apply_is_no_other_patch_and_a_dry_run_is_told() {
    let cluster = Cluster::new().await;
    let one = format!("{CONFIG_MAPS}/m?dryRun=All");
    for (form, verb) in [("apply-patch+yaml", "APPLY"), ("merge-patch+json", "PATCH")] {
        let content_type = format!("application/{form}");
        let headers = [("content-type", content_type.as_str())];
        let answer = cluster.send(Method::PATCH, &one, &headers, "{}").await;
        let described = answer.extensions().get::<Endpoint>().unwrap();
        assert_eq!((described.verb, described.run), (verb, Run::Dry));
    }
}
