//! What clients send, and what they get.

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};

use super::*;

fn with(name: http::HeaderName, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, value.parse().unwrap());
    headers
}

const KUBECTL_GET: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,\
    application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

#[test]
fn the_first_form_that_can_be_made_is_chosen() {
    let json = Some((Encoding::Json, Shape::Object));
    let yaml = Some((Encoding::Yaml, Shape::Object));
    let table = Some((Encoding::Json, Shape::Table(MetaVersion::V1)));
    let partial = Some((Encoding::Json, Shape::Partial(MetaVersion::V1)));
    for (accept, plain, objects, stream) in [
        ("", json, json, json),
        ("*/*", json, json, json),
        ("application/*", json, json, json),
        ("application/json", json, json, json),
        ("application/json, */*", json, json, json),
        ("application/json;stream=watch", json, json, json),
        ("application/vnd.kubernetes.protobuf,application/json", json, json, json),
        ("application/vnd.kubernetes.protobuf;stream=watch,application/json", json, json, json),
        ("application/vnd.kubernetes.protobuf", None, None, None),
        ("application/yaml", yaml, yaml, None),
        ("Application/YAML", yaml, yaml, None),
        ("APPLICATION/Json;As=Table;V=v1;G=meta.k8s.io;Q=0.5", None, table, table),
        ("application/yaml,application/json", yaml, yaml, json),
        ("application/yaml;q=0.5,application/json", json, json, json),
        ("application/json;q=0", None, None, None),
        ("text/html,application/xhtml+xml,*/*;q=0.8", json, json, json),
        ("text/html", None, None, None),
        ("nonsense", None, None, None),
        (KUBECTL_GET, json, table, table),
        ("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", None, partial, partial),
        (
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            None,
            partial,
            partial,
        ),
        ("application/json;as=Table;g=meta.k8s.io;v=v2", None, None, None),
        ("application/json;as=Table;v=v1,*/*", json, json, json),
    ] {
        let headers = if accept.is_empty() { HeaderMap::new() } else { with(ACCEPT, accept) };
        for (offer, expected) in
            [(Offer::Plain, plain), (Offer::Objects, objects), (Offer::Stream, stream)]
        {
            let format = Format::negotiate(&headers, &Query::default(), offer);
            let found = format.ok().map(|format| (format.encoding, format.shape));
            assert_eq!(found, expected, "{accept} {offer:?}");
        }
    }
}

#[test]
fn eyes_get_it_laid_out() {
    for (agent, query, expected) in [
        ("kubectl/v1.33.0", "", Layout::Compact),
        ("kubectl/v1.33.0", "pretty=true", Layout::Pretty),
        ("curl/8.5.0", "", Layout::Pretty),
        ("curl/8.5.0", "pretty=false", Layout::Compact),
        ("Mozilla/5.0 (X11)", "", Layout::Pretty),
    ] {
        let format =
            Format::negotiate(&with(USER_AGENT, agent), &Query::parse(query), Offer::Objects);
        assert_eq!(format.unwrap().layout, expected, "{agent} {query}");
    }
}

#[test]
fn discovery_comes_in_one_document_for_whoever_takes_that() {
    const V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    const BETA: &str = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
    for (accept, expected) in [
        (format!("{V2},{BETA},application/json"), DiscoveryForm::Aggregated("v2")),
        (format!("{BETA},application/json"), DiscoveryForm::Aggregated("v2beta1")),
        ("application/json".to_owned(), DiscoveryForm::Plain),
        ("*/*".to_owned(), DiscoveryForm::Plain),
        ("application/vnd.kubernetes.protobuf".to_owned(), DiscoveryForm::Plain),
    ] {
        assert_eq!(discovery_form(&with(ACCEPT, &accept)), expected, "{accept}");
    }
}

#[test]
fn parity_whoever_takes_no_form_of_a_stream_is_told_those_of_streams() {
    for (offer, forms) in [
        (Offer::Objects, "application/json, application/yaml"),
        (Offer::Stream, "application/json;stream=watch"),
    ] {
        let headers = with(ACCEPT, "text/html");
        let refusal = Format::negotiate(&headers, &Query::default(), offer).unwrap_err();
        let expected = format!("only the following media types are accepted: {forms}");
        assert_eq!(refusal.to_string(), expected);
    }
}

#[test]
fn a_body_without_a_type_is_json_and_a_patch_without_one_is_refused() {
    for (content_type, expected) in [
        ("application/json", Some(BodyForm::Json)),
        ("application/json; charset=utf-8", Some(BodyForm::Json)),
        ("application/yaml", Some(BodyForm::Yaml)),
        ("Application/JSON; Charset=UTF-8", Some(BodyForm::Json)),
        ("application/vnd.kubernetes.protobuf", Some(BodyForm::Protobuf)),
        ("text/plain", None),
    ] {
        assert_eq!(body_form(&with(CONTENT_TYPE, content_type)).ok(), expected, "{content_type}");
    }
    assert_eq!(body_form(&HeaderMap::new()), Ok(BodyForm::Json));
    let refusal = patch_form(&HeaderMap::new(), StrategicPatches::Refused).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the body of the request was in an unknown format - accepted media types include: \
         application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
    );
    let strategic = with(CONTENT_TYPE, "application/strategic-merge-patch+json");
    assert_eq!(patch_form(&strategic, StrategicPatches::Taken), Ok(PatchForm::Strategic));
    assert!(patch_form(&strategic, StrategicPatches::Refused).is_err());
}

proptest::proptest! {
    #[test]
    fn any_header_is_read(accept in "[ -~]{0,60}") {
        let _ = Format::negotiate(&with(ACCEPT, &accept), &Query::default(), Offer::Objects);
        let _ = discovery_form(&with(ACCEPT, &accept));
    }
}
