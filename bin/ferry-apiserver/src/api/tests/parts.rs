//! Parts of objects, reviews, and what virtctl asks for.

use http::Method;
use serde_json::{Value, json};

use super::cluster::{CONFIG_MAPS, Cluster, MACHINES, machine};

const ACCOUNTS: &str = "/api/v1/namespaces/red/serviceaccounts";
const VIRTCTL: &str = "/apis/subresources.kubevirt.io/v1/namespaces/red/virtualmachines";

#[tokio::test]
async fn a_status_is_written_through_its_own_path_and_by_itself() {
    let cluster = Cluster::new().await;
    let created = cluster.post(MACHINES, &machine("db")).await.json();
    let url = format!("{MACHINES}/db/status");
    let mut wanted = created.clone();
    wanted["status"] = json!({ "printableStatus": "Stopped" });
    wanted["spec"]["runStrategy"] = json!("Always");
    let updated = cluster.put(&url, &wanted).await;
    assert_eq!(updated.code, 200, "{}", updated.text);
    let updated = updated.json();
    assert_eq!(updated["status"]["printableStatus"], "Stopped");
    assert_eq!(updated["spec"]["runStrategy"], "Halted");
    let read = cluster.get(&url).await.json();
    assert_eq!(read, updated);
    let patch = json!({ "status": { "printableStatus": "Starting" } });
    let patched = cluster.patch(&url, "merge-patch+json", &patch).await.json();
    assert_eq!(patched["status"]["printableStatus"], "Starting");
    assert_eq!(cluster.delete(&url).await.code, 405);
    assert_eq!(cluster.get("/api/v1/namespaces/red/finalize").await.code, 405);
}

#[tokio::test]
async fn an_account_gets_a_token() {
    let cluster = Cluster::new().await;
    let account = json!({ "metadata": { "name": "bot" } });
    assert_eq!(cluster.post(ACCOUNTS, &account).await.code, 201);
    let url = format!("{ACCOUNTS}/bot/token");
    let request = json!({ "spec": { "audiences": ["a"], "expirationSeconds": 700 } });
    let issued = cluster.post(&url, &request).await;
    assert_eq!(issued.code, 201, "{}", issued.text);
    let issued = issued.json();
    assert_eq!(issued["kind"], "TokenRequest");
    assert!(issued["status"]["token"].as_str().unwrap().contains("[\"a\"] 700s"));
    assert_eq!(issued["status"]["expirationTimestamp"], "2026-11-23T08:15:00Z");
    let default = cluster.post(&url, &json!({})).await.json();
    assert_eq!(default["spec"]["expirationSeconds"], 3600);
    let decade = json!({ "spec": { "expirationSeconds": 10_i64 * 365 * 24 * 60 * 60 } });
    assert_eq!(cluster.post(&url, &decade).await.code, 201);
    for (seconds, problem) in [
        (5, "may not specify a duration less than 10 minutes"),
        ((1_i64 << 32) + 1, "may not specify a duration larger than 2^32 seconds"),
    ] {
        let request = json!({ "spec": { "expirationSeconds": seconds } });
        let refused = cluster.post(&url, &request).await;
        let (code, reason, message) = refused.refusal();
        assert_eq!((code, reason.as_str()), (422, "Invalid"));
        let expected = format!(
            "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid \
             value: {seconds}: {problem}"
        );
        assert_eq!(message, expected);
        let cause = &refused.json()["details"]["causes"][0];
        assert_eq!(cause["field"], "spec.expirationSeconds");
    }
    for (url, request, code) in [
        (&url, json!({ "spec": { "expirationSeconds": "5" } }), 400),
        (&url, json!({ "spec": 7 }), 400),
        (&url, json!({ "spec": { "boundObjectRef": 7 } }), 400),
        (&format!("{ACCOUNTS}/none/token"), json!({}), 404),
    ] {
        assert_eq!(cluster.post(url, &request).await.refusal().0, code, "{request}");
    }
}

