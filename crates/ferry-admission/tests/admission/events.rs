//! What Events must say.

use ferry_admission::Policies;
use ferry_api::{Kind, KindVersion};
use ferry_registry::{Document, Operation, Part, Refusal, Review, Run, Target, User};
use serde_json::{Value, json};

use crate::common::{World, changed, document, invalid, now, user};

const NEW: KindVersion = KindVersion::NEW_EVENT;

/// An Event as it is kept, which says everything.
fn event() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": { "name": "e", "namespace": "ns" },
        "involvedObject": { "kind": "Pod", "name": "p", "namespace": "ns" },
        "eventTime": "2026-11-23T08:15:00.000000Z",
        "reportingComponent": "ferry.dev/controller", "reportingInstance": "c-1",
        "action": "Migrate", "reason": "Started", "type": "Normal", "message": "it goes",
    })
}

/// A write of an Event through one of its groups.
fn write(served: KindVersion, old: Option<&Value>, new: &Value) -> Result<Value, Refusal> {
    let (user, world): (User, World) = (user("a"), World::default());
    let target = Target {
        served,
        namespace: new["metadata"]["namespace"].as_str().unwrap().to_owned(),
        name: "e".to_owned(),
        part: Part::Main,
    };
    let old: Option<Document> = old.map(document);
    let mut object = document(new);
    let policies = Policies::default();
    let written = object.clone();
    let operation = |new| match &old {
        Some(old) => Operation::Update { old, new },
        None => Operation::Create { new },
    };
    let review =
        |operation| Review { user: &user, target: &target, operation, run: Run::Real, now: now() };
    policies.complete(&review(operation(&written)), &mut object, &world);
    policies.check(&review(operation(&object)), &world)?;
    Ok(Value::Object(object))
}

fn core() -> KindVersion {
    KindVersion::storage(Kind::Event)
}

#[test]
fn parity_only_the_new_group_asks_for_names_of_dns() {
    let named = changed(&event(), &json!({ "metadata": { "name": "system:x.1" } }));
    write(core(), None, &named).unwrap();
    let refusal = write(NEW, None, &named).unwrap_err();
    assert!(refusal.to_string().contains("metadata.name: Invalid value: \"system:x.1\""));
}

#[test]
fn parity_an_event_of_the_new_group_says_everything() {
    write(NEW, None, &event()).unwrap();
    write(core(), None, &event()).unwrap();
    let long = "x".repeat(129);
    for (change, problem) in [
        (json!({ "reportingComponent": null }), "reportingController: Required value"),
        (
            json!({ "reportingComponent": "no good" }),
            "reportingController: Invalid value: \"no good\": name part must",
        ),
        (json!({ "reportingInstance": "" }), "reportingInstance: Required value"),
        (
            json!({ "reportingInstance": long }),
            "reportingInstance: Invalid value: \"\": can have at most 128 characters",
        ),
        (json!({ "action": null }), "action: Required value"),
        (json!({ "action": long }), "action: Invalid value: \"\": can have at most 128 characters"),
        (json!({ "reason": null }), "reason: Required value"),
        (json!({ "reason": long }), "reason: Invalid value: \"\": can have at most 128 characters"),
        (
            json!({ "message": "x".repeat(1025) }),
            "message: Invalid value: \"\": can have at most 1024 characters",
        ),
        (
            json!({ "involvedObject": { "namespace": null } }),
            "involvedObject.namespace: Invalid value: \"\": does not match event.namespace",
        ),
    ] {
        // With a time, also through the core.
        for served in [NEW, core()] {
            let errors = invalid(write(served, None, &changed(&event(), &change)));
            assert!(errors.iter().any(|error| error.starts_with(problem)), "{change}: {errors:?}");
        }
    }
    for (change, problem) in [
        (json!({ "eventTime": null }), "eventTime: Required value"),
        (json!({ "type": "Bad" }), "type: Invalid value: \"\": has invalid value: Bad"),
        (json!({ "type": null }), "type: Invalid value: \"\": has invalid value: "),
        (json!({ "count": 1 }), "count: Invalid value: \"\": needs to be unset"),
        (json!({ "source": { "host": "h" } }), "source: Invalid value: \"\": needs to be unset"),
        (
            json!({ "firstTimestamp": "2026-11-23T08:15:00Z" }),
            "firstTimestamp: Invalid value: \"\": needs to be unset",
        ),
        (
            json!({ "series": { "count": 1 } }),
            "series.count: Invalid value: \"\": should be at least 2",
        ),
        (json!({ "series": { "count": 2 } }), "series.lastObservedTime: Required value"),
    ] {
        let changed = changed(&event(), &change);
        let errors = invalid(write(NEW, None, &changed));
        assert!(errors.iter().any(|error| error.starts_with(problem)), "{change}: {errors:?}");
        write(core(), None, &changed).unwrap();
    }
}

#[test]
fn parity_an_event_without_a_time_is_where_its_object_is() {
    let old = changed(
        &event(),
        &json!({ "eventTime": null, "action": null, "reportingInstance": null, "type": "Odd" }),
    );
    write(core(), None, &old).unwrap();
    for (own, subject, fits) in [
        ("ns", json!("other"), false),
        ("ns", json!(null), false),
        ("default", json!(null), true),
        ("default", json!("default"), true),
    ] {
        let placed = json!({
            "metadata": { "namespace": own }, "involvedObject": { "namespace": subject },
        });
        let written = write(core(), None, &changed(&old, &placed));
        if fits {
            written.unwrap();
        } else {
            let errors = invalid(written);
            assert!(errors[0].contains("does not match event.namespace"), "{errors:?}");
        }
    }
}

#[test]
fn parity_of_an_event_of_the_new_group_only_the_series_changes() {
    let series =
        json!({ "series": { "count": 3, "lastObservedTime": "2026-11-23T08:15:00.000000Z" } });
    write(NEW, Some(&event()), &changed(&event(), &series)).unwrap();
    let labelled = json!({ "metadata": { "labels": { "a": "b" } } });
    write(NEW, Some(&event()), &changed(&event(), &labelled)).unwrap();
    let series = json!({ "series": { "count": 1 } });
    assert_eq!(invalid(write(NEW, Some(&event()), &changed(&event(), &series))).len(), 2);
    for (change, path) in [
        (json!({ "message": "other" }), "message"),
        (json!({ "reason": "Other" }), "reason"),
        (json!({ "type": "Warning" }), "type"),
        (json!({ "eventTime": "2026-11-23T08:15:01.000000Z" }), "eventTime"),
        (json!({ "involvedObject": { "name": "q" } }), "involvedObject"),
        (json!({ "reportingComponent": "other" }), "reportingController"),
    ] {
        let new = changed(&event(), &change);
        let errors = invalid(write(NEW, Some(&event()), &new));
        assert!(errors[0].starts_with(&format!("{path}: Invalid value")), "{errors:?}");
        assert!(errors[0].ends_with("field is immutable"), "{errors:?}");
        write(core(), Some(&event()), &new).unwrap();
    }
}

#[test]
fn the_time_that_an_event_without_one_is_shown_with_is_not_kept() {
    let old = changed(&event(), &json!({ "eventTime": null, "action": null }));
    let back = changed(
        &old,
        &json!({
            "eventTime": "2026-11-23T08:15:00.000000Z", "metadata": { "labels": { "a": "b" } },
        }),
    );
    let kept = write(NEW, Some(&old), &back).unwrap();
    assert_eq!((kept.get("eventTime"), &kept["metadata"]["labels"]), (None, &json!({ "a": "b" })));
}
