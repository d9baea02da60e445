//! Creating, replacing, patching and deleting.

use ferry_api::Misfiled;
use http::Method;
use serde_json::{Value, json};

use super::cluster::{CONFIG_MAPS, Cluster, MACHINES, config_map, machine};

#[tokio::test]
async fn an_object_is_created_replaced_and_deleted() {
    let cluster = Cluster::new().await;
    let created = cluster.post(CONFIG_MAPS, &config_map("m")).await;
    assert_eq!(created.code, 201, "{}", created.text);
    let mut map = created.json();
    let uid = map["metadata"]["uid"].clone();
    let url = format!("{CONFIG_MAPS}/m");

    map["data"]["key"] = json!("2");
    let updated = cluster.put(&url, &map).await;
    assert_eq!((updated.code, &updated.json()["data"]["key"]), (200, &json!("2")));
    let (code, reason, _) = cluster.put(&url, &map).await.refusal();
    assert_eq!((code, reason.as_str()), (409, "Conflict"));

    let deleted = cluster.delete(&url).await;
    assert_eq!(deleted.code, 200);
    assert_eq!(
        deleted.json(),
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": { "name": "m", "kind": "configmaps", "uid": uid },
        })
    );
    let (code, reason, message) = cluster.get(&url).await.refusal();
    assert_eq!(
        (code, reason.as_str(), message.as_str()),
        (404, "NotFound", "configmaps \"m\" not found")
    );
}

#[tokio::test]
async fn bodies_may_be_yaml_or_protobuf() {
    let cluster = Cluster::new().await;
    let yaml = "metadata:\n  name: from-yaml\ndata: {a: \"1\"}\n";
    let headers = [("content-type", "application/yaml")];
    let created = cluster.ask(Method::POST, CONFIG_MAPS, &headers, yaml).await;
    assert_eq!(created.code, 201, "{}", created.text);

    // `kubectl create namespace blue`, from 1.32 on.
    let protobuf = b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09Namespace\x12\x0a\x0a\x06\x0a\x04blue\x12\x00";
    let headers = [
        ("content-type", "application/vnd.kubernetes.protobuf"),
        ("accept", "application/vnd.kubernetes.protobuf,application/json"),
    ];
    let created = cluster.ask(Method::POST, "/api/v1/namespaces", &headers, &protobuf[..]).await;
    assert_eq!(created.code, 201, "{}", created.text);
    assert_eq!(created.headers["content-type"], "application/json");
    assert_eq!(created.json()["metadata"]["name"], "blue");
}

#[tokio::test]
async fn patches_come_in_four_forms() {
    let cluster = Cluster::new().await;
    cluster.post(CONFIG_MAPS, &config_map("m")).await;
    let url = format!("{CONFIG_MAPS}/m");
    for (form, patch, expected) in [
        ("merge-patch+json", json!({ "data": { "b": "2" } }), json!({ "key": "1", "b": "2" })),
        ("json-patch+json", json!([{ "op": "remove", "path": "/data/key" }]), json!({ "b": "2" })),
        (
            "strategic-merge-patch+json",
            json!({ "data": { "c": "3" } }),
            json!({ "b": "2", "c": "3" }),
        ),
    ] {
        let patched = cluster.patch(&url, form, &patch).await;
        assert_eq!(patched.code, 200, "{form}: {}", patched.text);
        assert_eq!(patched.json()["data"], expected, "{form}");
    }
    let refused = cluster.patch(&url, "json", &json!({})).await.refusal();
    assert_eq!((refused.0, refused.1.as_str()), (415, "UnsupportedMediaType"));
    cluster.post(MACHINES, &machine("db")).await;
    let url = format!("{MACHINES}/db");
    let refused = cluster.patch(&url, "strategic-merge-patch+json", &json!({})).await.refusal();
    assert_eq!(refused.0, 415);
    let operations: Vec<Value> = vec![json!({ "op": "test", "path": "/a", "value": 1 }); 10_001];
    let refused = cluster.patch(&url, "json-patch+json", &json!(operations)).await.refusal();
    assert_eq!((refused.0, refused.1.as_str()), (413, "RequestEntityTooLarge"));
    let refused = cluster.patch(&url, "merge-patch+json", &json!([])).await.refusal();
    assert_eq!((refused.0, refused.1.as_str()), (400, "BadRequest"));
}

