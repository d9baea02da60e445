//! Whoever may not, cannot be answered, or asks for too much.

use http::Method;
use serde_json::json;

use super::cluster::{CONFIG_MAPS, Cluster, config_map};

#[tokio::test]
async fn whoever_may_not_is_told_what_he_may_not() {
    let cluster = Cluster::new().await.user("bob");
    for (method, url, message, kind) in [
        (
            Method::GET,
            "/apis/kubevirt.io/v1/namespaces/red/virtualmachines/db",
            "virtualmachines.kubevirt.io \"db\" is forbidden: User \"bob\" cannot get resource \
             \"virtualmachines\" in API group \"kubevirt.io\" in the namespace \"red\"",
            "virtualmachines",
        ),
        (
            Method::GET,
            "/api/v1/nodes",
            "nodes is forbidden: User \"bob\" cannot list resource \"nodes\" in API group \"\" at \
             the cluster scope",
            "nodes",
        ),
        (
            Method::POST,
            "/api/v1/namespaces/red/pods/p/eviction",
            "pods \"p\" is forbidden: User \"bob\" cannot create resource \"pods/eviction\" in API \
             group \"\" in the namespace \"red\"",
            "pods",
        ),
        // Nobody learns what there is who may not look.
        (
            Method::GET,
            "/apis/apps/v1/deployments",
            "deployments.apps is forbidden: User \"bob\" cannot list resource \"deployments\" in \
             API group \"apps\" at the cluster scope",
            "deployments",
        ),
        // The one taken for another is authorized as that.
        (
            Method::GET,
            "/apis/migrations.kubevirt.io/v1alpha1/namespaces/red/virtualmachines/db",
            "virtualmachines.migrations.kubevirt.io \"db\" is forbidden: User \"bob\" cannot get \
             resource \"virtualmachines\" in API group \"kubevirt.io\" in the namespace \"red\"",
            "virtualmachines",
        ),
    ] {
        let answer = cluster.ask(method, url, &[], "").await;
        let (code, reason, said) = answer.refusal();
        assert_eq!((code, reason.as_str(), said.as_str()), (403, "Forbidden", message));
        assert_eq!(answer.json()["details"]["kind"], kind);
    }
    let (code, _, said) = cluster.get("/metrics").await.refusal();
    assert_eq!(code, 403);
    assert_eq!(said, "forbidden: User \"bob\" cannot get path \"/metrics\"");
    for open in ["/healthz", "/readyz", "/livez", "/version"] {
        assert_eq!(cluster.get(open).await.code, 200);
    }
}

#[tokio::test]
async fn parity_a_body_that_nobody_understands_is_shown() {
    let cluster = Cluster::new().await;
    for (body, shown) in [
        ("", "<empty>"),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {}",
            "61706956657273696f6e3a2076310a6b696e643a20506f640a6d65746164 ...",
        ),
        ("{\"short\": ", "{\"short\": "),
    ] {
        let json = [("content-type", "application/json")];
        let answer = cluster.ask(Method::POST, CONFIG_MAPS, &json, body).await;
        let (code, _, said) = answer.refusal();
        let start = "the object provided is unrecognized (must be of type ConfigMap): couldn't get \
                     version/kind; json parse error: ";
        let end = format!(" ({shown})");
        assert!(code == 400 && said.starts_with(start) && said.ends_with(&end), "{said}");
    }
}

