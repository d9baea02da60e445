//! A server that answers as a test wants, and remembers what it was asked.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use ferry_units::WallTime;
use futures::stream;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

/// How a request is answered.
pub(crate) enum Answer {
    /// With this code and document.
    Json(u16, Value),
    /// Not at all: the connection is cut.
    Cut,
    /// With these lines, and silence after them.
    Watch(Vec<Value>),
    /// With these lines, and that is the end.
    ShortWatch(Vec<Value>),
}

/// What was asked: `METHOD path?query`, and the body.
pub(crate) type Asked = (String, Value);

/// A server that answers as a test wants.
#[derive(Clone)]
pub(crate) struct Server {
    asked: Arc<Mutex<Vec<Asked>>>,
    pub(crate) client: Client,
}

impl Server {
    /// One that asks `answer` for each answer.
    pub(crate) fn new(mut answer: impl FnMut(&str, &Value) -> Answer + Send + 'static) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(Mutex::new(move |asked: &Asked| answer(&asked.0, &asked.1)));
        let service = tower::service_fn({
            let asked = Arc::clone(&asked);
            move |request: Request<Body>| {
                let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
                async move {
                    let request = read(request).await;
                    let answer = answer.lock().unwrap()(&request);
                    asked.lock().unwrap().push(request);
                    respond(answer)
                }
            }
        });
        Self { asked, client: Client::new(service, "default") }
    }

    /// One whose kinds are all empty, and that answers writes as `answer` wants.
    pub(crate) fn with_nothing(
        mut answer: impl FnMut(&str, &Value) -> Answer + Send + 'static,
    ) -> Self {
        Self::new(move |line, body| {
            if line.contains("watch=true") {
                Answer::Watch(Vec::new())
            } else if line.starts_with("GET") && line.ends_with('?') {
                list(1, &[])
            } else {
                answer(line, body)
            }
        })
    }

    /// What was asked, lists and watches apart.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        let is_list = |line: &str| line.starts_with("GET") && line.ends_with('?');
        let is_other = |(line, _): &&Asked| !line.contains("watch=") && !is_list(line);
        asked.iter().filter(is_other).cloned().collect()
    }

    /// What was asked, in one line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(line, _)| line.clone()).collect()
    }
}

async fn read(request: Request<Body>) -> Asked {
    let line = format!("{} {}", request.method(), request.uri());
    let body = request.into_body().collect_bytes().await.unwrap();
    (line, serde_json::from_slice(&body).unwrap_or_default())
}

type Sent = Result<Response<UnsyncBoxBody<Bytes, Infallible>>, std::io::Error>;

fn respond(answer: Answer) -> Sent {
    let lines = |lines: Vec<Value>| {
        let lines = lines.into_iter().map(|line| Bytes::from(format!("{line}\n")));
        lines.map(|line| Ok::<_, Infallible>(Frame::data(line))).collect::<Vec<_>>()
    };
    let (code, body) = match answer {
        Answer::Json(code, value) => (code, Full::from(value.to_string()).boxed_unsync()),
        Answer::Cut => return Err(std::io::ErrorKind::ConnectionReset.into()),
        Answer::ShortWatch(told) => {
            (200, StreamBody::new(stream::iter(lines(told))).boxed_unsync())
        }
        Answer::Watch(told) => {
            use futures::StreamExt;
            let told = stream::iter(lines(told)).chain(stream::pending());
            (200, StreamBody::new(told).boxed_unsync())
        }
    };
    Ok(Response::builder().status(code).body(body).unwrap())
}

/// A list of this revision.
pub(crate) fn list(revision: u64, items: &[Value]) -> Answer {
    let metadata = json!({ "resourceVersion": revision.to_string() });
    Answer::Json(200, json!({ "kind": "List", "metadata": metadata, "items": items }))
}

/// A refusal.
pub(crate) fn refusal(code: u16, reason: &str) -> Answer {
    Answer::Json(
        code,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "reason": reason, "message": format!("it is {reason}"), "code": code,
        }),
    )
}

/// A pod as a server has it.
pub(crate) fn pod(name: &str, revision: u64) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "namespace": "ns", "name": name, "uid": format!("uid-{name}"),
            "resourceVersion": revision.to_string(),
        },
    })
}

/// The time at which all of this happens.
pub(crate) fn noon() -> WallTime {
    "2026-11-26T12:00:00Z".parse().unwrap()
}
