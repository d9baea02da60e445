//! A cluster in memory, and a client that speaks to its API.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard};
use std::time::Duration;

use bytes::Bytes;
use ferry_admission::{Action, ActionAnswer, Authorizer, Policies, act};
use ferry_api::{Kind, Misfiled};
use ferry_registry::{Context, Refusal, Request, Revision, State, User, decide};
use ferry_units::WallTime;
use http::header::{CONTENT_TYPE, WARNING};
use http::{HeaderMap, Method, Response};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::access::{Authenticated, Caller, Holder, Issued};
use crate::api::{Api, Backend, Check, CheckScope, Process, ResponseBody, Trouble, Written};
use crate::http::{Stop, Stopping};
use crate::secret::Secret;

/// The registry with one write at a time, each of which is durable at once.
pub(super) struct Memory {
    state: RwLock<State>,
    changes: watch::Sender<Revision>,
    drawn: AtomicU64,
}

impl Memory {
    fn do_write(&self, request: &Request) -> Result<Written, Refusal> {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        let context = Context {
            now: self.now(),
            uid: format!("00000000-0000-4000-8000-{drawn:012}"),
            suffixes: vec![format!("{drawn:0>5}").replace(['0', '1', '3'], "x")],
        };
        let mut state = self.state.write().unwrap();
        let decision = decide(&state, request, &context, &Policies::default())?;
        if let Some(change) = decision.change {
            state.apply(change, context.now);
            self.changes.send_replace(state.revision());
        }
        Ok(Written { answer: decision.answer, warnings: decision.warnings })
    }
}

impl Backend for Memory {
    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap()
    }

    async fn write(&self, request: Request) -> Result<Written, Refusal> {
        self.do_write(&request)
    }

    async fn act(&self, user: User, action: Action) -> Result<ActionAnswer, Refusal> {
        let outcome = act(&action, &user, &*self.state(), self.now());
        for write in outcome.writes {
            self.do_write(&write).map_err(|refusal| action.map_refusal(refusal))?;
        }
        outcome.answer
    }

    fn watch(&self, _: Kind) -> watch::Receiver<Revision> {
        self.changes.subscribe()
    }

    fn authorizer(&self) -> Arc<Authorizer> {
        Arc::new(Authorizer::compile(&*self.state()))
    }

    fn now(&self) -> WallTime {
        "2026-11-23T08:15:00Z".parse().unwrap()
    }

    fn trouble(&self) -> Option<Trouble> {
        None
    }
}

/// A process that is well and knows one token.
pub(super) struct Calm(Stopping);

impl Process for Calm {
    fn metrics(&self) -> String {
        "ferry_calm 1\n".to_owned()
    }

    fn checks(&self) -> Vec<Check> {
        vec![Check { name: "ping", scope: CheckScope::Alive, problem: None }]
    }

    fn issue_token(
        &self,
        holder: &Holder,
        audiences: &[String],
        lifetime: Duration,
        now: WallTime,
    ) -> Issued {
        let text = format!("{holder:?} {audiences:?} {lifetime:?}");
        Issued { token: Secret::new(text), expires: now }
    }

    fn review_token(
        &self,
        token: &str,
        audiences: &[String],
        _: WallTime,
    ) -> Option<(User, Vec<String>)> {
        let user = User { name: "bot".to_owned(), ..User::default() };
        (token == "good").then(|| (user, audiences.to_vec()))
    }

    fn stopping(&self) -> Stopping {
        self.0.clone()
    }
}

/// A cluster with the namespace `red`.
pub(super) struct Cluster {
    pub(super) api: Api<Memory, Calm>,
    pub(super) stop: Stop,
    user: User,
}

/// An answer that has come to its end.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Reply {
    /// The document.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The code, the reason and the message of a refusal.
    pub(super) fn refusal(&self) -> (u16, String, String) {
        let status = self.json();
        assert_eq!((&status["kind"], &status["status"]), (&json!("Status"), &json!("Failure")));
        assert_eq!(status["code"], self.code);
        let text = |name: &str| status[name].as_str().unwrap_or_default().to_owned();
        (self.code, text("reason"), text("message"))
    }

    /// What the client is warned of.
    pub(super) fn warnings(&self) -> Vec<String> {
        let warnings = self.headers.get_all(WARNING).iter();
        warnings.map(|warning| warning.to_str().unwrap().to_owned()).collect()
    }
}

impl Cluster {
    pub(super) async fn new() -> Self {
        Self::with(Misfiled::Served).await
    }

    /// One in which misfiled machines are served or not.
    pub(super) async fn with(misfiled: Misfiled) -> Self {
        let (stop, stopping) = Stop::new();
        let memory = Memory {
            state: RwLock::new(State::restore([], Revision(100))),
            changes: watch::channel(Revision(100)).0,
            drawn: AtomicU64::new(0),
        };
        let admin = User {
            name: "admin".to_owned(),
            groups: vec!["system:masters".to_owned(), "system:authenticated".to_owned()],
            ..User::default()
        };
        let api = Api::new(Arc::new(memory), Arc::new(Calm(stopping)), misfiled);
        let cluster = Self { api, stop, user: admin };
        let red = json!({ "metadata": { "name": "red" } });
        assert_eq!(cluster.post("/api/v1/namespaces", &red).await.code, 201);
        cluster
    }

    /// The same cluster, asked by another user.
    pub(super) fn user(mut self, name: &str) -> Self {
        let groups = vec!["system:authenticated".to_owned()];
        self.user = User { name: name.to_owned(), groups, ..User::default() };
        self
    }

    /// The answer, whose body may still be coming.
    pub(super) async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Response<ResponseBody> {
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let caller =
            Caller { user: self.user.clone().into(), authenticated: Authenticated::Certificate };
        self.api.serve(caller, request).await
    }

    pub(super) async fn ask(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        let answer = self.send(method, url, headers, body).await;
        let (head, body) = answer.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Reply {
            code: head.status.as_u16(),
            headers: head.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub(super) async fn get(&self, url: &str) -> Reply {
        self.ask(Method::GET, url, &[], "").await
    }

    pub(super) async fn post(&self, url: &str, body: &Value) -> Reply {
        self.ask(Method::POST, url, &[], body.to_string()).await
    }

    pub(super) async fn put(&self, url: &str, body: &Value) -> Reply {
        self.ask(Method::PUT, url, &[], body.to_string()).await
    }

    pub(super) async fn delete(&self, url: &str) -> Reply {
        self.ask(Method::DELETE, url, &[], "").await
    }

    pub(super) async fn patch(&self, url: &str, form: &str, body: &Value) -> Reply {
        self.patch_text(url, form, &body.to_string()).await
    }

    pub(super) async fn patch_text(&self, url: &str, form: &str, body: &str) -> Reply {
        let form = format!("application/{form}");
        let headers = [(CONTENT_TYPE.as_str(), form.as_str())];
        self.ask(Method::PATCH, url, &headers, body.to_owned()).await
    }
}

pub(super) const CONFIG_MAPS: &str = "/api/v1/namespaces/red/configmaps";
pub(super) const MACHINES: &str = "/apis/kubevirt.io/v1/namespaces/red/virtualmachines";

/// A virtual machine that is not started.
pub(super) fn machine(name: &str) -> Value {
    json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": { "name": name, "namespace": "red" },
        "spec": {
            "runStrategy": "Halted",
            "template": { "spec": { "domain": { "devices": {} } } },
        },
    })
}

/// A config map of one entry.
pub(super) fn config_map(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": name, "labels": { "app": name } },
        "data": { "key": "1" },
    })
}
