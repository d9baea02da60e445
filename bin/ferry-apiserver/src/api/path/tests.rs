//! What each path means, to authorization and to us.

use ferry_api::Misfiled;
use http::Method;

use super::*;

fn info<'a>(method: &Method, url: &'a str) -> RequestInfo<'a> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    RequestInfo::new(method, path, &Query::parse(query))
}

fn route(url: &str) -> Route {
    Route::new(&info(&Method::GET, url), Misfiled::Served)
}

/// `verb group/version namespace resource name subresource`, a dash for what is empty.
fn words(info: &RequestInfo) -> String {
    let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let Some(path) = &info.resource else { return format!("{} {}", info.verb, info.plain_path) };
    [
        info.verb.to_string(),
        format!("{}/{}", path.group, path.version),
        or_dash(&path.namespace),
        or_dash(&path.resource),
        or_dash(info.name()),
        or_dash(&path.subresource),
    ]
    .join(" ")
}

#[test]
fn parity_a_request_is_to_authorization_what_upstream_makes_of_it() {
    for (method, url, expected) in [
        (Method::GET, "/api/v1/pods", "list /v1 - pods - -"),
        (Method::GET, "/api/v1/namespaces", "list /v1 - namespaces - -"),
        (Method::GET, "/api/v1/namespaces/red", "get /v1 red namespaces red -"),
        (Method::HEAD, "/api/v1/namespaces/red", "get /v1 red namespaces red -"),
        (Method::PUT, "/api/v1/namespaces/red/status", "update /v1 red namespaces red status"),
        (Method::PUT, "/api/v1/namespaces/red/finalize", "update /v1 red namespaces red finalize"),
        (Method::GET, "/api/v1/namespaces/red/pods", "list /v1 red pods - -"),
        (Method::POST, "/api/v1/namespaces/red/pods", "create /v1 red pods - -"),
        (Method::DELETE, "/api/v1/namespaces/red/pods", "deletecollection /v1 red pods - -"),
        (Method::DELETE, "/api/v1/namespaces/red/pods/p", "delete /v1 red pods p -"),
        (Method::PATCH, "/api/v1/nodes/n/status", "patch /v1 - nodes n status"),
        (Method::POST, "/api/v1/namespaces/red/pods/p/eviction", "create /v1 red pods p eviction"),
        (Method::GET, "/api/v1/watch/pods", "watch /v1 - pods - -"),
        (Method::GET, "/api/v1/watch/namespaces/red/pods/p", "watch /v1 red pods p -"),
        (Method::GET, "/api/v1/pods?watch=1", "watch /v1 - pods - -"),
        (Method::GET, "/api/v1/pods?watch", "watch /v1 - pods - -"),
        (Method::GET, "/api/v1/pods?watch=True", "watch /v1 - pods - -"),
        (Method::GET, "/api/v1/pods?watch=false", "list /v1 - pods - -"),
        (Method::GET, "/api/v1/pods?watch=0", "list /v1 - pods - -"),
        (Method::GET, "/api/v1/namespaces/red/pods/p?watch=1", "get /v1 red pods p -"),
        (Method::GET, "/api/v1/pods?&limit=1", "list /v1 - pods - -"),
        (
            Method::GET,
            "/api/v1/pods?fieldSelector=metadata.name%3Dp&watch=true",
            "watch /v1 - pods p -",
        ),
        (Method::GET, "/api/v1/pods?fieldSelector=metadata.name!=p", "list /v1 - pods - -"),
        (
            Method::GET,
            "/apis/kubevirt.io/v1/namespaces/red/virtualmachines/db",
            "get kubevirt.io/v1 red virtualmachines db -",
        ),
        (
            Method::PUT,
            "/apis/subresources.kubevirt.io/v1/namespaces/red/virtualmachineinstances/db/evacuate/cancel",
            "update subresources.kubevirt.io/v1 red virtualmachineinstances db evacuate/cancel",
        ),
        (Method::GET, "/apis/apps/v1/deployments", "list apps/v1 - deployments - -"),
        (Method::GET, "/api/v1/namespaces/r%65d/pods", "list /v1 red pods - -"),
        (Method::GET, "/apis", "get /apis"),
        (Method::GET, "/%6detrics", "get /metrics"),
        (Method::GET, "/a%2Fb+c/", "get /a/b+c/"),
        (Method::GET, "/api/v1", "get /api/v1"),
        (Method::POST, "/apis/kubevirt.io/v1", "post /apis/kubevirt.io/v1"),
        (Method::HEAD, "/", "head /"),
        (Method::OPTIONS, "/version", "options /version"),
    ] {
        assert_eq!(words(&info(&method, url)), expected, "{method} {url}");
    }
}

