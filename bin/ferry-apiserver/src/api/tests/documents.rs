//! Discovery, OpenAPI, health, the version.

use http::Method;
use serde_json::json;

use super::cluster::Cluster;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

#[tokio::test]
async fn discovery_comes_in_both_forms_and_is_not_sent_twice() {
    let cluster = Cluster::new().await;
    let accept = format!("{AGGREGATED},application/json");
    let all = cluster.ask(Method::GET, "/apis", &[("accept", accept.as_str())], "").await;
    assert_eq!(all.headers["content-type"], AGGREGATED);
    assert_eq!(all.headers["vary"], "Accept");
    assert_eq!(all.json()["kind"], "APIGroupDiscoveryList");
    let etag = all.headers["etag"].to_str().unwrap().to_owned();
    let headers = [("accept", accept.as_str()), ("if-none-match", etag.as_str())];
    let again = cluster.ask(Method::GET, "/apis", &headers, "").await;
    assert_eq!((again.code, again.text.as_str()), (304, ""));

    for (url, kind) in [
        ("/api", "APIVersions"),
        ("/apis", "APIGroupList"),
        ("/apis/kubevirt.io", "APIGroup"),
        ("/api/v1", "APIResourceList"),
        ("/apis/kubevirt.io/v1", "APIResourceList"),
        ("/apis/subresources.kubevirt.io", "APIGroup"),
        ("/apis/subresources.kubevirt.io/v1", "APIResourceList"),
        ("/apis/authorization.k8s.io/v1", "APIResourceList"),
    ] {
        let document = cluster.get(url).await;
        assert_eq!((document.code, &document.json()["kind"]), (200, &json!(kind)), "{url}");
    }
    for url in ["/apis/apps", "/apis/apps/v1", "/api/v2", "/apis/kubevirt.io/v7", "/logs"] {
        let absent = cluster.get(url).await;
        assert_eq!((absent.code, absent.text.as_str()), (404, "404 page not found\n"), "{url}");
    }
    assert_eq!(cluster.post("/apis", &json!({})).await.refusal().0, 405);
}

#[tokio::test]
async fn what_objects_look_like_is_for_ever_at_its_hash() {
    let cluster = Cluster::new().await;
    let index = cluster.get("/openapi/v3").await.json();
    let url = index["paths"]["apis/kubevirt.io/v1"]["serverRelativeURL"].as_str().unwrap();
    let document = cluster.get(url).await;
    assert_eq!(document.code, 200);
    assert!(document.json()["components"]["schemas"].is_object());
    assert_eq!(document.headers["cache-control"], "public, immutable");
    assert!(document.headers.contains_key("expires"));
    let etag = document.headers["etag"].to_str().unwrap();
    let again = cluster.ask(Method::GET, url, &[("if-none-match", etag)], "").await;
    assert_eq!(again.code, 304);
    let (path, _) = url.split_once('?').unwrap();
    let moved = cluster.get(&format!("{path}?hash=WRONG")).await;
    assert_eq!((moved.code, moved.headers["location"].to_str().unwrap()), (301, url));
    assert_eq!(cluster.get(path).await.code, 200);
    assert_eq!(cluster.get("/openapi/v3/apis/apps/v1").await.code, 404);
}

#[tokio::test]
async fn old_clients_get_an_empty_description_of_the_api() {
    let cluster = Cluster::new().await;
    let accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    let empty = cluster.ask(Method::GET, "/openapi/v2", &[("accept", accept)], "").await;
    assert_eq!((empty.code, empty.text.as_str()), (200, ""));
    assert!(empty.headers["content-type"].to_str().unwrap().contains("protobuf"));
    let json = cluster.get("/openapi/v2").await;
    assert_eq!(json.json()["swagger"], "2.0");
    assert_eq!(cluster.get("/swagger-2.0.0.pb-v1").await.code, 404);
}

#[tokio::test]
async fn the_server_says_what_it_is_and_how_it_is() {
    let cluster = Cluster::new().await;
    for url in ["/version", "/version/", "/version?timeout=32s"] {
        let version = cluster.get(url).await.json();
        let fields = version.as_object().unwrap();
        assert_eq!(fields.len(), 9);
        assert!(fields.values().all(serde_json::Value::is_string));
    }
    for url in ["/healthz", "/livez", "/readyz", "/readyz/ping"] {
        let health = cluster.get(url).await;
        assert_eq!((health.code, health.text.as_str()), (200, "ok"), "{url}");
    }
    assert_eq!(cluster.get("/metrics").await.text, "ferry_calm 1\n");
    let root = cluster.get("/").await.json();
    assert!(root["paths"].as_array().unwrap().contains(&json!("/apis/kubevirt.io/v1")));
    assert_eq!(cluster.ask(Method::HEAD, "/", &[], "").await.code, 200);
}
