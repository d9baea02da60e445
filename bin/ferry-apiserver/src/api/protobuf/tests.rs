//! Bodies as kubectl sends them, documents that survive the way through bytes, and hostile bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::messages::{Count, Field, Message, Shape, Zero, message};
use super::{MAGIC, ProtobufError, document};

/// The kinds that are sent by themselves.
const KINDS: [(&str, &str, &str); 27] = [
    ("v1", "Namespace", "core.Namespace"),
    ("v1", "Node", "core.Node"),
    ("v1", "Pod", "core.Pod"),
    ("v1", "Event", "core.Event"),
    ("v1", "PersistentVolumeClaim", "core.PersistentVolumeClaim"),
    ("v1", "ConfigMap", "core.ConfigMap"),
    ("v1", "Secret", "core.Secret"),
    ("v1", "Service", "core.Service"),
    ("v1", "ServiceAccount", "core.ServiceAccount"),
    ("v1", "Binding", "core.Binding"),
    ("rbac.authorization.k8s.io/v1", "Role", "rbac.Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", "rbac.RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "rbac.ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "rbac.ClusterRoleBinding"),
    ("events.k8s.io/v1", "Event", "events.Event"),
    ("policy/v1", "Eviction", "policy.Eviction"),
    ("policy/v1beta1", "Eviction", "policy.Eviction"),
    ("coordination.k8s.io/v1", "Lease", "coordination.Lease"),
    ("v1", "DeleteOptions", "meta.DeleteOptions"),
    ("kubevirt.io/v1", "DeleteOptions", "meta.DeleteOptions"),
    ("authentication.k8s.io/v1", "TokenRequest", "authentication.TokenRequest"),
    ("authentication.k8s.io/v1", "TokenReview", "authentication.TokenReview"),
    ("authentication.k8s.io/v1", "SelfSubjectReview", "authentication.SelfSubjectReview"),
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview", "authorization.SelfSubjectAccessReview"),
    ("authorization.k8s.io/v1", "SelfSubjectRulesReview", "authorization.SelfSubjectRulesReview"),
    ("authorization.k8s.io/v1", "SubjectAccessReview", "authorization.SubjectAccessReview"),
    (
        "authorization.k8s.io/v1",
        "LocalSubjectAccessReview",
        "authorization.LocalSubjectAccessReview",
    ),
];

fn varint(mut value: u64, into: &mut Vec<u8>) {
    while value >= 0x80 {
        into.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    into.push(u8::try_from(value).unwrap());
}

fn bytes(number: u32, content: &[u8], into: &mut Vec<u8>) {
    varint(u64::from(number) << 3 | 2, into);
    varint(content.len() as u64, into);
    into.extend_from_slice(content);
}

fn number(field: u32, value: u64, into: &mut Vec<u8>) {
    varint(u64::from(field) << 3, into);
    varint(value, into);
}

fn body(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let (mut type_meta, mut envelope) = (Vec::new(), MAGIC.to_vec());
    bytes(1, api_version.as_bytes(), &mut type_meta);
    bytes(2, kind.as_bytes(), &mut type_meta);
    bytes(1, &type_meta, &mut envelope);
    bytes(2, raw, &mut envelope);
    bytes(3, b"", &mut envelope);
    bytes(4, b"", &mut envelope);
    envelope
}

/// What a test draws from: each byte is a choice.
struct Choices<'a>(std::slice::Iter<'a, u8>);

impl Choices<'_> {
    /// One of `most`; the first when nothing is left.
    fn one_of(&mut self, most: u8) -> u8 {
        self.0.next().map_or(0, |byte| byte % most)
    }
}

/// A document of that message, and its bytes.
fn draw(known: &Message, choices: &mut Choices<'_>) -> (Map<String, Value>, Vec<u8>) {
    let (mut document, mut wire) = (Map::new(), Vec::new());
    for (number, field) in &known.fields {
        if choices.one_of(3) == 0 {
            continue;
        }
        let Some(name) = field.name else {
            let Shape::Message(inner) = field.shape else { panic!("only messages are inline") };
            let (inner, inner_wire) = draw(message(inner).unwrap(), choices);
            document.extend(inner);
            bytes(*number, &inner_wire, &mut wire);
            continue;
        };
        if let Some(value) = draw_field(*number, field, choices, &mut wire) {
            document.insert(name.to_owned(), value);
        }
    }
    (document, wire)
}