#[test]
fn a_path_of_objects_names_a_kind_and_perhaps_a_namespace_and_a_name() {
    for (url, expected) in [
        ("/api/v1/nodes", Some(("Node", None, None))),
        ("/api/v1/nodes/n", Some(("Node", None, Some("n")))),
        ("/api/v1/namespaces", Some(("Namespace", None, None))),
        ("/api/v1/namespaces/red", Some(("Namespace", None, Some("red")))),
        ("/api/v1/namespaces/red/", Some(("Namespace", None, Some("red")))),
        ("/api/v1/pods", Some(("Pod", None, None))),
        ("/api/v1/namespaces/red/pods", Some(("Pod", Some("red"), None))),
        (
            "/api/v1/namespaces/red/pods?fieldSelector=metadata.name=p",
            Some(("Pod", Some("red"), None)),
        ),
        ("/api/v1/namespaces/red/pods/p", Some(("Pod", Some("red"), Some("p")))),
        ("/apis/kubevirt.io/v1/kubevirts", Some(("KubeVirt", None, None))),
        // No object of a namespaced kind without its namespace, and the other way round.
        ("/api/v1/pods/p", None),
        ("/api/v1/namespaces/red/nodes", None),
        ("/api/v1/namespaces/red/nodes/n", None),
        ("/api/v1/namespaces/red/namespaces", None),
    ] {
        let found = match route(url) {
            Route::Objects(path) => {
                Some((path.served.definition().kind, path.namespace, path.name))
            }
            _ => None,
        };
        let expected = expected.map(|(kind, ns, name): (_, Option<&str>, Option<&str>)| {
            (kind, ns.map(str::to_owned), name.map(str::to_owned))
        });
        assert_eq!(found, expected, "{url}");
    }
}

#[test]
fn parts_of_objects_are_those_that_their_kinds_have() {
    let kv = "/apis/kubevirt.io/v1/namespaces/red";
    for (url, expected) in [
        ("/api/v1/nodes/n/status".to_owned(), Some(Subresource::Status)),
        ("/api/v1/namespaces/red/finalize".to_owned(), Some(Subresource::Finalize)),
        ("/api/v1/namespaces/red/status".to_owned(), Some(Subresource::Status)),
        ("/api/v1/namespaces/red/pods/p/eviction".to_owned(), Some(Subresource::Eviction)),
        ("/api/v1/namespaces/red/pods/p/binding".to_owned(), Some(Subresource::Binding)),
        ("/api/v1/namespaces/red/bindings".to_owned(), Some(Subresource::Binding)),
        ("/api/v1/namespaces/red/serviceaccounts/a/token".to_owned(), Some(Subresource::Token)),
        (format!("{kv}/virtualmachines/db/status"), Some(Subresource::Status)),
        (format!("{kv}/virtualmachineinstances/db/status"), None),
        (format!("{kv}/virtualmachines/db/scale"), None),
        (format!("{kv}/virtualmachines/db/eviction"), None),
        ("/api/v1/nodes/n/finalize".to_owned(), None),
        ("/api/v1/nodes/n/token".to_owned(), None),
        ("/api/v1/bindings".to_owned(), None),
        ("/api/v1/namespaces/red/bindings/p".to_owned(), None),
    ] {
        let found = match route(&url) {
            Route::Part(_, part) => Some(part),
            _ => None,
        };
        assert_eq!(found, expected, "{url}");
        if expected.is_none() {
            assert_eq!(route(&url), Route::Absent(Absence::Status), "{url}");
        }
    }
}

#[test]
fn a_virtual_machine_may_be_asked_for_in_the_group_of_migration_policies() {
    let url = "/apis/migrations.kubevirt.io/v1alpha1/namespaces/red/virtualmachines/db";
    let Route::Objects(path) = route(url) else { panic!("{url}") };
    assert_eq!(path.alias, Alias::VirtualMachine);
    assert_eq!(path.served.api_version(), "kubevirt.io/v1");
    let unknown = Route::new(&info(&Method::GET, url), Misfiled::NotServed);
    assert_eq!(unknown, Route::Absent(Absence::Status));
    let Route::Objects(path) = route("/apis/kubevirt.io/v1/virtualmachines") else { panic!() };
    assert_eq!(path.alias, Alias::None);
}