#[tokio::test]
async fn parity_a_token_is_bound_to_a_pod_or_a_secret_that_is_there() {
    let cluster = Cluster::new().await;
    let account = json!({ "metadata": { "name": "bot" } });
    assert_eq!(cluster.post(ACCOUNTS, &account).await.code, 201);
    let pods = "/api/v1/namespaces/red/pods";
    let pod = |name: &str, account: &str| {
        json!({
            "metadata": { "name": name },
            "spec": {
                "serviceAccountName": account,
                "containers": [{ "name": "c", "image": "i" }],
            },
        })
    };
    let mine = cluster.post(pods, &pod("mine", "bot")).await.json();
    cluster.post(pods, &pod("other", "default")).await;
    let secret = json!({ "metadata": { "name": "s" } });
    cluster.post("/api/v1/namespaces/red/secrets", &secret).await;
    let uid = mine["metadata"]["uid"].as_str().unwrap();
    for (reference, code) in [
        (json!({ "kind": "Pod", "apiVersion": "v1", "name": "mine" }), 201),
        (json!({ "kind": "Pod", "name": "mine", "uid": uid }), 201),
        (json!({ "kind": "Secret", "apiVersion": "v1", "name": "s" }), 201),
        (json!({ "kind": "Pod", "apiVersion": "v1", "name": "mine", "uid": "another" }), 409),
        (json!({ "kind": "Pod", "apiVersion": "v1", "name": "other" }), 400),
        (json!({ "kind": "Pod", "apiVersion": "v1", "name": "none" }), 404),
        (json!({ "kind": "ConfigMap", "apiVersion": "v1", "name": "s" }), 400),
    ] {
        let request = json!({ "spec": { "boundObjectRef": reference } });
        let answer = cluster.post(&format!("{ACCOUNTS}/bot/token"), &request).await;
        assert_eq!(answer.code, code, "{reference}: {}", answer.text);
    }
}

#[tokio::test]
async fn evictions_may_say_little() {
    let cluster = Cluster::new().await;
    let pods = "/api/v1/namespaces/red/pods";
    let pod = json!({
        "metadata": { "name": "p" },
        "spec": { "containers": [{ "name": "c", "image": "i" }] },
    });
    assert_eq!(cluster.post(pods, &pod).await.code, 201);
    let url = format!("{pods}/p/eviction");
    // As kube-rs says it.
    let body = json!({ "delete_options": null, "metadata": { "name": "p" } });
    let dry = cluster.post(&format!("{url}?dryRun=All"), &body).await;
    assert_eq!(dry.code, 201, "{}", dry.text);
    assert_eq!(cluster.get(&format!("{pods}/p")).await.code, 200);
    let other = json!({ "metadata": { "name": "q" } });
    assert_eq!(cluster.post(&url, &other).await.refusal().0, 400);
    let evicted = cluster.post(&url, &body).await;
    assert_eq!((evicted.code, &evicted.json()["status"]), (201, &json!("Success")));
    assert_eq!(cluster.get(&format!("{pods}/p")).await.code, 404);
    assert_eq!(cluster.post(&url, &body).await.refusal().0, 404);
}

#[tokio::test]
async fn virtctl_starts_a_machine_without_a_content_type() {
    let cluster = Cluster::new().await;
    cluster.post(MACHINES, &machine("db")).await;
    let started = cluster.put(&format!("{VIRTCTL}/db/start"), &json!({})).await;
    assert_eq!((started.code, started.text.as_str()), (202, ""));
    let url = format!("{VIRTCTL}/db/start");
    assert_eq!(cluster.get(&url).await.refusal().0, 405);
    assert_eq!(cluster.put(&format!("{VIRTCTL}/db/dance"), &json!({})).await.refusal().0, 404);
    assert_eq!(cluster.put(&format!("{VIRTCTL}/none/start"), &json!({})).await.refusal().0, 404);
    let empty = cluster.ask(Method::PUT, &format!("{VIRTCTL}/db/stop"), &[], "").await;
    assert!(matches!(empty.code, 200..=299 | 409), "{}", empty.text);
    let version = cluster.get("/apis/subresources.kubevirt.io/v1/version").await.json();
    assert!(version["gitVersion"].as_str().unwrap().starts_with("v1."));
}

