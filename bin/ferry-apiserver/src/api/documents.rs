//! Documents about the API itself: discovery, OpenAPI, the version.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ferry_api::discovery::{self, Edition, Root};
use ferry_api::{Misfiled, openapi};
use ferry_registry::Refusal;
use http::header::{CACHE_CONTROL, ETAG, EXPIRES, HeaderValue, IF_NONE_MATCH, LOCATION, VARY};
use http::{HeaderMap, StatusCode};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::body::full;
use super::negotiate::{DiscoveryForm, Format, JSON, Offer, discovery_form, prefers_protobuf};
use super::path::{Discovery, OpenApi};
use super::request::Asked;

/// What `kubectl version` warns about is a difference of more than one minor version. This one suits
/// the clients of the last releases, and everything that they ask for is served.
const MINOR: &str = "34";

/// What this is built for, in Go's words.
pub(super) const PLATFORM: &str =
    if cfg!(target_arch = "aarch64") { "linux/arm64" } else { "linux/amd64" };

/// The content type of the old description of the API.
const V2_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// A document with the name by which clients recognise it.
#[derive(Debug)]
struct Document {
    text: Bytes,
    etag: HeaderValue,
}

/// Documents that were made. There are as many as groups and versions, and a few more.
#[derive(Debug)]
pub(super) struct Documents {
    misfiled: Misfiled,
    made: Mutex<BTreeMap<String, Arc<Document>>>,
}

impl Documents {
    /// None yet; they will be of an API in which misfiled machines are served or not.
    pub(super) fn new(misfiled: Misfiled) -> Self {
        Self { misfiled, made: Mutex::default() }
    }

