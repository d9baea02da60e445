//! Values that can be spelled in several ways, as Go's clients want them.

use ferry_api::{Kind, KindVersion};
use serde_json::{Value, json};

use crate::draft::{Body, Draft, fit};
use crate::object::Part;
use crate::request::FieldValidation;

/// An object after it was read, or what is wrong with it.
fn read(object: &Value) -> Result<Value, Vec<String>> {
    let text = |name: &str| object[name].as_str().unwrap();
    let served = KindVersion::of_document(text("apiVersion"), text("kind")).unwrap();
    let (read, errors) = fit(served, Part::Main, object.as_object().unwrap().clone());
    if errors.is_empty() {
        Ok(Value::Object(read))
    } else {
        Err(errors.iter().map(ToString::to_string).collect())
    }
}

fn lease(time: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": "x" },
        "spec": { "renewTime": time, "acquireTime": time },
    })
}

#[test]
fn parity_times_are_in_utc_with_six_digits_or_none() {
    for (given, micros, seconds) in [
        ("2026-11-23T08:15:00Z", "2026-11-23T08:15:00.000000Z", "2026-11-23T08:15:00Z"),
        ("2026-11-23T10:15:00+02:00", "2026-11-23T08:15:00.000000Z", "2026-11-23T08:15:00Z"),
        ("2026-11-23T08:15:00.25Z", "2026-11-23T08:15:00.250000Z", "2026-11-23T08:15:00Z"),
        (
            "2026-11-23T08:15:00.1234567-00:30",
            "2026-11-23T08:45:00.123456Z",
            "2026-11-23T08:45:00Z",
        ),
        ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000000Z", "0000-01-01T00:00:00Z"),
    ] {
        let written = read(&lease(given)).unwrap();
        assert_eq!(written["spec"], json!({ "acquireTime": micros, "renewTime": micros }));
        let node = json!({
            "apiVersion": "v1", "kind": "Node", "metadata": { "name": "x" },
            "spec": { "taints": [{ "key": "k", "effect": "NoExecute", "timeAdded": given }] },
        });
        assert_eq!(read(&node).unwrap()["spec"]["taints"][0]["timeAdded"], seconds);
        let event = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": { "name": "x" },
            "eventTime": given, "deprecatedFirstTimestamp": given,
            "series": { "count": 2, "lastObservedTime": given },
        });
        let written = read(&event).unwrap();
        assert_eq!(written["eventTime"], micros);
        assert_eq!(written["series"]["lastObservedTime"], micros);
        assert_eq!(written["deprecatedFirstTimestamp"], seconds);
    }
}

#[test]
fn parity_times_that_go_does_not_read_are_refused() {
    for given in [
        "2026-11-23T08:14:60Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T08:15Z",
        "2026-11-23 08:15:00Z",
        "2026-11-23t08:15:00z",
        "2026-11-23T08:15:00",
        "2026-11-23T08:15:00.Z",
        "2026-11-23T08:15:00+25:00",
        "2026-11-23T08:15:00+0200",
        "2026-11-23T08:15:00Z[UTC]",
        "0000-01-01T00:00:00+01:00",
        "-000001-01-01T00:00:00Z",
        "",
    ] {
        let errors = read(&lease(given)).unwrap_err();
        assert!(errors[0].starts_with("spec.acquireTime: Invalid value"), "{given}: {errors:?}");
    }
}

#[test]
fn custom_kinds_keep_their_times_as_written_but_for_the_metadata() {
    let written = "2026-11-23T10:15:00+02:00";
    let machine = json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceMigration",
        "metadata": {
            "name": "x",
            "managedFields": [{ "manager": "m", "operation": "Apply", "time": written }],
        },
        "spec": { "vmiName": "x" },
        "status": { "migrationState": { "startTimestamp": written } },
    });
    let read = read(&machine).unwrap();
    assert_eq!(read["metadata"]["managedFields"][0]["time"], "2026-11-23T08:15:00Z");
    assert_eq!(read["status"]["migrationState"]["startTimestamp"], written);
}