#[tokio::test]
async fn whether_one_may_is_answered_as_a_request_would_be() {
    let cluster = Cluster::new().await;
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let role = json!({
        "metadata": { "name": "looks" },
        "rules": [{
            "verbs": ["get"], "apiGroups": ["kubevirt.io"], "resources": ["virtualmachines"],
        }],
    });
    let binding = json!({
        "metadata": { "name": "looks" },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "looks",
        },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "bob" }],
    });
    assert_eq!(cluster.post(&format!("{rbac}/clusterroles"), &role).await.code, 201);
    assert_eq!(cluster.post(&format!("{rbac}/clusterrolebindings"), &binding).await.code, 201);
    let access = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    for (group, version, allowed) in [
        ("kubevirt.io", "v1", true),
        ("migrations.kubevirt.io", "v1alpha1", true),
        ("migrations.kubevirt.io", "", true),
        ("migrations.kubevirt.io", "v1", false),
        ("hco.kubevirt.io", "", false),
    ] {
        let wanted = json!({
            "verb": "get", "group": group, "version": version, "resource": "virtualmachines",
            "namespace": "red", "name": "db",
        });
        let review = json!({ "spec": { "user": "bob", "resourceAttributes": wanted } });
        let answer = cluster.post(access, &review).await.json();
        assert_eq!(answer["status"]["allowed"], allowed, "{group}/{version}: {answer}");
    }
}

#[tokio::test]
async fn parity_a_pod_is_bound_by_the_name_in_its_path_or_in_the_body() {
    let cluster = Cluster::new().await;
    let pods = "/api/v1/namespaces/red/pods";
    let bindings = "/api/v1/namespaces/red/bindings";
    let spec = json!({ "containers": [{ "name": "c", "image": "i" }] });
    for name in ["a", "b"] {
        let pod = json!({ "metadata": { "name": name }, "spec": spec });
        assert_eq!(cluster.post(pods, &pod).await.code, 201);
    }
    let binding = |name: &str| json!({ "metadata": { "name": name }, "target": { "kind": "Node", "name": "n" } });
    for (url, name, code, said) in [
        (bindings.to_owned(), "a", 201, "Success"),
        (bindings.to_owned(), "a", 409, "is already assigned to node"),
        (bindings.to_owned(), "c", 404, "not found"),
        (bindings.to_owned(), "", 400, "Name parameter required."),
        (format!("{pods}/b/binding"), "a", 400, "name in URL does not match name in Binding"),
        (format!("{pods}/b/binding"), "b", 201, "Success"),
    ] {
        let answer = cluster.post(&url, &binding(name)).await;
        assert_eq!(answer.code, code, "{url} {name}");
        assert!(answer.text.contains(said), "{url} {name}: {}", answer.text);
    }
    assert_eq!(cluster.get(bindings).await.code, 405);
}