#[tokio::test]
async fn fields_that_there_are_none_of_are_warned_of_or_refused() {
    let cluster = Cluster::new().await;
    let mut map = config_map("m");
    map["colour"] = json!("red");
    let warned = cluster.post(&format!("{CONFIG_MAPS}?dryRun=All"), &map).await;
    assert_eq!(warned.code, 201);
    assert_eq!(warned.warnings(), ["299 - \"unknown field \\\"colour\\\"\""]);
    let strict = cluster.post(&format!("{CONFIG_MAPS}?fieldValidation=Strict"), &map).await;
    let (code, reason, message) = strict.refusal();
    assert_eq!((code, reason.as_str()), (400, "BadRequest"));
    assert!(message.contains("strict decoding error: unknown field \"colour\""), "{message}");
    let ignored = cluster.post(&format!("{CONFIG_MAPS}?fieldValidation=Ignore"), &map).await;
    assert_eq!((ignored.code, ignored.warnings().len()), (201, 0));
    assert_eq!(ignored.json().get("colour"), None);
}

#[tokio::test]
async fn a_dry_run_answers_and_does_nothing() {
    let cluster = Cluster::new().await;
    let answered = cluster.post(&format!("{CONFIG_MAPS}?dryRun=All"), &config_map("m")).await;
    assert_eq!(answered.code, 201);
    assert_eq!(answered.json()["metadata"].get("resourceVersion"), None);
    assert_eq!(cluster.get(&format!("{CONFIG_MAPS}/m")).await.code, 404);
    cluster.post(CONFIG_MAPS, &config_map("m")).await;
    let body = json!({ "dryRun": ["All"] }).to_string();
    let url = format!("{CONFIG_MAPS}/m");
    assert_eq!(cluster.ask(Method::DELETE, &url, &[], body).await.code, 200);
    assert_eq!(cluster.get(&url).await.code, 200);
}

#[tokio::test]
async fn the_client_is_the_manager_of_what_it_writes() {
    let cluster = Cluster::new().await;
    let agent = [("user-agent", "rabbit/1.2 (linux)")];
    let body = config_map("m").to_string();
    let created = cluster.ask(Method::POST, CONFIG_MAPS, &agent, body).await.json();
    // `managedFields` may be kept by a registry that knows who owns which field.
    for entry in created["metadata"]["managedFields"].as_array().into_iter().flatten() {
        assert_eq!(entry["manager"], "rabbit");
    }
}

#[tokio::test]
async fn parity_whoever_asks_for_dependents_as_well_is_told_that_the_end_is_to_come() {
    let cluster = Cluster::new().await;
    for (finalizers, query, code) in [
        (json!(["a/b"]), "orphanDependents=false", 202),
        (json!(["a/b"]), "orphanDependents=false&dryRun=All", 200),
        (json!(["a/b"]), "propagationPolicy=Foreground", 200),
        (json!([]), "orphanDependents=false", 200),
    ] {
        let mut map = config_map("m");
        map["metadata"]["finalizers"] = finalizers;
        cluster.post(CONFIG_MAPS, &map).await;
        let url = format!("{CONFIG_MAPS}/m");
        let deleted = cluster.delete(&format!("{url}?{query}")).await;
        assert_eq!(deleted.code, code, "{query}: {}", deleted.text);
        let none = json!({ "metadata": { "finalizers": null } });
        cluster.patch(&url, "merge-patch+json", &none).await;
        cluster.delete(&url).await;
    }
}

#[tokio::test]
async fn a_collection_is_deleted_and_shown() {
    let cluster = Cluster::new().await;
    for name in ["a", "b", "c"] {
        cluster.post(CONFIG_MAPS, &config_map(name)).await;
    }
    let gone = cluster.delete(&format!("{CONFIG_MAPS}?labelSelector=app!%3Db")).await;
    assert_eq!(gone.code, 200, "{}", gone.text);
    assert_eq!(gone.json()["items"].as_array().unwrap().len(), 2);
    assert_eq!(gone.json()["metadata"], json!({ "resourceVersion": "104" }));
    let left = cluster.get(CONFIG_MAPS).await.json();
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
    assert_eq!(left["items"][0]["metadata"]["name"], "b");
}

