//! What clients are told of each refusal.

use ferry_api::{FieldError, FieldPath, Kind, KindVersion, Problem};
use serde_json::{Value, json};

use crate::refusal::{DeniedCause, FieldConflict, Refusal};

fn vm() -> KindVersion {
    KindVersion::storage(Kind::VirtualMachine)
}

fn pod() -> KindVersion {
    KindVersion::storage(Kind::Pod)
}

fn name() -> String {
    "x".to_owned()
}

fn text(message: &str) -> String {
    message.to_owned()
}

/// A refusal with its code, reason, message and details.
type Row = (Refusal, u16, &'static str, &'static str, Value);

#[test]
fn parity_refusals_about_an_object_name_it_by_its_plural() {
    let not_found = json!({ "name": "x", "group": "kubevirt.io", "kind": "virtualmachines" });
    check(vec![
        (
            Refusal::NotFound { served: vm(), name: name() },
            404,
            "NotFound",
            "virtualmachines.kubevirt.io \"x\" not found",
            not_found.clone(),
        ),
        (
            Refusal::NotFound { served: pod(), name: name() },
            404,
            "NotFound",
            "pods \"x\" not found",
            json!({ "name": "x", "kind": "pods" }),
        ),
        (
            Refusal::AlreadyExists { served: vm(), name: name() },
            409,
            "AlreadyExists",
            "virtualmachines.kubevirt.io \"x\" already exists",
            not_found.clone(),
        ),
        (
            Refusal::BeingDeleted { served: vm(), name: name() },
            409,
            "AlreadyExists",
            "object is being deleted: virtualmachines.kubevirt.io \"x\" already exists",
            not_found.clone(),
        ),
        (
            Refusal::GeneratedNameTaken { served: pod(), name: name() },
            409,
            "AlreadyExists",
            "pods \"x\" already exists, the server was not able to generate a unique name for the \
             object",
            json!({ "name": "x", "kind": "pods", "retryAfterSeconds": 1 }),
        ),
        (
            Refusal::Conflict { served: vm(), name: name(), message: text("no") },
            409,
            "Conflict",
            "Operation cannot be fulfilled on virtualmachines.kubevirt.io \"x\": no",
            not_found,
        ),
        (
            Refusal::ApplyConflict {
                conflicts: vec![FieldConflict {
                    manager: text("\"m1\""),
                    field: text(".spec.running"),
                }],
            },
            409,
            "Conflict",
            "Apply failed with 1 conflict: conflict with \"m1\": .spec.running",
            json!({ "causes": [{
                "reason": "FieldManagerConflict",
                "message": "conflict with \"m1\"",
                "field": ".spec.running",
            }] }),
        ),
    ]);
}

#[test]
fn refusals_about_a_request_have_their_reasons() {
    check(vec![
        (Refusal::BadRequest { message: text("no") }, 400, "BadRequest", "no", Value::Null),
        (Refusal::Unprocessable { message: text("no") }, 422, "Invalid", "no", json!({})),
        (Refusal::Unauthorized, 401, "Unauthorized", "Unauthorized", Value::Null),
        (
            Refusal::Forbidden {
                served: vm(),
                name: String::new(),
                message: text("User \"a\" cannot list"),
                cause: None,
            },
            403,
            "Forbidden",
            "virtualmachines.kubevirt.io is forbidden: User \"a\" cannot list",
            json!({ "group": "kubevirt.io", "kind": "virtualmachines" }),
        ),
        (
            Refusal::ForbiddenPath { message: text("no") },
            403,
            "Forbidden",
            "forbidden: no",
            json!({}),
        ),
        (
            Refusal::Denied {
                webhook: text("w"),
                message: text("no"),
                code: 422,
                causes: vec![DeniedCause {
                    reason: text("FieldValueInvalid"),
                    message: text("no"),
                    field: text("spec"),
                }],
            },
            422,
            "Invalid",
            "admission webhook \"w\" denied the request: no",
            json!({ "causes": [
                { "reason": "FieldValueInvalid", "message": "no", "field": "spec" },
            ] }),
        ),
    ]);
}

#[test]
fn refusals_of_a_server_that_cannot_now_have_their_reasons() {
    check(vec![
        (
            Refusal::TooManyRequests { message: text("later") },
            429,
            "TooManyRequests",
            "later",
            Value::Null,
        ),
        (
            Refusal::FutureRevision { asked: 9, current: 5 },
            504,
            "Timeout",
            "Too large resource version: 9, current: 5",
            json!({
                "causes": [{
                    "reason": "ResourceVersionTooLarge",
                    "message": "Too large resource version",
                }],
                "retryAfterSeconds": 1,
            }),
        ),
    ]);
}