#[tokio::test]
async fn what_virtctl_asks_for_is_read_whatever_it_is_said_to_be() {
    let cluster = Cluster::new().await;
    assert_eq!(cluster.post(MACHINES, &machine("db")).await.code, 201);
    let url = "/apis/subresources.kubevirt.io/v1/namespaces/red/virtualmachines/db/migrate";
    for (form, body, code, said) in [
        ("application/x-www-form-urlencoded", "{}", 404, "not found"),
        ("application/x-www-form-urlencoded", "dryRun: [All]", 404, "not found"),
        ("application/json", "{}", 404, "not found"),
        ("text/plain", "", 404, "not found"),
        (
            "text/plain",
            "a: [",
            400,
            "Can not unmarshal Request body to struct, error: error decoding",
        ),
        ("application/json", "dryRun: [All]", 404, "not found"),
        ("application/json", "{", 400, "Can not unmarshal Request body to struct, error: "),
        ("application/json", r#"{"dryRun":1}"#, 400, "Can not unmarshal Request body to struct"),
        ("application/json", r#"{"dryRun":["Foo"]}"#, 500, "Unsupported value: \"Foo\""),
    ] {
        let answer = cluster.ask(Method::PUT, url, &[("content-type", form)], body).await;
        let (found, _, message) = answer.refusal();
        assert!(found == code && message.contains(said), "{form} {body}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_rehearsal_that_is_misspelt_does_nothing() {
    let cluster = Cluster::new().await;
    cluster.post(MACHINES, &machine("db")).await;
    let before = cluster.get(&format!("{MACHINES}/db")).await.json();
    for verb in ["start", "stop", "restart"] {
        let url = format!("{VIRTCTL}/db/{verb}");
        assert_eq!(cluster.put(&url, &json!({ "dryRun": ["all"] })).await.refusal().0, 500);
    }
    assert_eq!(cluster.get(&format!("{MACHINES}/db")).await.json(), before);
}

#[tokio::test]
async fn questions_are_answered() {
    let cluster = Cluster::new().await;
    let authorization = "/apis/authorization.k8s.io/v1";
    let may = |spec: Value| json!({ "spec": spec });
    let pods = json!({ "verb": "get", "resource": "pods", "namespace": "red" });
    let access = format!("{authorization}/selfsubjectaccessreviews");
    let answer = cluster.post(&access, &may(json!({ "resourceAttributes": pods }))).await;
    assert_eq!((answer.code, &answer.json()["status"]["allowed"]), (201, &json!(true)));

    let another = may(json!({ "user": "bob", "resourceAttributes": pods }));
    let url = format!("{authorization}/subjectaccessreviews");
    assert_eq!(cluster.post(&url, &another).await.json()["status"]["allowed"], false);
    let url = format!("{authorization}/namespaces/blue/localsubjectaccessreviews");
    assert_eq!(
        cluster.post(&url, &another).await.refusal().2,
        "spec.resourceAttributes.namespace must match namespace: blue"
    );
    let path = json!({ "verb": "get", "path": "/" });
    let by_path = may(json!({ "user": "bob", "nonResourceAttributes": path }));
    assert_eq!(
        cluster.post(&url, &by_path).await.refusal().2,
        "LocalSubjectAccessReview.authorization.k8s.io \"\" is invalid: \
         spec.nonResourceAttributes: Invalid value: {\"path\":\"/\",\"verb\":\"get\"}: disallowed on \
         this kind of request"
    );
    let (code, reason, message) = cluster.post(&access, &may(json!({}))).await.refusal();
    assert_eq!((code, reason.as_str()), (422, "Invalid"));
    assert_eq!(
        message,
        "SelfSubjectAccessReview.authorization.k8s.io \"\" is invalid: spec.resourceAttributes: \
         Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be \
         specified"
    );
    let nobody = may(json!({ "resourceAttributes": pods }));
    let url = format!("{authorization}/subjectaccessreviews");
    let nobody = cluster.post(&url, &nobody).await;
    assert_eq!(nobody.json()["details"]["causes"][0]["field"], "spec.user");
    assert_eq!(cluster.post(&access, &may(json!(1))).await.refusal().0, 400);
    let other = json!({ "kind": "Pod", "apiVersion": "v1" });
    assert_eq!(cluster.post(&access, &other).await.refusal().0, 400);
    assert_eq!(cluster.get(&access).await.refusal().0, 405);

    let url = format!("{authorization}/selfsubjectrulesreviews");
    let rules = cluster.post(&url, &may(json!({ "namespace": "red" }))).await.json();
    assert_eq!(rules["status"]["incomplete"], false);
    assert_eq!(rules["status"]["resourceRules"][0]["verbs"], json!(["*"]));
    assert_eq!(cluster.post(&url, &json!({})).await.refusal().0, 400);

    let authentication = "/apis/authentication.k8s.io/v1";
    let me = cluster.post(&format!("{authentication}/selfsubjectreviews"), &json!({})).await;
    assert_eq!(me.json()["status"]["userInfo"]["username"], "admin");
    assert!(me.json()["metadata"]["creationTimestamp"].is_string());
    let url = format!("{authentication}/tokenreviews");
    let good = cluster.post(&url, &may(json!({ "token": "good" }))).await.json();
    assert_eq!(good["status"]["user"]["username"], "bot");
    assert_eq!(good["spec"]["token"], "");
    let bad = cluster.post(&url, &may(json!({ "token": "bad" }))).await.json();
    assert_eq!(bad["status"].get("authenticated"), None);
    assert!(cluster.get(CONFIG_MAPS).await.code == 200);
}