#[tokio::test]
async fn every_failure_is_a_status() {
    let cluster = Cluster::new().await;
    let map = config_map("m").to_string();
    let long = "x".repeat(4 << 20);
    let json = "application/json";
    for (method, url, header, body, code, reason) in [
        (Method::GET, "/api/v1/endpoints", ("accept", json), "", 404, "NotFound"),
        (Method::GET, "/api/v1/namespaces/red/nodes", ("accept", json), "", 404, "NotFound"),
        (Method::OPTIONS, CONFIG_MAPS, ("accept", json), "", 405, "MethodNotAllowed"),
        (Method::PUT, CONFIG_MAPS, ("accept", json), "{}", 405, "MethodNotAllowed"),
        (Method::POST, "/api/v1/configmaps", ("accept", json), "{}", 405, "MethodNotAllowed"),
        (Method::DELETE, "/api/v1/configmaps", ("accept", json), "", 405, "MethodNotAllowed"),
        (Method::GET, CONFIG_MAPS, ("accept", "text/html"), "", 406, "NotAcceptable"),
        (
            Method::POST,
            CONFIG_MAPS,
            ("content-type", "text/html"),
            &map,
            415,
            "UnsupportedMediaType",
        ),
        (Method::PATCH, CONFIG_MAPS, ("accept", json), "{}", 405, "MethodNotAllowed"),
        (Method::POST, CONFIG_MAPS, ("accept", json), &long, 413, "RequestEntityTooLarge"),
        (Method::POST, CONFIG_MAPS, ("accept", json), "{", 400, "BadRequest"),
        (Method::POST, CONFIG_MAPS, ("accept", json), "[]", 400, "BadRequest"),
        (
            Method::POST,
            CONFIG_MAPS,
            ("content-type", "application/vnd.kubernetes.protobuf"),
            "{}",
            400,
            "BadRequest",
        ),
        (
            Method::POST,
            CONFIG_MAPS,
            ("content-type", "application/yaml"),
            "a: [",
            400,
            "BadRequest",
        ),
    ] {
        let answer = cluster.ask(method.clone(), url, &[header], body.to_owned()).await;
        let (found, why, _) = answer.refusal();
        assert_eq!((found, why.as_str()), (code, reason), "{method} {url} {header:?}");
        assert_eq!(answer.headers["content-type"], "application/json");
    }
    let url = format!("{CONFIG_MAPS}?watch=true&sendInitialEvents=true");
    let (code, reason, _) = cluster.get(&url).await.refusal();
    assert_eq!((code, reason.as_str()), (422, "Invalid"));
    for (query, said) in [
        ("timeoutSeconds=abc&watch=1", "strconv.ParseInt: parsing \"abc\": invalid syntax"),
        ("limit=abc", "strconv.ParseInt: parsing \"abc\": invalid syntax"),
        ("labelSelector=%zz", "invalid URL escape \"%zz\""),
    ] {
        let refusal = cluster.get(&format!("{CONFIG_MAPS}?{query}")).await.refusal();
        assert_eq!(refusal, (400, "BadRequest".to_owned(), said.to_owned()), "{query}");
    }
    let (code, _, said) = cluster.get("/api/v1/namespaces/r%ed").await.refusal();
    assert_eq!((code, said.as_str()), (400, "the URL is no UTF-8 text"));
    let url = format!("{CONFIG_MAPS}?continue=x");
    assert_eq!(cluster.get(&url).await.refusal().0, 400);
    let yaml = [("accept", "application/yaml")];
    let refused = cluster.ask(Method::GET, "/api/v1/nodes/none", &yaml, "").await;
    assert!(refused.text.contains("kind: Status"), "{}", refused.text);
    assert_eq!(cluster.post(CONFIG_MAPS, &json!({ "kind": "Pod" })).await.refusal().0, 400);
}

#[tokio::test]
async fn nobody_deletes_all_namespaces_at_once() {
    let cluster = Cluster::new().await;
    let headers: [(&str, &str); 0] = [];
    let reply = cluster.ask(Method::DELETE, "/api/v1/namespaces", &headers, String::new()).await;
    assert_eq!(reply.refusal().0, 405);
}

#[tokio::test]
async fn nesting_has_an_end_in_every_form() {
    let cluster = Cluster::new().await;
    let deep = 200_000;
    let json = format!("{{\"data\":{}{}}}", "[".repeat(deep), "]".repeat(deep));
    let one = format!("{CONFIG_MAPS}/m");
    for (method, url, form) in [
        (Method::POST, CONFIG_MAPS, "json"),
        (Method::POST, CONFIG_MAPS, "yaml"),
        (Method::PUT, &one, "json"),
        (Method::DELETE, &one, "json"),
        (Method::PATCH, &one, "json-patch+json"),
        (Method::PATCH, &one, "merge-patch+json"),
        (Method::PATCH, &one, "strategic-merge-patch+json"),
        (Method::PATCH, &one, "apply-patch+yaml"),
    ] {
        let form = format!("application/{form}");
        let url = format!("{url}?fieldManager=me");
        let headers = [("content-type", form.as_str())];
        let answer = cluster.ask(method.clone(), &url, &headers, json.clone()).await;
        assert_eq!(answer.refusal().0, 400, "{method} {form}");
    }
}

#[tokio::test]
async fn parity_a_field_that_nothing_is_selected_by_is_named() {
    let cluster = Cluster::new().await;
    let known = "is not a known field selector: only \"metadata.name\", \"metadata.namespace\"";
    for (collection, told) in [
        (CONFIG_MAPS, format!("\"spec.x\" {known}")),
        ("/api/v1/pods", "field label not supported: spec.x".to_owned()),
        ("/apis/kubevirt.io/v1/virtualmachines", "field label not supported: spec.x".to_owned()),
    ] {
        let refused = cluster.get(&format!("{collection}?fieldSelector=spec.x%3D1")).await;
        let (code, reason, message) = refused.refusal();
        assert_eq!((code, reason.as_str(), message), (400, "BadRequest", told), "{collection}");
    }
}

#[tokio::test]
async fn a_review_is_not_as_long_as_an_object_may_be() {
    let cluster = Cluster::new().await;
    let wanted = json!({ "verb": "get", "resource": "pods" });
    let access = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let rules = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    for url in [access, rules, "/apis/authentication.k8s.io/v1/selfsubjectreviews"] {
        let mut review = json!({ "metadata": { "annotations": { "a": "" } } });
        review["spec"] = json!({ "resourceAttributes": wanted, "namespace": "red" });
        let rest = 64 * 1024 - review.to_string().len();
        review["metadata"]["annotations"]["a"] = "x".repeat(rest).into();
        assert_eq!(cluster.post(url, &review).await.code, 201, "{url}");
        review["metadata"]["annotations"]["a"] = "x".repeat(rest + 1).into();
        let (code, reason, _) = cluster.post(url, &review).await.refusal();
        assert_eq!((code, reason.as_str()), (413, "RequestEntityTooLarge"), "{url}");
    }
}