#[test]
fn every_other_path_is_a_document_or_nothing() {
    let resources = |group: &str, version: &str| {
        let (group, version) = (group.to_owned(), version.to_owned());
        Route::Discovery(Discovery::Resources { group, version })
    };
    let health = |endpoint, check: Option<&str>| {
        Route::Health(Health { endpoint, check: check.map(str::to_owned) })
    };
    let review = |review, namespace: &str| Route::Review(review, namespace.to_owned());
    for (url, expected) in [
        ("/", Route::Root),
        ("", Route::Root),
        ("/version", Route::Version),
        ("/version/", Route::Version),
        ("/metrics", Route::Metrics),
        ("/healthz", health("healthz", None)),
        ("/livez?verbose", health("livez", None)),
        ("/readyz/ping", health("readyz", Some("ping"))),
        ("/api", Route::Discovery(Discovery::Core)),
        ("/api/", Route::Discovery(Discovery::Core)),
        ("/apis", Route::Discovery(Discovery::Groups)),
        ("/apis/kubevirt.io", Route::Discovery(Discovery::Group("kubevirt.io".to_owned()))),
        ("/api/v1", resources("", "v1")),
        ("/apis/kubevirt.io/v1", resources("kubevirt.io", "v1")),
        ("/openapi/v2", Route::OpenApi(OpenApi::V2)),
        ("/openapi/v3", Route::OpenApi(OpenApi::Index)),
        (
            "/openapi/v3/api/v1?hash=1",
            Route::OpenApi(OpenApi::V3 { group: String::new(), version: "v1".to_owned() }),
        ),
        ("/swagger-2.0.0.pb-v1", Route::Absent(Absence::Page)),
        ("/logs", Route::Absent(Absence::Page)),
        ("/apis/apps/v1/deployments", Route::Absent(Absence::Page)),
        ("/apis/kubevirt.io/v2/virtualmachines", Route::Absent(Absence::Page)),
        ("/api/v1/endpoints", Route::Absent(Absence::Status)),
        ("/apis/kubevirt.io/v1/rabbits", Route::Absent(Absence::Status)),
        ("/apis/authorization.k8s.io/v1/rabbits", Route::Absent(Absence::Status)),
        (
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            review(Review::SelfSubjectAccess, ""),
        ),
        (
            "/apis/authorization.k8s.io/v1/namespaces/red/localsubjectaccessreviews",
            review(Review::LocalSubjectAccess, "red"),
        ),
        ("/apis/authentication.k8s.io/v1/selfsubjectreviews", review(Review::SelfSubject, "")),
        ("/apis/authentication.k8s.io/v1beta1/selfsubjectreviews", Route::Absent(Absence::Page)),
        ("/apis/subresources.kubevirt.io/v1/version", Route::VirtctlVersion),
        ("/apis/subresources.kubevirt.io/v1alpha3/healthz", Route::VirtctlHealth),
        (
            "/apis/subresources.kubevirt.io/v1/namespaces/red/virtualmachines/db/start",
            Route::Virtctl(VirtctlObject {
                resource: "virtualmachines".to_owned(),
                namespace: "red".to_owned(),
                name: "db".to_owned(),
                verb: "start".to_owned(),
            }),
        ),
        ("/apis/subresources.kubevirt.io/v1/virtualmachines", Route::Absent(Absence::Status)),
    ] {
        assert_eq!(route(url), expected, "{url}");
    }
}

#[test]
fn a_query_is_decoded() {
    let query = Query::parse("&limit=1&labelSelector=a+in+(b%2Cc)&x=%zz&y&dryRun=All&dryRun=");
    assert_eq!(query.get("limit"), Some("1"));
    assert_eq!(query.get("labelSelector"), Some("a in (b,c)"));
    assert_eq!(query.get("x"), Some("%zz"));
    assert_eq!(query.get("y"), Some(""));
    assert_eq!(query.text("y"), None);
    assert_eq!(query.get("z"), None);
    assert_eq!(query.all("dryRun").collect::<Vec<_>>(), ["All", ""]);
    assert_eq!(Query::parse(""), Query::default());
}

#[test]
fn an_escape_that_is_none_is_refused() {
    for (text, refused) in [
        ("/api/v1/namespaces/r%65d", None),
        ("a=%C3%A9+b", None),
        ("/api/%zz", Some("invalid URL escape \"%zz\"")),
        ("/api/%4", Some("invalid URL escape \"%4\"")),
        ("/api/%", Some("invalid URL escape \"%\"")),
        ("a=%é", Some("invalid URL escape \"%é\"")),
        ("/api/%ff", Some("the URL is no UTF-8 text")),
    ] {
        let message = check_encoding(text).err().map(|refusal| refusal.to_string());
        assert_eq!(message.as_deref(), refused, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn any_path_means_something(path in "(/[a-z%0-9.]{0,8}){0,9}|\\PC*", query in "\\PC*") {
        let info = RequestInfo::new(&Method::GET, &path, &Query::parse(&query));
        let _ = Route::new(&info, Misfiled::Served);
        let _ = check_encoding(&path);
    }
}
