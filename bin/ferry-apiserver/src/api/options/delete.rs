//! How an object is to be deleted: in the body, or without one in the query.

use ferry_registry::{DeleteOptions, Document, Propagation, Refusal, Run};
use serde_json::Value;

use super::super::path::Query;
use super::write::run;
use super::{bad_request, forbidden, invalid, not_supported, whole};

/// How an object is to be deleted, and whether really.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeleteQuery {
    /// How.
    pub(crate) options: DeleteOptions,
    /// Whether.
    pub(crate) run: Run,
    /// Whether the client says, in the old words, that dependents are to go as well.
    pub(crate) cascades: bool,
}

const KIND: &str = "DeleteOptions";
const PROPAGATIONS: [&str; 3] = ["Foreground", "Background", "Orphan"];

/// Reads the options of a body; where there is one, those of the query do not count.
// PARITY: apiserver/pkg/endpoints/handlers/delete.go#DeleteResource
pub(crate) fn delete_options(
    body: Option<&Document>,
    query: &Query,
) -> Result<DeleteQuery, Refusal> {
    let nothing = (Document::new(), Query::parse(""));
    let query = if body.is_some() { &nothing.1 } else { query };
    let body = body.unwrap_or(&nothing.0);
    check_kind(body)?;
    let mut errors = Vec::new();
    let mut run = run(query, &mut errors);
    for value in strings(body.get("dryRun"), "dryRun")? {
        match value {
            "All" => run = Run::Dry,
            other => errors.push(not_supported("dryRun", other, &["All"])),
        }
    }
    let policy = match text(body, "propagationPolicy")? {
        Some(policy) => Some(policy),
        None => query.text("propagationPolicy"),
    };
    let orphan = match body.get("orphanDependents") {
        None | Some(Value::Null) => {
            query.get("orphanDependents").map(|_| query.flag("orphanDependents"))
        }
        Some(Value::Bool(orphan)) => Some(*orphan),
        Some(_) => return Err(wrong_type("orphanDependents", "a bool")),
    };
    if policy.is_some() && orphan.is_some() {
        let message = "orphanDependents and deletionPropagation cannot be both set";
        errors.push(forbidden("propagationPolicy", message));
    }
    let propagation = match (policy, orphan) {
        (Some("Foreground"), _) => Some(Propagation::Foreground),
        (Some("Background"), _) | (None, Some(false)) => Some(Propagation::Background),
        (Some("Orphan"), _) | (None, Some(true)) => Some(Propagation::Orphan),
        (Some(other), _) => {
            errors.push(not_supported("propagationPolicy", other, &PROPAGATIONS));
            None
        }
        (None, None) => None,
    };
    if !errors.is_empty() {
        return Err(invalid(KIND, errors));
    }
    let (uid, resource_version) = preconditions(body)?;
    let grace_period_seconds = grace(body, query)?;
    let options = DeleteOptions { propagation, grace_period_seconds, uid, resource_version };
    Ok(DeleteQuery { options, run, cascades: orphan == Some(false) })
}

/// kube-rs and python leave the kind out; whoever says it has to mean these options.
fn check_kind(body: &Document) -> Result<(), Refusal> {
    match text(body, "kind")? {
        None | Some(KIND) => Ok(()),
        Some(other) => Err(bad_request(format!("expected kind {KIND}, got {other}"))),
    }
}

fn preconditions(body: &Document) -> Result<(Option<String>, Option<String>), Refusal> {
    match body.get("preconditions") {
        None | Some(Value::Null) => Ok((None, None)),
        Some(Value::Object(wanted)) => {
            let owned = |name| text(wanted, name).map(|found| found.map(str::to_owned));
            Ok((owned("uid")?, owned("resourceVersion")?))
        }
        Some(_) => Err(wrong_type("preconditions", "an object")),
    }
}

fn grace(body: &Document, query: &Query) -> Result<Option<i64>, Refusal> {
    match body.get("gracePeriodSeconds") {
        None | Some(Value::Null) => whole(query, "gracePeriodSeconds"),
        Some(value) => {
            let seconds = value.as_i64().map(Some);
            seconds.ok_or_else(|| wrong_type("gracePeriodSeconds", "a whole number"))
        }
    }
}