#[test]
fn refusals_about_paths_and_formats_have_their_reasons() {
    check(vec![
        (
            Refusal::NoSuchPath,
            404,
            "NotFound",
            "the server could not find the requested resource",
            json!({}),
        ),
        (
            Refusal::MethodNotAllowed,
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
            json!({}),
        ),
        (
            Refusal::TooLarge { limit: 3 },
            413,
            "RequestEntityTooLarge",
            "Request entity too large: limit is 3",
            Value::Null,
        ),
        (
            Refusal::UnsupportedMediaType { accepted: vec![text("a"), text("b")] },
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: a, b",
            Value::Null,
        ),
        (
            Refusal::NotAcceptable { accepted: vec![text("a")] },
            406,
            "NotAcceptable",
            "only the following media types are accepted: a",
            Value::Null,
        ),
        (
            Refusal::Unavailable { message: text("no") },
            503,
            "ServiceUnavailable",
            "no",
            Value::Null,
        ),
        (
            Refusal::Internal { message: text("no") },
            500,
            "InternalError",
            "no",
            json!({ "causes": [{ "message": "no" }] }),
        ),
    ]);
}

fn check(rows: Vec<Row>) {
    for (refusal, code, reason, message, details) in rows {
        let status = refusal.status();
        assert_eq!(refusal.code(), code, "{refusal:?}");
        assert_eq!(status["kind"], "Status");
        assert_eq!(status["apiVersion"], "v1");
        assert_eq!(status["status"], "Failure");
        assert_eq!(status["metadata"], json!({}));
        assert_eq!(status["code"], code, "{refusal:?}");
        assert_eq!(status["reason"], reason, "{refusal:?}");
        assert_eq!(status["message"], message);
        assert_eq!(status["details"], details, "{refusal:?}");
    }
}

#[test]
fn parity_each_manager_of_several_conflicts_has_a_line() {
    let conflict =
        |manager: &str, field: &str| FieldConflict { manager: text(manager), field: text(field) };
    let conflicts =
        vec![conflict("\"a\"", ".x"), conflict("\"a\"", ".y"), conflict("\"b\" using v1", ".z")];
    assert_eq!(
        Refusal::ApplyConflict { conflicts }.to_string(),
        "Apply failed with 3 conflicts: conflicts with \"a\":\n- .x\n- .y\nconflicts with \"b\" \
         using v1:\n- .z"
    );
}

#[test]
fn parity_an_invalid_object_is_named_by_its_kind_and_each_error_is_a_cause() {
    let path = || FieldPath::of("spec.a");
    let problem = |problem| FieldError { path: path(), problem };
    let errors = vec![
        FieldError::required(path(), "must be a string"),
        FieldError::invalid(path(), json!(1), "must be a string"),
        problem(Problem::NotSupported { value: json!("x"), accepted: vec![text("y")] }),
        FieldError::forbidden(path(), "no"),
        problem(Problem::TooLong { accepted: text("may not be more than 3 bytes") }),
        problem(Problem::Duplicate { value: json!("x") }),
        problem(Problem::NotFound { value: json!("x") }),
    ];
    let refusal = Refusal::Invalid { kind: vm().into(), name: name(), errors };
    assert_eq!(
        refusal.status(),
        json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": "VirtualMachine.kubevirt.io \"x\" is invalid: [\
                spec.a: Required value: must be a string, \
                spec.a: Invalid value: 1: must be a string, \
                spec.a: Unsupported value: \"x\": supported values: \"y\", \
                spec.a: Forbidden: no, \
                spec.a: Too long: may not be more than 3 bytes, \
                spec.a: Duplicate value: \"x\", \
                spec.a: Not found: \"x\"]",
            "reason": "Invalid",
            "details": {
                "name": "x",
                "group": "kubevirt.io",
                "kind": "VirtualMachine",
                "causes": [
                    { "reason": "FieldValueRequired", "field": "spec.a",
                      "message": "Required value: must be a string" },
                    { "reason": "FieldValueInvalid", "field": "spec.a",
                      "message": "Invalid value: 1: must be a string" },
                    { "reason": "FieldValueNotSupported", "field": "spec.a",
                      "message": "Unsupported value: \"x\": supported values: \"y\"" },
                    { "reason": "FieldValueForbidden", "field": "spec.a",
                      "message": "Forbidden: no" },
                    { "reason": "FieldValueTooLong", "field": "spec.a",
                      "message": "Too long: may not be more than 3 bytes" },
                    { "reason": "FieldValueDuplicate", "field": "spec.a",
                      "message": "Duplicate value: \"x\"" },
                    { "reason": "FieldValueNotFound", "field": "spec.a",
                      "message": "Not found: \"x\"" },
                ],
            },
            "code": 422,
        })
    );
}

#[test]
fn a_list_that_expired_may_go_on_with_another_token() {
    let refusal = Refusal::Expired { message: text("old"), continue_token: Some(text("t")) };
    let status = refusal.status();
    assert_eq!((refusal.code(), &status["reason"]), (410, &json!("Expired")));
    assert_eq!(status["metadata"], json!({ "continue": "t" }));
}
