//! Answers: objects, documents, texts, and refusals as a `Status`.

use bytes::Bytes;
use ferry_registry::Refusal;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WARNING};
use http::{Response, StatusCode};
use serde_json::Value;

use super::body::{ResponseBody, empty, full};
use super::negotiate::{Encoding, Format, Layout};

/// An answer.
pub(crate) type Answer = Response<ResponseBody>;

/// How much of warnings is told, all of them together. Clients print them all.
// PARITY: apiserver/pkg/endpoints/filters/warning.go#AddWarning
const LONGEST_WARNINGS: usize = 4 * 1024;

/// After how many seconds whoever came when there was no room comes again by itself.
// PARITY: apiserver/pkg/server/filters/maxinflight.go#retryAfter
const SOON: HeaderValue = HeaderValue::from_static("1");

/// An answer of JSON that is there, in the form that the client takes.
pub(crate) fn json(code: StatusCode, format: Format, json: Bytes) -> Answer {
    if format.encoding == Encoding::Json && format.layout == Layout::Compact {
        return typed(code, format.content_type(), full(json));
    }
    match serde_json::from_slice(&json) {
        Ok(value) => document(code, format, &value),
        Err(_) => typed(code, format.content_type(), full(json)),
    }
}

/// An answer of a document, in the form that the client takes.
pub(crate) fn document(code: StatusCode, format: Format, value: &Value) -> Answer {
    let text = match (format.encoding, format.layout) {
        (Encoding::Json, Layout::Compact) => value.to_string(),
        (Encoding::Json, Layout::Pretty) => format!("{value:#}\n"),
        (Encoding::Yaml, _) => yaml(value),
    };
    typed(code, format.content_type(), full(text))
}

/// A document as YAML. Whatever cannot be said in it is JSON, which is YAML.
pub(crate) fn yaml(value: &Value) -> String {
    serde_saphyr::to_string(value).unwrap_or_else(|_| format!("{value}\n"))
}

/// An answer with a content type.
pub(crate) fn typed(code: StatusCode, content_type: &'static str, body: ResponseBody) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = code;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    answer
}

/// An answer of plain text.
pub(crate) fn text(code: StatusCode, text: impl Into<Bytes>) -> Answer {
    typed(code, "text/plain; charset=utf-8", full(text))
}

/// An answer without a body.
pub(crate) fn bare(code: StatusCode) -> Answer {
    let mut answer = Response::new(empty());
    *answer.status_mut() = code;
    answer
}

/// There is nothing at this path, not even an API.
pub(crate) fn no_page() -> Answer {
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// A refusal as a `Status`.
pub(crate) fn refusal(refusal: &Refusal, format: Format) -> Answer {
    let code = StatusCode::from_u16(refusal.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = document(code, format, &refusal.status());
    if matches!(refusal, Refusal::TooManyRequests { .. }) {
        answer.headers_mut().insert(RETRY_AFTER, SOON);
    }
    answer
}

/// Adds warnings, which clients print.
pub(crate) fn warn<'a>(answer: &mut Answer, warnings: impl IntoIterator<Item = &'a str>) {
    let mut left = LONGEST_WARNINGS;
    for warning in warnings {
        let mut quoted = String::from("299 - \"");
        for character in warning.chars().filter(|character| !character.is_control()) {
            if matches!(character, '"' | '\\') {
                quoted.push('\\');
            }
            quoted.push(character);
        }
        quoted.push('"');
        let Some(rest) = left.checked_sub(quoted.len()) else { return };
        left = rest;
        if let Ok(value) = HeaderValue::from_bytes(quoted.as_bytes()) {
            answer.headers_mut().append(WARNING, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::json;

    use super::*;
    use crate::api::negotiate::Shape;

    #[tokio::test]
    async fn a_document_is_said_in_the_language_that_was_asked_for() {
        let value = json!({ "kind": "Pod", "n": [1] });
        for (encoding, layout, expected) in [
            (Encoding::Json, Layout::Compact, "{\"kind\":\"Pod\",\"n\":[1]}"),
            (
                Encoding::Json,
                Layout::Pretty,
                "{\n  \"kind\": \"Pod\",\n  \"n\": [\n    1\n  ]\n}\n",
            ),
            (Encoding::Yaml, Layout::Compact, "kind: Pod\nn:\n- 1\n"),
        ] {
            let format = Format { encoding, layout, shape: Shape::Object };
            let json = value.to_string();
            let answer = super::json(StatusCode::OK, format, json.into());
            assert_eq!(answer.headers()[CONTENT_TYPE], format.content_type());
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let text = String::from_utf8(body.to_vec()).unwrap();
            if encoding == Encoding::Yaml {
                let read = ferry_api::manifest::read(&text).unwrap();
                assert_eq!(Value::Object(read[0].value.clone()), value, "{text}");
            } else {
                assert_eq!(text, expected);
            }
        }
    }

    #[test]
    fn parity_whoever_finds_no_room_is_told_when_to_come_again() {
        let message = String::new();
        let busy = Refusal::TooManyRequests { message };
        assert_eq!(refusal(&busy, Format::PLAIN).headers()[RETRY_AFTER], "1");
        let other = refusal(&Refusal::NoSuchPath, Format::PLAIN);
        assert!(!other.headers().contains_key(RETRY_AFTER));
    }

    #[test]
    fn warnings_are_quoted_and_not_without_end() {
        let mut answer = bare(StatusCode::OK);
        let long = "x".repeat(LONGEST_WARNINGS);
        warn(&mut answer, ["unknown field \"spec.a\\b\"\n", "lö", long.as_str()]);
        let warnings: Vec<_> = answer.headers().get_all(WARNING).iter().collect();
        assert_eq!(warnings.len(), 2);
        assert_eq!(warnings[0], "299 - \"unknown field \\\"spec.a\\\\b\\\"\"");
        assert_eq!(warnings[1].as_bytes(), "299 - \"lö\"".as_bytes());
    }
}
