//! In which form a client is answered, and in which form its bodies are.

mod accept;
#[cfg(test)]
mod tests;

use ferry_registry::Refusal;
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};

use super::path::Query;
use accept::{MediaType, accepted};

/// What answers can be made in.
pub(crate) const ANSWERS: [&str; 2] = [JSON, YAML];

pub(crate) const JSON: &str = "application/json";
pub(crate) const YAML: &str = "application/yaml";
pub(crate) const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    /// The language.
    pub(crate) encoding: Encoding,
    /// How it is laid out.
    pub(crate) layout: Layout,
    /// How much of an object is shown.
    pub(crate) shape: Shape,
}

/// The language of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// How an answer is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Without blanks.
    Compact,
    /// For eyes.
    Pretty,
}

/// How much of an object is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// All of it.
    Object,
    /// Rows of a table.
    Table(MetaVersion),
    /// Its metadata.
    Partial(MetaVersion),
}

/// A version of `meta.k8s.io`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetaVersion {
    /// `v1`.
    V1,
    /// `v1beta1`.
    V1Beta1,
}

/// What a path can be answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// One form only: documents, reviews.
    Plain,
    /// Objects, also as tables or as their metadata.
    Objects,
    /// A stream of those, in JSON only.
    Stream,
}

/// How the list of groups and resources is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DiscoveryForm {
    /// A document for each group and version.
    Plain,
    /// All in one, in this version of `apidiscovery.k8s.io`.
    Aggregated(&'static str),
}

impl Format {
    /// Plain JSON.
    pub(crate) const PLAIN: Self =
        Self { encoding: Encoding::Json, layout: Layout::Compact, shape: Shape::Object };

    /// The first form that the client takes and the path offers.
    ///
    /// # Errors
    /// [`Refusal::NotAcceptable`] if there is none.
    pub(crate) fn negotiate(
        headers: &HeaderMap,
        query: &Query,
        offer: Offer,
    ) -> Result<Self, Refusal> {
        let header = accept_header(headers);
        // What most clients ask for.
        let layout = layout(headers, query);
        if header.is_empty() || header == JSON {
            return Ok(Self { layout, ..Self::PLAIN });
        }
        accepted(&header)
            .iter()
            .find_map(|media| Self::of(media, layout, offer))
            .ok_or_else(|| Refusal::NotAcceptable { accepted: offer.answers() })
    }

    fn of(media: &MediaType<'_>, layout: Layout, offer: Offer) -> Option<Self> {
        let encoding = media.encoding()?;
        if offer == Offer::Stream && encoding == Encoding::Yaml {
            return None;
        }
        let layout = match media.parameter("pretty") {
            Some("1") => Layout::Pretty,
            Some(_) | None => layout,
        };
        let shape = match media.parameter("as") {
            None => Shape::Object,
            Some(_) if offer == Offer::Plain => return None,
            Some(kind) => media.shape(kind)?,
        };
        Some(Self { encoding, layout, shape })
    }

    /// What the answer says of itself.
    pub(crate) const fn content_type(self) -> &'static str {
        match self.encoding {
            Encoding::Json => JSON,
            Encoding::Yaml => YAML,
        }
    }
}

impl Offer {
    /// The forms of it, for whoever takes none.
    // PARITY: apiserver/pkg/endpoints/handlers/negotiation/negotiate.go#MediaTypesForSerializer
    fn answers(self) -> Vec<String> {
        match self {
            Self::Plain | Self::Objects => ANSWERS.map(str::to_owned).to_vec(),
            Self::Stream => vec![format!("{JSON};stream=watch")],
        }
    }
}

impl MetaVersion {
    /// As `apiVersion` has it.
    pub(crate) const fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "meta.k8s.io/v1",
            Self::V1Beta1 => "meta.k8s.io/v1beta1",
        }
    }
}

impl MediaType<'_> {
    fn encoding(&self) -> Option<Encoding> {
        match (self.kind.as_str(), self.subtype.as_str()) {
            ("*", "*") | ("application", "*" | "json") => Some(Encoding::Json),
            ("application", "yaml") => Some(Encoding::Yaml),
            _ => None,
        }
    }

    fn shape(&self, kind: &str) -> Option<Shape> {
        if self.parameter("g") != Some("meta.k8s.io") {
            return None;
        }
        let version = match self.parameter("v")? {
            "v1" => MetaVersion::V1,
            "v1beta1" => MetaVersion::V1Beta1,
            _ => return None,
        };
        match kind {
            "Table" => Some(Shape::Table(version)),
            "PartialObjectMetadata" | "PartialObjectMetadataList" => Some(Shape::Partial(version)),
            _ => None,
        }
    }
}