    /// The document of that name, made when first asked for.
    fn get(&self, name: &str, make: impl FnOnce() -> Option<Value>) -> Option<Arc<Document>> {
        let known = || self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(document) = known().get(name) {
            return Some(Arc::clone(document));
        }
        // Outside the lock: the largest takes a while, and others want others.
        let text = Bytes::from(make()?.to_string());
        let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, &text));
        let etag = HeaderValue::from_str(&format!("\"{hash}\""))
            .expect("letters and digits in quotes are a header");
        let document = Arc::new(Document { text, etag });
        known().insert(name.to_owned(), Arc::clone(&document));
        Some(document)
    }

    /// Which groups and resources there are.
    pub(super) fn discovery(&self, asked: &Asked<'_>, discovery: &Discovery) -> Answer {
        let form = discovery_form(asked.headers);
        let format = asked.format(Offer::Plain).unwrap_or(Format::PLAIN);
        let name = |name: &str| format!("discovery {name}");
        let found = match (discovery, form) {
            (Discovery::Core, DiscoveryForm::Aggregated(version)) => {
                return self.aggregated(asked, Root::Core, version);
            }
            (Discovery::Groups, DiscoveryForm::Aggregated(version)) => {
                return self.aggregated(asked, Root::Groups, version);
            }
            (Discovery::Core, _) => self.get(&name("/api"), || Some(discovery::api_versions())),
            (Discovery::Groups, _) => self.get(&name("/apis"), || Some(discovery::groups())),
            (Discovery::Group(group), _) => self.get(&name(group), || discovery::group(group)),
            (Discovery::Resources { group, version }, _) => {
                let name = name(&format!("{group}/{version}"));
                self.get(&name, || discovery::resources(group, version))
            }
        };
        found.map_or_else(answer::no_page, |document| {
            let mut answer = answer::json(StatusCode::OK, format, document.text.clone());
            answer.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
            answer
        })
    }

    fn aggregated(&self, asked: &Asked<'_>, root: Root, version: &'static str) -> Answer {
        let (edition, content_type) = match version {
            "v2beta1" => (
                Edition::V2Beta1,
                "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
            ),
            _ => (
                Edition::V2,
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
            ),
        };
        let name = format!("discovery {root:?} {version}");
        let document =
            self.get(&name, || Some(discovery::aggregated(root, edition, self.misfiled)));
        let Some(document) = document else { return answer::no_page() };
        let mut answer = if is_known(asked.headers, &document) {
            answer::bare(StatusCode::NOT_MODIFIED)
        } else {
            answer::typed(StatusCode::OK, content_type, full(document.text.clone()))
        };
        let headers = answer.headers_mut();
        headers.insert(ETAG, document.etag.clone());
        headers.insert(VARY, HeaderValue::from_static("Accept"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public"));
        answer
    }

    /// What objects look like.
    pub(super) fn open_api(&self, asked: &Asked<'_>, which: &OpenApi) -> Answer {
        match which {
            // An empty protobuf is a valid document of nothing, after which kubectl asks for the new
            // description; the oldest ones need it.
            OpenApi::V2 if prefers_protobuf(asked.headers) => {
                answer::typed(StatusCode::OK, V2_PROTOBUF, full(Bytes::new()))
            }
            OpenApi::V2 => {
                self.known(asked, "openapi/v2", || Some(openapi::v2_json(self.misfiled)))
            }
            OpenApi::Index => {
                self.known(asked, "openapi/v3", || Some(openapi::v3_index(self.misfiled)))
            }
            OpenApi::V3 { group, version } => self.open_api_v3(asked, group, version),
        }
    }

    /// A document that is for ever at its hash.
    // PARITY: kube-openapi/pkg/handler3/handler.go#HandleGroupVersion
    fn open_api_v3(&self, asked: &Asked<'_>, group: &str, version: &str) -> Answer {
        let Some(hash) = openapi::v3_hash(group, version, self.misfiled) else {
            return answer::no_page();
        };
        if let Some(wanted) = asked.query.text("hash")
            && wanted != hash
        {
            let mut answer = answer::bare(StatusCode::MOVED_PERMANENTLY);
            let location = format!("{}?hash={hash}", asked.info.path);
            if let Ok(location) = HeaderValue::from_str(&location) {
                answer.headers_mut().insert(LOCATION, location);
            }
            return answer;
        }
        let name = format!("openapi/v3 {group}/{version}");
        let mut answer = self.known(asked, &name, || openapi::v3(group, version, self.misfiled));
        if asked.query.text("hash").is_some() && answer.status() != StatusCode::NOT_FOUND {
            let headers = answer.headers_mut();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, immutable"));
            // Whoever does not know `immutable` goes by this; it is far enough away.
            headers.insert(EXPIRES, HeaderValue::from_static("Thu, 31 Dec 2099 23:59:59 GMT"));
        }
        answer
    }

    /// A document, unless the client has it.
    fn known(&self, asked: &Asked<'_>, name: &str, make: impl FnOnce() -> Option<Value>) -> Answer {
        let Some(document) = self.get(name, make) else { return answer::no_page() };
        let mut answer = if is_known(asked.headers, &document) {
            answer::bare(StatusCode::NOT_MODIFIED)
        } else {
            answer::typed(StatusCode::OK, JSON, full(document.text.clone()))
        };
        let headers = answer.headers_mut();
        headers.insert(ETAG, document.etag.clone());
        headers.insert(VARY, HeaderValue::from_static("Accept"));
        answer
    }
}

fn is_known(headers: &HeaderMap, document: &Document) -> bool {
    let etag = document.etag.as_bytes();
    headers.get_all(IF_NONE_MATCH).iter().any(|known| {
        let mut known = known.as_bytes().split(|byte| *byte == b',');
        known.any(|known| {
            let known = known.trim_ascii();
            known.strip_prefix(b"W/").unwrap_or(known) == etag
        })
    })
}

/// The server's version. All nine fields: python's client insists on them.
pub(super) fn version(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let version = json!({
        "major": "1",
        "minor": MINOR,
        "gitVersion": format!("v1.{MINOR}.0+ferry"),
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": PLATFORM,
    });
    Ok(answer::document(StatusCode::OK, asked.format(Offer::Plain)?, &version))
}

/// The paths that there are.
pub(super) fn root(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let mut paths: Vec<String> = ["/api", "/api/v1", "/apis"].map(str::to_owned).to_vec();
    for (group, version) in discovery::group_versions() {
        if !group.is_empty() {
            paths.push(format!("/apis/{group}"));
            paths.push(format!("/apis/{group}/{version}"));
        }
    }
    paths.extend(
        ["/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]
            .map(str::to_owned),
    );
    paths.sort_unstable();
    paths.dedup();
    Ok(answer::document(StatusCode::OK, asked.format(Offer::Plain)?, &json!({ "paths": paths })))
}
