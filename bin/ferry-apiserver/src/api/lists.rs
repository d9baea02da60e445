//! Lists, which are made while they are sent: however long one is, some of it is in memory.

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use super::answer::{self, Answer};
use super::body::joined;
use super::negotiate::{Encoding, Format, Layout};

/// An answer of the document `head`, with a list of `items` under `name`, each of which is JSON.
pub(super) fn list(
    format: Format,
    head: &Value,
    name: &str,
    items: impl Iterator<Item = Bytes> + Send + Unpin + 'static,
) -> Answer {
    let body = match (format.encoding, format.layout) {
        (Encoding::Json, Layout::Compact) => joined(compact(head, name, items)),
        (Encoding::Json, Layout::Pretty) => joined(pretty(head, name, items)),
        (Encoding::Yaml, _) => joined(yaml(head, name, items)),
    };
    answer::typed(StatusCode::OK, format.content_type(), body)
}

/// As programs want it: what is there already is not looked at.
pub(super) fn compact(
    head: &Value,
    name: &str,
    items: impl Iterator<Item = Bytes> + Send + Unpin + 'static,
) -> impl Iterator<Item = Bytes> + Send + Unpin + 'static {
    let head = format!("{},\"{name}\":[", open(&head.to_string(), "}"));
    let items = items.enumerate().flat_map(|(position, item)| {
        let comma = if position == 0 { Bytes::new() } else { Bytes::from_static(b",") };
        [comma, item]
    });
    std::iter::once(Bytes::from(head)).chain(items).chain([Bytes::from_static(b"]}\n")])
}

/// As people want JSON.
fn pretty(
    head: &Value,
    name: &str,
    items: impl Iterator<Item = Bytes> + Send + Unpin + 'static,
) -> impl Iterator<Item = Bytes> + Send + Unpin + 'static {
    let mut items = items.peekable();
    let end = if items.peek().is_none() { "]\n}\n" } else { "\n  ]\n}\n" };
    let head = format!("{},\n  \"{name}\": [", open(&format!("{head:#}"), "\n}"));
    let items = items.enumerate().map(|(position, item)| {
        let comma = if position == 0 { "" } else { "," };
        let text = match serde_json::from_slice::<Value>(&item) {
            Ok(value) => format!("{value:#}"),
            Err(_) => String::from_utf8_lossy(&item).into_owned(),
        };
        Bytes::from(format!("{comma}\n    {}", text.replace('\n', "\n    ")))
    });
    std::iter::once(Bytes::from(head)).chain(items).chain([Bytes::from(end)])
}

/// As people want it who write manifests.
fn yaml(
    head: &Value,
    name: &str,
    items: impl Iterator<Item = Bytes> + Send + Unpin + 'static,
) -> impl Iterator<Item = Bytes> + Send + Unpin + 'static {
    let mut items = items.peekable();
    let begin = if items.peek().is_none() { " []" } else { "" };
    let head = format!("{}{name}:{begin}\n", answer::yaml(head));
    let items = items.map(|item| {
        let text = match serde_json::from_slice::<Value>(&item) {
            Ok(value) => answer::yaml(&value),
            Err(_) => String::from_utf8_lossy(&item).into_owned(),
        };
        let mut entry = String::with_capacity(text.len() + text.len() / 8);
        for (number, line) in text.lines().enumerate() {
            entry.push_str(match (number, line.is_empty()) {
                (0, _) => "- ",
                (_, true) => "",
                (_, false) => "  ",
            });
            entry.push_str(line);
            entry.push('\n');
        }
        Bytes::from(entry)
    });
    std::iter::once(Bytes::from(head)).chain(items)
}

/// A document without its end, so that more can follow.
fn open<'t>(text: &'t str, end: &str) -> &'t str {
    text.strip_suffix(end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use http_body_util::BodyExt;
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::negotiate::Shape;
    use super::*;

    fn read(format: Format, head: &Value, items: Vec<Value>) -> String {
        let items = items.into_iter().map(|item| Bytes::from(item.to_string()));
        let items: Vec<_> = items.collect();
        let answer = list(format, head, "items", items.into_iter());
        let body = answer.into_body().collect().now_or_never().unwrap().unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    fn formats() -> [Format; 3] {
        [
            (Encoding::Json, Layout::Compact),
            (Encoding::Json, Layout::Pretty),
            (Encoding::Yaml, Layout::Compact),
        ]
        .map(|(encoding, layout)| Format { encoding, layout, shape: Shape::Object })
    }

    #[test]
    fn lists_look_as_if_they_were_printed_whole() {
        let head = json!({ "apiVersion": "v1", "kind": "PodList", "metadata": { "a": "1" } });
        for items in [vec![], vec![json!({ "a": [1, {}] })], vec![json!({ "b": "x\ny" }), json!(1)]]
        {
            let whole = json!({
                "apiVersion": "v1", "kind": "PodList", "metadata": { "a": "1" }, "items": items,
            });
            let [compact, pretty, _] = formats().map(|form| read(form, &head, items.clone()));
            assert_eq!(serde_json::from_str::<Value>(&compact).unwrap(), whole);
            assert!(!compact.trim_end().contains('\n'));
            assert_eq!(serde_json::from_str::<Value>(&pretty).unwrap(), whole);
            let lines = |text: &str| text.lines().count();
            assert_eq!(lines(&pretty), lines(&format!("{whole:#}")), "{pretty}");
        }
        let yaml = read(formats()[2], &head, vec![json!({ "b": "x\ny\n", "c": { "d": [] } })]);
        assert_eq!(
            yaml,
            "apiVersion: v1\nkind: PodList\nmetadata:\n  a: \"1\"\nitems:\n- b: |\n    x\n    y\n  c:\n    d: []\n"
        );
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~\n\t:#äñ'\"|>%-]{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{1,6}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_in_a_list_comes_back_in_every_form(
            items in prop::collection::vec(
                prop::collection::btree_map("[a-z]{1,6}", value(), 1..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
                0..5,
            ),
        ) {
            let head = json!({ "kind": "AList" });
            let whole = json!({ "kind": "AList", "items": items });
            for format in formats() {
                let text = read(format, &head, items.clone());
                let found = match format.encoding {
                    Encoding::Json => serde_json::from_str::<Value>(&text).unwrap(),
                    Encoding::Yaml => serde_saphyr::from_str::<Value>(&text).unwrap(),
                };
                prop_assert_eq!(&found, &whole, "{}", text);
            }
        }
    }
}