/// How the list of groups and resources is answered: the first form that the client takes, and JSON
/// to whoever takes none, since old clients ask for discovery in ways of their own.
pub(crate) fn discovery_form(headers: &HeaderMap) -> DiscoveryForm {
    let header = accept_header(headers);
    let forms = accepted(&header);
    let form = forms.iter().find_map(|media| {
        media.encoding().filter(|encoding| *encoding == Encoding::Json)?;
        match (media.parameter("as"), media.parameter("g"), media.parameter("v")) {
            (None, _, _) => Some(DiscoveryForm::Plain),
            (Some("APIGroupDiscoveryList"), Some("apidiscovery.k8s.io"), Some("v2")) => {
                Some(DiscoveryForm::Aggregated("v2"))
            }
            (Some("APIGroupDiscoveryList"), Some("apidiscovery.k8s.io"), Some("v2beta1")) => {
                Some(DiscoveryForm::Aggregated("v2beta1"))
            }
            _ => None,
        }
    });
    form.unwrap_or(DiscoveryForm::Plain)
}

/// Whether a client wants protobuf before anything else.
pub(crate) fn prefers_protobuf(headers: &HeaderMap) -> bool {
    let header = accept_header(headers);
    accepted(&header)
        .first()
        .is_some_and(|media| media.kind == "application" && media.subtype.contains("protobuf"))
}

fn accept_header(headers: &HeaderMap) -> String {
    let values = headers.get_all(ACCEPT).iter();
    values.filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join(",")
}

/// People who look with a browser or curl want to read it.
// PARITY: apiserver/pkg/endpoints/handlers/negotiation/negotiate.go#isPrettyPrint
fn layout(headers: &HeaderMap, query: &Query) -> Layout {
    if query.get("pretty").is_some() {
        return if query.flag("pretty") { Layout::Pretty } else { Layout::Compact };
    }
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let is_for_eyes = ["curl", "Wget", "Mozilla/5.0"].iter().any(|eye| agent.starts_with(eye));
    if is_for_eyes { Layout::Pretty } else { Layout::Compact }
}

/// The form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyForm {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// Kubernetes' protobuf.
    Protobuf,
}

/// The form of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatchForm {
    /// RFC 6902.
    Json,
    /// RFC 7396.
    Merge,
    /// Kubernetes' own.
    Strategic,
    /// Server-side apply.
    Apply,
}

/// The form of the body of a write. Without a `Content-Type` it is JSON, as python's and virtctl's
/// bodies are.
pub(crate) fn body_form(headers: &HeaderMap) -> Result<BodyForm, Refusal> {
    match content_type(headers).as_str() {
        "" | JSON => Ok(BodyForm::Json),
        YAML | "application/x-yaml" | "text/yaml" => Ok(BodyForm::Yaml),
        PROTOBUF => Ok(BodyForm::Protobuf),
        _ => Err(unsupported(&[JSON, YAML, PROTOBUF])),
    }
}

/// Whether a kind takes strategic patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StrategicPatches {
    /// It is one of Kubernetes' own.
    Taken,
    /// It is a custom one.
    Refused,
}

/// The form of a patch, which has to be told.
pub(crate) fn patch_form(
    headers: &HeaderMap,
    strategic: StrategicPatches,
) -> Result<PatchForm, Refusal> {
    const JSON_PATCH: &str = "application/json-patch+json";
    const MERGE: &str = "application/merge-patch+json";
    const STRATEGIC: &str = "application/strategic-merge-patch+json";
    const APPLY: &str = "application/apply-patch+yaml";
    match (content_type(headers).as_str(), strategic) {
        (JSON_PATCH, _) => Ok(PatchForm::Json),
        (MERGE, _) => Ok(PatchForm::Merge),
        (STRATEGIC, StrategicPatches::Taken) => Ok(PatchForm::Strategic),
        (APPLY, _) => Ok(PatchForm::Apply),
        (_, StrategicPatches::Taken) => Err(unsupported(&[JSON_PATCH, MERGE, STRATEGIC, APPLY])),
        (_, StrategicPatches::Refused) => Err(unsupported(&[JSON_PATCH, MERGE, APPLY])),
    }
}

/// The type of a body without its parameters, in small letters.
fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn unsupported(accepted: &[&str]) -> Refusal {
    Refusal::UnsupportedMediaType { accepted: accepted.iter().map(|&one| one.to_owned()).collect() }
}