fn draw_field(
    at: u32,
    field: &Field,
    choices: &mut Choices<'_>,
    wire: &mut Vec<u8>,
) -> Option<Value> {
    match field.count {
        Count::One => {
            let (value, is_zero) = draw_value(at, field.shape, choices, wire);
            (!is_zero || field.zero == Zero::Kept).then_some(value)
        }
        Count::Many => {
            let count = choices.one_of(2) + 1;
            Some((0..count).map(|_| draw_value(at, field.shape, choices, wire).0).collect())
        }
        Count::Map => {
            let mut map = Map::new();
            for key in ["a", "é"].iter().take(usize::from(choices.one_of(2)) + 1) {
                let mut entry = Vec::new();
                bytes(1, key.as_bytes(), &mut entry);
                map.insert((*key).to_owned(), draw_value(2, field.shape, choices, &mut entry).0);
                bytes(at, &entry, wire);
            }
            Some(Value::Object(map))
        }
    }
}

/// A value, whether it is zero, and its field on the wire.
fn draw_value(
    at: u32,
    shape: Shape,
    choices: &mut Choices<'_>,
    wire: &mut Vec<u8>,
) -> (Value, bool) {
    let choice = choices.one_of(4);
    let texts = ["", "x", "löwe", "2026-11-23"];
    let text = texts[usize::from(choice)];
    match shape {
        Shape::Text => {
            bytes(at, text.as_bytes(), wire);
            (json!(text), text.is_empty())
        }
        Shape::Bytes => {
            bytes(at, text.as_bytes(), wire);
            (json!(STANDARD.encode(text)), text.is_empty())
        }
        Shape::Bool => {
            number(at, u64::from(choice % 2), wire);
            (json!(choice % 2 == 1), choice % 2 == 0)
        }
        Shape::Int => {
            let value = [0, 1, -1, i64::MAX][usize::from(choice)];
            number(at, value.cast_unsigned(), wire);
            (json!(value), value == 0)
        }
        Shape::Message(name) => {
            let (inner, inner_wire) = draw(message(name).unwrap(), choices);
            bytes(at, &inner_wire, wire);
            (Value::Object(inner), false)
        }
        Shape::Time | Shape::MicroTime => {
            let mut inner = Vec::new();
            number(1, 1_795_421_700, &mut inner);
            number(2, 120_000, &mut inner);
            bytes(at, &inner, wire);
            let fraction = if shape == Shape::Time { "" } else { ".000120" };
            (json!(format!("2026-11-23T08:15:00{fraction}Z")), false)
        }
        Shape::Quantity => {
            let mut inner = Vec::new();
            bytes(1, b"10Gi", &mut inner);
            bytes(at, &inner, wire);
            (json!("10Gi"), false)
        }
        Shape::IntOrString => {
            let mut inner = Vec::new();
            number(1, 1, &mut inner);
            number(2, 0, &mut inner);
            bytes(3, b"http", &mut inner);
            bytes(at, &inner, wire);
            (json!("http"), false)
        }
        Shape::ExtraValue => {
            let mut inner = Vec::new();
            bytes(1, b"one", &mut inner);
            bytes(1, b"", &mut inner);
            bytes(at, &inner, wire);
            (json!(["one", ""]), false)
        }
        Shape::FieldsV1 => {
            let mut inner = Vec::new();
            bytes(1, br#"{"f:spec":{}}"#, &mut inner);
            bytes(at, &inner, wire);
            (json!({ "f:spec": {} }), false)
        }
    }
}

#[test]
fn a_namespace_of_kubectl_is_read() {
    let mut metadata = Vec::new();
    bytes(1, b"red", &mut metadata);
    for empty in [2, 3, 4, 5, 6] {
        bytes(empty, b"", &mut metadata);
    }
    number(7, 0, &mut metadata);
    bytes(8, b"", &mut metadata);
    let mut raw = Vec::new();
    bytes(1, &metadata, &mut raw);
    bytes(2, b"", &mut raw);
    bytes(3, &[0x0a, 0], &mut raw);
    let read = document(&body("v1", "Namespace", &raw)).unwrap();
    assert_eq!(
        Value::Object(read),
        json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": "red" }, "spec": {}, "status": {},
        })
    );
}