#[tokio::test]
async fn parity_of_a_collection_no_more_is_deleted_than_a_page_with_a_limit() {
    let cluster = Cluster::new().await;
    for name in ["a", "b", "c"] {
        cluster.post(CONFIG_MAPS, &config_map(name)).await;
    }
    let names = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap().iter();
        items.map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let gone = cluster.delete(&format!("{CONFIG_MAPS}?limit=1")).await.json();
    assert_eq!(names(&gone), ["a"]);
    assert_eq!(gone["metadata"]["remainingItemCount"], 2);
    assert_eq!(names(&cluster.get(CONFIG_MAPS).await.json()), ["b", "c"]);
    let next = gone["metadata"]["continue"].as_str().unwrap();
    let gone = cluster.delete(&format!("{CONFIG_MAPS}?limit=1&continue={next}")).await.json();
    assert_eq!(names(&gone), ["b"]);
    let refused = cluster.delete(&format!("{CONFIG_MAPS}?continue=abc")).await;
    assert_eq!(refused.code, 400, "{}", refused.text);
    assert_eq!(names(&cluster.get(CONFIG_MAPS).await.json()), ["c"]);
}

#[tokio::test]
async fn parity_a_precondition_that_fails_is_told_of_a_collection_too() {
    let cluster = Cluster::new().await;
    cluster.post(CONFIG_MAPS, &config_map("a")).await;
    for wanted in [json!({ "uid": "x" }), json!({ "resourceVersion": "1" })] {
        let options = json!({ "preconditions": wanted }).to_string();
        let headers = [("content-type", "application/json")];
        let refused = cluster.ask(Method::DELETE, CONFIG_MAPS, &headers, options).await;
        let (code, reason, message) = refused.refusal();
        assert_eq!((code, reason.as_str()), (409, "Conflict"));
        assert!(message.contains(" in the precondition ("), "{message}");
    }
    assert_eq!(cluster.get(&format!("{CONFIG_MAPS}/a")).await.code, 200);
}

#[tokio::test]
async fn parity_a8_a_machine_in_the_group_of_policies_is_one_in_its_own() {
    let cluster = Cluster::new().await;
    let alias = MACHINES.replace("kubevirt.io/v1/", "migrations.kubevirt.io/v1alpha1/");
    let mut body = machine("db");
    body["apiVersion"] = json!("migrations.kubevirt.io/v1alpha1");
    let created = cluster.post(&alias, &body).await;
    assert_eq!(created.code, 201, "{}", created.text);
    assert_eq!(created.json()["apiVersion"], "migrations.kubevirt.io/v1alpha1");
    assert!(created.warnings()[0].contains("taken for kubevirt.io/v1"));
    let real = cluster.get(&format!("{MACHINES}/db")).await;
    assert_eq!(real.json()["apiVersion"], "kubevirt.io/v1");
    assert!(real.warnings().is_empty());
    // What `kubectl apply` of the same manifest asks for the second time.
    let shown = cluster.get(&format!("{alias}/db")).await.json();
    assert_eq!(shown["apiVersion"], "migrations.kubevirt.io/v1alpha1");
    let patch = json!({
        "apiVersion": "migrations.kubevirt.io/v1alpha1",
        "spec": { "runStrategy": "Always" },
    });
    let patched = cluster.patch(&format!("{alias}/db"), "merge-patch+json", &patch).await;
    assert_eq!(patched.code, 200, "{}", patched.text);
    let real = cluster.get(&format!("{MACHINES}/db")).await.json();
    assert_eq!(real["spec"]["runStrategy"], "Always");
    assert_eq!(real["apiVersion"], "kubevirt.io/v1");

    let kubevirt = Cluster::with(Misfiled::NotServed).await;
    assert_eq!(kubevirt.post(&alias, &body).await.code, 404);
    assert_eq!(kubevirt.post(MACHINES, &machine("db")).await.code, 201);
    assert_eq!(kubevirt.get(&format!("{alias}/db")).await.code, 404);
    let listed = kubevirt.get("/apis/migrations.kubevirt.io/v1alpha1").await.json();
    assert!(!listed.to_string().contains("virtualmachines"), "{listed}");
}

