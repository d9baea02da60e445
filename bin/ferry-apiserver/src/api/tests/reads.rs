//! Objects and lists, whole, as tables, as metadata, in pages.

use http::Method;
use serde_json::json;

use super::cluster::{CONFIG_MAPS, Cluster, MACHINES, config_map, machine};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const PARTIAL: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

async fn with_maps(count: usize) -> Cluster {
    let cluster = Cluster::new().await;
    for number in 0..count {
        let created = cluster.post(CONFIG_MAPS, &config_map(&format!("m{number}"))).await;
        assert_eq!(created.code, 201, "{}", created.text);
    }
    cluster
}

#[tokio::test]
async fn an_object_is_shown_whole_as_a_row_and_as_its_metadata() {
    let cluster = with_maps(1).await;
    let url = format!("{CONFIG_MAPS}/m0");
    let whole = cluster.get(&url).await.json();
    assert_eq!(whole["kind"], "ConfigMap");
    assert_eq!(whole["data"], json!({ "key": "1" }));

    let table = cluster.ask(Method::GET, &url, &[("accept", TABLE)], "").await.json();
    assert_eq!((&table["kind"], &table["apiVersion"]), (&json!("Table"), &json!("meta.k8s.io/v1")));
    assert_eq!(table["columnDefinitions"][0]["format"], "name");
    assert_eq!(table["rows"][0]["cells"], json!(["m0", 1, "0s"]));
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(table["rows"][0]["object"]["metadata"], whole["metadata"]);
    assert_eq!(table["metadata"]["resourceVersion"], whole["metadata"]["resourceVersion"]);

    let partial = cluster.ask(Method::GET, &url, &[("accept", PARTIAL)], "").await.json();
    assert_eq!(partial["kind"], "PartialObjectMetadata");
    assert_eq!(partial["metadata"], whole["metadata"]);
    assert_eq!(partial.get("data"), None);

    let head = cluster.ask(Method::HEAD, &url, &[], "").await;
    assert_eq!(head.code, 200);
    let yaml = cluster.ask(Method::GET, &url, &[("accept", "application/yaml")], "").await;
    assert_eq!(yaml.headers["content-type"], "application/yaml");
    assert_eq!(json!(ferry_api::manifest::read(&yaml.text).unwrap()[0].value), whole);
}

#[tokio::test]
async fn rows_carry_what_was_asked_for() {
    let cluster = with_maps(1).await;
    for (include, kind) in
        [("Metadata", json!("PartialObjectMetadata")), ("Object", json!("ConfigMap"))]
    {
        let url = format!("{CONFIG_MAPS}?includeObject={include}");
        let table = cluster.ask(Method::GET, &url, &[("accept", TABLE)], "").await.json();
        assert_eq!(table["rows"][0]["object"]["kind"], kind);
    }
    let url = format!("{CONFIG_MAPS}?includeObject=None");
    let table = cluster.ask(Method::GET, &url, &[("accept", TABLE)], "").await.json();
    assert_eq!(table["rows"][0]["object"], json!(null));
    for url in
        [CONFIG_MAPS.to_owned(), format!("{CONFIG_MAPS}/m0"), format!("{CONFIG_MAPS}?watch=1")]
    {
        let joint = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{joint}includeObject=All");
        let refused = cluster.ask(Method::GET, &url, &[("accept", TABLE)], "").await;
        assert_eq!(
            refused.refusal(),
            (
                400,
                "BadRequest".to_owned(),
                "includeObject: Invalid value: \"All\": must be 'Metadata', 'Object', 'None', or \
                 empty"
                    .to_owned()
            )
        );
    }
    // Whoever wants no table is not asked what its rows carry.
    assert_eq!(cluster.get(&format!("{CONFIG_MAPS}?includeObject=All")).await.code, 200);
}

#[tokio::test]
async fn a_list_has_the_revision_of_the_cluster_and_comes_in_pages_of_one_revision() {
    let cluster = with_maps(5).await;
    let whole = cluster.get(CONFIG_MAPS).await.json();
    assert_eq!(whole["kind"], "ConfigMapList");
    assert_eq!(whole["items"].as_array().unwrap().len(), 5);
    assert_eq!(whole["metadata"], json!({ "resourceVersion": "106" }));

    let mut names = Vec::new();
    let mut next = String::new();
    loop {
        let url = format!("{CONFIG_MAPS}?limit=2&continue={next}");
        let page = cluster.get(&url).await.json();
        assert_eq!(page["metadata"]["resourceVersion"], "106");
        let items = page["items"].as_array().unwrap();
        names.extend(items.iter().map(|item| item["metadata"]["name"].clone()));
        let Some(token) = page["metadata"]["continue"].as_str() else { break };
        assert_eq!(page["metadata"]["remainingItemCount"], 5 - names.len());
        token.clone_into(&mut next);
        // What is written meanwhile is not on later pages.
        let name = format!("m{}x", names.len());
        assert_eq!(cluster.post(CONFIG_MAPS, &config_map(&name)).await.code, 201);
    }
    assert_eq!(names, ["m0", "m1", "m2", "m3", "m4"]);

    let selected = cluster.get("/api/v1/configmaps?labelSelector=app+in+(m1,m3)").await.json();
    assert_eq!(selected["items"].as_array().unwrap().len(), 2);
    let url = format!("{CONFIG_MAPS}?fieldSelector=metadata.name%3Dm4&limit=500&resourceVersion=0");
    let selected = cluster.get(&url).await.json();
    assert_eq!(selected["items"][0]["metadata"]["name"], "m4");
    assert_eq!(selected["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_long_list_is_whole_though_it_is_sent_in_pieces() {
    let cluster = Cluster::new().await;
    for number in 0..40 {
        let mut map = config_map(&format!("m{number:02}"));
        map["data"] = json!({ "key": "x".repeat(5_000) });
        assert_eq!(cluster.post(CONFIG_MAPS, &map).await.code, 201);
    }
    let list = cluster.get(CONFIG_MAPS).await;
    assert!(list.text.len() > 200_000);
    assert_eq!(list.json()["items"].as_array().unwrap().len(), 40);
}

#[tokio::test]
async fn another_version_shows_the_same_object() {
    let cluster = Cluster::new().await;
    assert_eq!(cluster.post(MACHINES, &machine("db")).await.code, 201);
    let url = MACHINES.replace("/v1/", "/v1alpha3/");
    let old = cluster.get(&format!("{url}/db")).await;
    assert_eq!(old.json()["apiVersion"], "kubevirt.io/v1alpha3");
    assert_eq!(
        old.warnings(),
        [
            "299 - \"kubevirt.io/v1alpha3 is now deprecated and will be removed in a future release.\""
        ]
    );
    let list = cluster.get(&url).await.json();
    assert_eq!(list["apiVersion"], "kubevirt.io/v1alpha3");
    assert_eq!(list["items"][0]["apiVersion"], "kubevirt.io/v1alpha3");
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_is_still_to_come_is_waited_for_but_not_for_ever() {
    let cluster = with_maps(1).await;
    let late = cluster.get(&format!("{CONFIG_MAPS}?resourceVersion=900")).await;
    let status = late.json();
    assert_eq!((late.code, &status["reason"]), (504, &json!("Timeout")));
    assert_eq!(status["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
    assert_eq!(status["details"]["retryAfterSeconds"], 1);

    let url = format!("{CONFIG_MAPS}/m0?resourceVersion=103");
    let map = config_map("m1");
    let (read, written) = tokio::join!(cluster.get(&url), cluster.post(CONFIG_MAPS, &map));
    assert_eq!((read.code, written.code), (200, 201));
}