#[test]
fn numbers_may_be_packed_and_a_grace_period_of_nothing_is_one() {
    let mut raw = Vec::new();
    number(1, 0, &mut raw);
    let read = document(&body("policy/v1", "DeleteOptions", &raw)).unwrap();
    assert_eq!(read["gracePeriodSeconds"], 0);

    let (mut context, mut spec, mut raw) = (Vec::new(), Vec::new(), Vec::new());
    bytes(4, &[1, 2, 0x96, 1], &mut context);
    bytes(14, &context, &mut spec);
    bytes(2, &spec, &mut raw);
    let read = document(&body("v1", "Pod", &raw)).unwrap();
    assert_eq!(read["spec"]["securityContext"]["supplementalGroups"], json!([1, 2, 150]));
}

#[test]
fn bytes_that_are_no_document_are_refused_with_a_reason() {
    let long = [0xff; 11];
    let mut wrong = Vec::new();
    number(1, 1, &mut wrong);
    let mut invalid = Vec::new();
    bytes(1, &[0x0a, 1, 0xff], &mut invalid);
    let metadata = ProtobufError::WrongType { message: "core.Namespace", field: 1 };
    let name = ProtobufError::Text { message: "meta.ObjectMeta", field: 1 };
    for (bytes, error) in [
        (b"{}".to_vec(), ProtobufError::Magic),
        (MAGIC.to_vec(), ProtobufError::Encoding),
        ([MAGIC, &[0x0a, 5, 1]].concat(), ProtobufError::Cut),
        ([MAGIC, &[0x0f]].concat(), ProtobufError::Tag),
        ([MAGIC, &[0x02, 0]].concat(), ProtobufError::Tag),
        ([MAGIC, &long[..]].concat(), ProtobufError::Number),
        (body("v1", "Namespace", &wrong), metadata),
        (body("v1", "Namespace", &invalid), name),
    ] {
        assert_eq!(document(&bytes), Err(error));
    }
    let unknown = document(&body("apps/v1", "Deployment", &[])).unwrap_err();
    assert_eq!(unknown.to_string(), "no kind \"Deployment\" is registered for version \"apps/v1\"");
}

#[test]
fn a_body_that_asks_for_too_much_memory_is_refused() {
    let many = [0x0a, 0].repeat(400_000);
    let mut spec = Vec::new();
    bytes(2, &many, &mut spec);
    for raw in [many, spec] {
        let error = document(&body("v1", "Namespace", &raw)).err();
        assert!(matches!(error, Some(ProtobufError::TooMany { .. })));
    }
}

proptest! {
    #[test]
    fn any_document_survives_the_way_through_bytes(
        kind in 0..KINDS.len(),
        choices in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let (api_version, kind, name) = KINDS[kind];
        let (mut expected, raw) = draw(message(name).unwrap(), &mut Choices(choices.iter()));
        expected.insert("apiVersion".to_owned(), json!(api_version));
        expected.insert("kind".to_owned(), json!(kind));
        prop_assert_eq!(document(&body(api_version, kind, &raw)), Ok(expected));
    }

    #[test]
    fn hostile_bytes_are_read_or_refused(
        kind in 0..KINDS.len(),
        choices in proptest::collection::vec(any::<u8>(), 0..200),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let (api_version, kind, name) = KINDS[kind];
        let (_, raw) = draw(message(name).unwrap(), &mut Choices(choices.iter()));
        let mut hostile = body(api_version, kind, &raw);
        for (place, byte) in damage {
            let place = place.index(hostile.len());
            hostile[place] = byte;
        }
        hostile.truncate(cut.index(hostile.len()) + 1);
        let _ = document(&hostile);
    }
}