#[tokio::test]
async fn keys_that_stand_twice_in_a_patch_are_warned_of_or_refused() {
    let cluster = Cluster::new().await;
    cluster.post(CONFIG_MAPS, &config_map("m")).await;
    let url = format!("{CONFIG_MAPS}/m");
    let twice = r#"{"data":{"a":"1","a":"2"}}"#;
    let applied = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"a":"1","a":"2"}}"#;
    let operations = r#"[{"op":"add","path":"/data/a","value":"1","value":"2"}]"#;
    for (form, body, code, sentence) in [
        ("merge-patch+json", twice, 422, "duplicate field \\\"data.a\\\""),
        ("strategic-merge-patch+json", twice, 422, "duplicate field \\\"data.a\\\""),
        ("json-patch+json", operations, 422, "json patch duplicate field \\\"[0].value\\\""),
        ("apply-patch+yaml", applied, 400, "key \\\"data.a\\\" already set in map"),
    ] {
        let force = if form == "apply-patch+yaml" { "&force=true" } else { "" };
        let query =
            |validation: &str| format!("{url}?fieldManager=m{force}&fieldValidation={validation}");
        let warned = cluster.patch_text(&query("Warn"), form, body).await;
        assert_eq!(warned.code, 200, "{form}: {}", warned.text);
        assert_eq!(warned.json()["data"]["a"], "2", "{form}");
        assert_eq!(warned.warnings(), [format!("299 - \"{sentence}\"")], "{form}");
        let refused = cluster.patch_text(&query("Strict"), form, body).await.refusal();
        assert_eq!(refused.0, code, "{form}");
        assert!(refused.2.contains(&sentence.replace('\\', "")), "{form}: {}", refused.2);
    }
}

#[tokio::test]
async fn parity_nothing_is_written_by_who_does_not_say_how() {
    let cluster = Cluster::new().await;
    let map = config_map("m");
    let refused = cluster.post(&format!("{CONFIG_MAPS}?dryRun="), &map).await.refusal();
    assert_eq!((refused.0, refused.1.as_str()), (422, "Invalid"));
    let url = format!("{CONFIG_MAPS}/m");
    assert_eq!(cluster.get(&url).await.code, 404);
    assert_eq!(cluster.post(CONFIG_MAPS, &map).await.code, 201);
    assert_eq!(cluster.delete(&format!("{url}?dryRun=")).await.refusal().0, 422);
    let options = json!({ "dryRun": [""] }).to_string();
    assert_eq!(cluster.ask(Method::DELETE, &url, &[], options).await.refusal().0, 422);
    assert_eq!(cluster.get(&url).await.code, 200);
}

#[tokio::test]
async fn parity_members_that_operations_of_a_patch_do_not_have_are_told_with_their_place() {
    let cluster = Cluster::new().await;
    cluster.post(CONFIG_MAPS, &config_map("m")).await;
    let url = format!("{CONFIG_MAPS}/m");
    let operations = json!([
        { "op": "test", "path": "/kind", "value": "ConfigMap" },
        { "op": "add", "path": "/data/b", "value": "2", "note": "why", "from": "/data/key" },
    ]);
    let told = "json patch unknown field \\\"[1].note\\\"";
    let warned = cluster.patch(&url, "json-patch+json", &operations).await;
    assert_eq!((warned.code, warned.warnings()), (200, vec![format!("299 - \"{told}\"")]));
    let strict = format!("{url}?fieldValidation=Strict");
    let refused = cluster.patch(&strict, "json-patch+json", &operations).await;
    assert_eq!(refused.code, 422);
    assert!(refused.text.contains(told), "{}", refused.text);
}