#[test]
fn parity_null_in_a_map_or_a_list_of_texts_is_an_empty_text() {
    let config = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "x", "labels": { "a": null }, "annotations": { "b": null } },
        "data": { "k": null },
    });
    let written = read(&config).unwrap();
    assert_eq!(written["metadata"]["labels"], json!({ "a": "" }));
    assert_eq!(written["metadata"]["annotations"], json!({ "b": "" }));
    assert_eq!(written["data"], json!({ "k": "" }));
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "x" }, "data": { "k": null },
    });
    assert_eq!(read(&secret).unwrap()["data"], json!({ "k": "" }));
    let mut pod = crate::testing::pod("x", "");
    pod["spec"]["containers"][0]["command"] = json!(["a", null]);
    let written = read(&pod).unwrap();
    assert_eq!(written["spec"]["containers"][0]["command"], json!(["a", ""]));
    let mut machine = crate::testing::vm("x");
    machine["metadata"]["labels"] = json!({ "a": null });
    assert_eq!(read(&machine).unwrap()["metadata"]["labels"], json!({ "a": "" }));
}

#[test]
fn parity_base64_may_be_wrapped_and_is_kept_in_one_line() {
    let read = |data: &str| {
        read(&json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "x" }, "data": { "k": data },
        }))
    };
    let cases = [
        ("aGVsbG8g\nd29ybGQ=\n", "aGVsbG8gd29ybGQ="),
        ("aGVs\r\nbG8=", "aGVsbG8="),
        // Bits that are left over do not count.
        ("aGVsbG9=", "aGVsbG8="),
        ("YR==", "YQ=="),
        ("\n", ""),
        ("", ""),
        ("+/+/", "+/+/"),
    ];
    for (written, kept) in cases {
        assert_eq!(read(written).unwrap()["data"]["k"], kept, "{written:?}");
    }
    for wrong in ["a", "YQ", "YQ=", "Y=Q=", "YQ==YQ==", "YQ= =", "-_-_", "====", "ä==="] {
        let error = read(wrong).unwrap_err().concat();
        assert!(error.contains("base64"), "{wrong:?}: {error}");
    }
}

#[test]
fn parity_a_port_without_a_protocol_is_tcp() {
    let ports = json!([{ "containerPort": 80 }, { "containerPort": 80, "protocol": "UDP" }]);
    let mut pod = crate::testing::pod("x", "");
    pod["spec"]["containers"][0]["ports"] = ports;
    let written = read(&pod).unwrap();
    let ports = &written["spec"]["containers"][0]["ports"];
    assert_eq!((&ports[0]["protocol"], &ports[1]["protocol"]), (&json!("TCP"), &json!("UDP")));
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "x" },
        "spec": { "ports": [{ "port": 80 }] },
    });
    assert_eq!(read(&service).unwrap()["spec"]["ports"][0]["protocol"], "TCP");
}

#[test]
fn parity_what_is_unknown_and_stands_twice_is_told_once_of_built_in_kinds() {
    let config_map = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"},
        "data": {"a": "1", "a": "2"}, "bar": 1, "bar": 2, "zed": {"q": 1, "q": 2}}"#;
    let machine = r#"{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine",
        "metadata": {"name": "x"}, "bar": 1, "bar": 2,
        "spec": {"running": true, "template": {"spec": {"domain": {"devices": {}}}}}}"#;
    for (body, kind, told) in [
        (
            config_map,
            Kind::ConfigMap,
            &["duplicate field \"data.a\"", "unknown field \"bar\"", "unknown field \"zed\""][..],
        ),
        (machine, Kind::VirtualMachine, &["duplicate field \"bar\"", "unknown field \"bar\""][..]),
    ] {
        let target = crate::testing::target(kind, "");
        let body = Body::json(body.as_bytes()).unwrap();
        let draft = Draft::read(&target, body, FieldValidation::Warn).unwrap();
        assert_eq!(draft.warnings(), told);
    }
}