fn text<'a>(body: &'a Document, name: &str) -> Result<Option<&'a str>, Refusal> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|it| !it.is_empty())),
        Some(_) => Err(wrong_type(name, "a string")),
    }
}

fn strings<'a>(value: Option<&'a Value>, name: &str) -> Result<Vec<&'a str>, Refusal> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().ok_or_else(|| wrong_type(name, "a list of strings")))
            .collect(),
        Some(_) => Err(wrong_type(name, "a list of strings")),
    }
}

fn wrong_type(name: &str, accepted: &str) -> Refusal {
    bad_request(format!("{KIND}.{name}: must be {accepted}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &Value, query: &str) -> Result<DeleteQuery, String> {
        let body = body.as_object();
        delete_options(body, &Query::parse(query)).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn options_come_in_the_body_or_in_the_query() {
        let background = DeleteOptions {
            propagation: Some(Propagation::Background),
            ..DeleteOptions::default()
        };
        let now = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
        for (body, query, options) in [
            (json!(null), "", DeleteOptions::default()),
            (json!({}), "", DeleteOptions::default()),
            (json!({ "propagationPolicy": "Background" }), "", background.clone()),
            (json!(null), "propagationPolicy=Background", background.clone()),
            (json!({}), "propagationPolicy=Background&dryRun=All", DeleteOptions::default()),
            (json!({ "gracePeriodSeconds": 0 }), "dryRun=Foo", now.clone()),
            (json!({ "kind": "DeleteOptions", "gracePeriodSeconds": 0 }), "", now.clone()),
            (json!(null), "gracePeriodSeconds=0", now),
            (
                json!({
                    "preconditions": { "uid": "u", "resourceVersion": "7" },
                    "orphanDependents": true,
                }),
                "",
                DeleteOptions {
                    propagation: Some(Propagation::Orphan),
                    uid: Some("u".to_owned()),
                    resource_version: Some("7".to_owned()),
                    ..DeleteOptions::default()
                },
            ),
        ] {
            let expected = DeleteQuery { options, ..DeleteQuery::default() };
            assert_eq!(read(&body, query), Ok(expected), "{body} {query}");
        }
        let cascading = read(&json!({ "orphanDependents": false }), "").unwrap();
        assert_eq!(cascading.options.propagation, Some(Propagation::Background));
        assert!(cascading.cascades);
        assert_eq!(read(&json!(null), "orphanDependents=false"), Ok(cascading));
        assert_eq!(read(&json!({ "dryRun": ["All"] }), "").unwrap().run, Run::Dry);
        assert_eq!(read(&json!(null), "dryRun=All").unwrap().run, Run::Dry);
    }

    #[test]
    fn options_that_contradict_themselves_are_refused() {
        for (body, query, message) in [
            (json!({ "kind": "Pod" }), "", "expected kind DeleteOptions, got Pod"),
            (json!({ "gracePeriodSeconds": "1" }), "", "DeleteOptions.gracePeriodSeconds: must be"),
            (
                json!(null),
                "gracePeriodSeconds=x",
                "strconv.ParseInt: parsing \"x\": invalid syntax",
            ),
            (json!({ "preconditions": 1 }), "", "DeleteOptions.preconditions: must be an object"),
            (
                json!({ "orphanDependents": true, "propagationPolicy": "Orphan" }),
                "",
                "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Forbidden: ",
            ),
            (
                json!({ "propagationPolicy": "background" }),
                "",
                "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value",
            ),
            (
                json!({ "dryRun": [""] }),
                "",
                "DeleteOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"\"",
            ),
            (
                json!(null),
                "dryRun=",
                "DeleteOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"\"",
            ),
            (
                json!({ "dryRun": ["None"] }),
                "",
                "DeleteOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"None\"",
            ),
        ] {
            let refusal = read(&body, query).unwrap_err();
            assert!(refusal.starts_with(message), "{body} {query}: {refusal}");
        }
    }
}
