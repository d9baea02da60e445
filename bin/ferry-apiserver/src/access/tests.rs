//! Callers by all that they may show, tokens by all that may be wrong with them.

use std::time::Duration;

use expect_test::expect;
use http::{HeaderName, HeaderValue};
use proptest::prelude::*;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::*;
use crate::tls::{Credentials, Names, Pki};

const HOUR: Duration = Duration::from_secs(3600);

/// A cluster with one service account and one user who may act for some.
struct Cluster;

impl Realm for Cluster {
    fn service_account(&self, namespace: &str, name: &str) -> Option<String> {
        ((namespace, name) == ("red", "robot")).then(|| "uid-1".to_owned())
    }

    fn is_there(&self, namespace: &str, bound: &BoundTo, _: WallTime) -> bool {
        (namespace, bound.name.as_str(), bound.uid.as_str()) == ("red", "db", "uid-2")
    }

    fn may_impersonate(&self, user: &User, whom: &Whom) -> bool {
        user.name == "boss" && whom.name != "root" && whom.resource != "uids"
    }
}

struct Server {
    pki: Pki,
    authenticator: Authenticator,
    _dir: tempfile::TempDir,
}

fn at(seconds: i64) -> WallTime {
    WallTime::from_unix_seconds(1_764_150_000 + seconds).unwrap()
}

fn server() -> Server {
    let dir = tempfile::tempdir().unwrap();
    let names = Names::new([]).unwrap();
    let pki = Pki::open(dir.path(), &names, at(0)).unwrap();
    let path = dir.path().join("tokens.csv");
    std::fs::write(&path, "file-token,ann,7,dev\nboss-token,boss,8\n").unwrap();
    let file = TokenFile::read(&path, &[1; 32]).unwrap();
    let tokens = Tokens::open(dir.path(), || [2; 32]).unwrap();
    let authenticator = Authenticator::new(pki.clients.clone(), file, tokens);
    Server { pki, authenticator, _dir: dir }
}

fn robot(uid: &str) -> Holder {
    Holder::ServiceAccount {
        namespace: "red".to_owned(),
        name: "robot".to_owned(),
        uid: uid.to_owned(),
        bound: None,
    }
}

impl Server {
    fn admit(
        &self,
        peer: &Peer,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Admitted, AccessError> {
        self.admit_at(peer, path, headers, at(1))
    }

    fn admit_at(
        &self,
        peer: &Peer,
        path: &str,
        headers: &[(&str, &str)],
        now: WallTime,
    ) -> Result<Admitted, AccessError> {
        let pairs = headers.iter().map(|(name, value)| {
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        });
        let mut map = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            map.append(name, value);
        });
        self.authenticator.admit(peer, path, &map, &Cluster, now)
    }

    fn peer(&self, credentials: &Credentials) -> Peer {
        let chain = CertificateDer::from_pem_slice(credentials.certificate.as_bytes()).unwrap();
        self.authenticator.peer(Some(&[chain]), at(0))
    }

    fn token(&self, holder: &Holder) -> String {
        let issued = self.authenticator.tokens().issue(holder, &[], HOUR, at(0), [3; 16]);
        issued.token.expose().to_owned()
    }

    fn bearer(&self, token: &str, now: WallTime) -> Result<User, AccessError> {
        let header = format!("Bearer {token}");
        let headers = [("authorization", header.as_str())];
        let admitted = self.admit_at(&Peer::Unknown, "/api", &headers, now)?;
        assert_eq!(admitted.caller.authenticated, Authenticated::Token);
        Ok(User::clone(&admitted.caller.user))
    }
}

#[test]
fn nobody_gets_in_but_where_the_door_is_open() {
    let server = server();
    for path in ["/healthz", "/livez", "/readyz", "/version", "/version/", "/readyz/ping"] {
        let admitted = server.admit(&Peer::Unknown, path, &[]).unwrap();
        assert_eq!(admitted.caller.authenticated, Authenticated::Anonymous, "{path}");
        assert_eq!(admitted.caller.user.name, "system:anonymous");
        assert_eq!(admitted.caller.user.groups, ["system:unauthenticated"]);
    }
    for path in ["/", "/api", "/versions", "/healthzz", "/api/v1/version", "", "//version"] {
        assert_eq!(
            server.admit(&Peer::Unknown, path, &[]),
            Err(AccessError::Unauthorized),
            "{path}"
        );
    }
    // Whoever says something wrong does not get in as nobody.
    for header in ["Bearer wrong", "Bearer \u{a0}"] {
        let refused = server.admit(&Peer::Unknown, "/version", &[("authorization", header)]);
        assert_eq!(refused, Err(AccessError::Unauthorized));
    }
    let refused = server.admit(&Peer::Unknown, "/version", &[("impersonate-user", "ann")]);
    assert_eq!(refused, Err(AccessError::Unauthorized));
}

#[test]
fn parity_a_certificate_names_user_and_groups() {
    let server = server();
    let groups = ["system:nodes".to_owned(), "extra".to_owned()];
    let issued = server.pki.authority.issue_client("system:node:a", &groups, HOUR, at(0)).unwrap();
    let peer = server.peer(&issued);
    let admitted = server.admit(&peer, "/api", &[("authorization", "Bearer wrong")]).unwrap();
    assert_eq!(admitted.caller.authenticated, Authenticated::Certificate);
    let user = admitted.caller.user;
    assert_eq!(user.name, "system:node:a");
    assert_eq!(user.groups, ["system:nodes", "extra", "system:authenticated"]);
    let id = &user.extra["authentication.kubernetes.io/credential-id"][0];
    assert!(id.starts_with("X509SHA256=") && id.len() == 75, "{id}");
    // It ends while the connection goes on; a token may still help.
    for (headers, name) in
        [(&[][..], None), (&[("authorization", "Bearer file-token")][..], Some("ann"))]
    {
        let later = server.admit_at(&peer, "/api", headers, at(3601));
        assert_eq!(later.ok().map(|it| it.caller.user.name.clone()).as_deref(), name);
    }
}

#[test]
fn a_certificate_of_another_authority_is_no_credential() {
    let (server, other) = (server(), self::server());
    let issued = other.pki.authority.issue_client("admin", &[], HOUR, at(0)).unwrap();
    let peer = server.peer(&issued);
    assert_eq!(peer, Peer::Unbelieved);
    assert_eq!(server.admit(&peer, "/version", &[]), Err(AccessError::Unauthorized));
}

#[test]
fn parity_a_token_of_a_file_names_user_uid_and_groups() {
    let user = server().bearer("file-token", at(0)).unwrap();
    assert_eq!((user.name.as_str(), user.uid.as_str()), ("ann", "7"));
    assert_eq!(user.groups, ["dev", "system:authenticated"]);
}

#[test]
fn parity_a_token_of_a_service_account_lives_as_long_as_the_account() {
    let server = server();
    let user = server.bearer(&server.token(&robot("uid-1")), at(10)).unwrap();
    assert_eq!(user.name, "system:serviceaccount:red:robot");
    assert_eq!(user.uid, "uid-1");
    assert_eq!(
        user.groups,
        ["system:serviceaccounts", "system:serviceaccounts:red", "system:authenticated"]
    );
    let id = &user.extra["authentication.kubernetes.io/credential-id"];
    assert_eq!(*id, ["JTI=03030303-0303-4303-8303-030303030303"]);
    let earlier = server.token(&robot("uid-0"));
    assert_eq!(server.bearer(&earlier, at(10)), Err(AccessError::Unauthorized));
    let gone = Holder::ServiceAccount {
        namespace: "blue".to_owned(),
        name: "robot".to_owned(),
        uid: "uid-1".to_owned(),
        bound: None,
    };
    assert_eq!(server.bearer(&server.token(&gone), at(10)), Err(AccessError::Unauthorized));
    let user = Holder::User { name: "eve".to_owned(), groups: vec!["ops".to_owned()] };
    let user = server.bearer(&server.token(&user), at(10)).unwrap();
    assert_eq!((user.name.as_str(), &*user.groups[0]), ("eve", "ops"));
}

#[test]
fn parity_a_bound_token_ends_with_what_it_is_bound_to() {
    let server = server();
    for kind in [BoundKind::Pod, BoundKind::Secret] {
        for (name, bound_uid, is_good) in
            [("db", "uid-2", true), ("db", "uid-3", false), ("gone", "uid-2", false)]
        {
            let bound = BoundTo { kind, name: name.to_owned(), uid: bound_uid.to_owned() };
            let Holder::ServiceAccount { namespace, name, uid, .. } = robot("uid-1") else {
                panic!("a robot is a service account")
            };
            let holder = Holder::ServiceAccount { namespace, name, uid, bound: Some(bound) };
            let user = server.bearer(&server.token(&holder), at(10));
            assert_eq!(user.is_ok(), is_good, "{holder:?}");
            let Ok(user) = user else { continue };
            let said = user.extra.get("authentication.kubernetes.io/pod-name");
            let expected = (kind == BoundKind::Pod).then(|| vec!["db".to_owned()]);
            assert_eq!(said, expected.as_ref());
        }
    }
}

#[test]
fn a_token_is_good_from_its_beginning_to_its_end_and_for_its_audience() {
    let server = server();
    let tokens = server.authenticator.tokens();
    let others = ["vault".to_owned(), "https://kubernetes.default.svc.cluster.local".to_owned()];
    let issued = tokens.issue(&robot("uid-1"), &[], HOUR, at(0), [0; 16]);
    assert_eq!(issued.expires, at(3600));
    let vault = tokens.issue(&robot("uid-1"), &others[..1], HOUR, at(0), [0; 16]);
    let (own, vault) = (issued.token.expose(), vault.token.expose());
    for (token, audiences, seconds, expected) in [
        (own, &others[..], 0, None),
        (own, &others[..], 3599, None),
        (own, &others[..], 3600, Some(TokenError::Expired)),
        (own, &others[..], -1, Some(TokenError::TooEarly)),
        (own, &others[..1], 0, Some(TokenError::Audience)),
        (own, &[], 0, Some(TokenError::Audience)),
        (vault, &others[1..], 0, Some(TokenError::Audience)),
        (vault, &others[..], 0, None),
    ] {
        assert_eq!(tokens.verify(token, audiences, at(seconds)).err(), expected, "{seconds}");
    }
    // The server itself takes only what is for it; a review may ask for others.
    assert_eq!(server.bearer(vault, at(1)), Err(AccessError::Unauthorized));
    let (_, audiences) = server.authenticator.review(vault, &others, &Cluster, at(1)).unwrap();
    assert_eq!(audiences, ["vault"]);
    assert!(server.authenticator.review("file-token", &others[..1], &Cluster, at(1)).is_none());
}

#[test]
fn another_key_another_algorithm_and_nonsense_are_refused() {
    let server = server();
    let tokens = server.authenticator.tokens();
    let audiences = [AUDIENCE.to_owned()];
    let own = server.token(&robot("uid-1"));
    let dir = tempfile::tempdir().unwrap();
    let other = Tokens::open(dir.path(), || [9; 32]).unwrap();
    let foreign = other.issue(&robot("uid-1"), &[], HOUR, at(0), [0; 16]);
    let claims = own.split('.').nth(1).unwrap();
    // {"alg":"none","typ":"JWT"}
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.");
    for (token, expected) in [
        (foreign.token.expose(), TokenError::Signature),
        (&unsigned, TokenError::Malformed),
        (&own[..own.len() - 1], TokenError::Malformed),
        (&"a".repeat(20_000), TokenError::Malformed),
        ("..", TokenError::Malformed),
        ("", TokenError::Malformed),
    ] {
        assert_eq!(tokens.verify(token, &audiences, at(0)), Err(expected), "{token}");
    }
    assert_eq!(
        Tokens::open(dir.path(), || [0; 32])
            .unwrap()
            .verify(foreign.token.expose(), &audiences, at(0))
            .unwrap()
            .holder,
        robot("uid-1"),
        "the key is kept"
    );
}

proptest! {
    #[test]
    fn a_token_that_was_tampered_with_is_refused(at_byte: prop::sample::Index, with in "[ -~]") {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(dir.path(), || [2; 32]).unwrap();
        let token = tokens.issue(&robot("uid-1"), &[], HOUR, at(0), [3; 16]).token;
        let token = token.expose();
        let index = at_byte.index(token.len());
        let changed = format!("{}{with}{}", &token[..index], &token[index + 1..]);
        let verified = tokens.verify(&changed, &[AUDIENCE.to_owned()], at(0));
        prop_assert_eq!(verified.is_ok(), changed == token);
    }

    #[test]
    fn no_token_brings_the_reader_down(token in "[\\PC.]{0,200}") {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(dir.path(), || [2; 32]).unwrap();
        prop_assert!(tokens.verify(&token, &[AUDIENCE.to_owned()], at(0)).is_err());
    }
}

#[test]
fn a_damaged_key_is_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("sa.key"), "c2hvcnQ=\n").unwrap();
    let error = Tokens::open(dir.path(), || [0; 32]).unwrap_err().to_string();
    assert!(error.contains("sa.key is no key of 32 bytes"), "{error}");
}

#[test]
fn parity_somebody_who_may_acts_for_another() {
    let server = server();
    let boss = ("authorization", "Bearer boss-token");
    let acted = |headers: &[(&str, &str)]| {
        let admitted = server.admit(&Peer::Unknown, "/api", &[&[boss], headers].concat()).unwrap();
        assert_eq!(admitted.impersonator.as_deref(), Some("boss"));
        assert_eq!(admitted.caller.authenticated, Authenticated::Token);
        admitted.caller.user
    };
    for (headers, name, groups) in [
        (&[("Impersonate-User", "ann")][..], "ann", &["system:authenticated"][..]),
        (
            &[("Impersonate-User", "ann"), ("Impersonate-Group", "a"), ("Impersonate-Group", "b")],
            "ann",
            &["a", "b", "system:authenticated"],
        ),
        (
            &[("Impersonate-User", "ann"), ("Impersonate-Group", "system:unauthenticated")],
            "ann",
            &["system:unauthenticated"],
        ),
        (
            &[("Impersonate-User", "system:anonymous")],
            "system:anonymous",
            &["system:unauthenticated"],
        ),
        (
            &[("Impersonate-User", "system:serviceaccount:red:robot")],
            "system:serviceaccount:red:robot",
            &["system:serviceaccounts", "system:serviceaccounts:red", "system:authenticated"],
        ),
    ] {
        let user = acted(headers);
        assert_eq!(
            (user.name.as_str(), &user.groups),
            (name, &groups.iter().map(|&g| g.to_owned()).collect())
        );
    }
    let user = acted(&[
        ("Impersonate-User", "ann"),
        ("Impersonate-Extra-Acme.Com%2FProject", "x"),
        ("Impersonate-Extra-Acme.Com%2FProject", "y"),
        ("Impersonate-Extra-odd%zz", "z"),
    ]);
    assert_eq!(user.extra["acme.com/project"], ["x", "y"]);
    assert_eq!(user.extra["odd%zz"], ["z"]);
}

#[test]
fn parity_whoever_may_not_act_for_another_is_told_for_whom() {
    let server = server();
    let refused = |token: &str, headers: &[(&str, &str)]| {
        let bearer = [("authorization", token)];
        let refused = server.admit(&Peer::Unknown, "/api", &[&bearer, headers].concat());
        let refused = refused.unwrap_err();
        format!("{} {}", refused.code(), refused)
    };
    let (ann, boss) = ("Bearer file-token", "Bearer boss-token");
    let said = [
        refused(ann, &[("Impersonate-User", "bob")]),
        refused(ann, &[("Impersonate-User", "system:serviceaccount:red:robot")]),
        refused(boss, &[("Impersonate-User", "bob"), ("Impersonate-Group", "root")]),
        refused(boss, &[("Impersonate-User", "bob"), ("Impersonate-Uid", "7")]),
        refused(boss, &[("Impersonate-User", "bob"), ("Impersonate-Extra-scopes", "root")]),
        refused(boss, &[("Impersonate-Group", "dev")]),
        refused(boss, &[("Impersonate-Uid", "7")]),
        refused(boss, &[("Impersonate-Extra-scopes", "x")]),
    ];
    expect![[r#"
        403 users "bob" is forbidden: User "ann" cannot impersonate resource "users" in API group "" at the cluster scope
        403 serviceaccounts "robot" is forbidden: User "ann" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "red"
        403 groups "root" is forbidden: User "boss" cannot impersonate resource "groups" in API group "" at the cluster scope
        403 uids.authentication.k8s.io "7" is forbidden: User "boss" cannot impersonate resource "uids" in API group "authentication.k8s.io" at the cluster scope
        403 userextras.authentication.k8s.io "root" is forbidden: User "boss" cannot impersonate resource "userextras/scopes" in API group "authentication.k8s.io" at the cluster scope
        400 requested impersonation of groups without impersonating a user
        400 requested impersonation of a uid without impersonating a user
        400 requested impersonation of extras without impersonating a user"#]]
    .assert_eq(&said.join("\n"));
}

#[test]
fn parity_a_refusal_is_a_status() {
    let whom = Whom {
        group: "",
        resource: "users",
        subresource: String::new(),
        namespace: String::new(),
        name: "bob".to_owned(),
    };
    let refused = AccessError::Impersonation { user: "ann".to_owned(), whom: whom.into() };
    expect![[r#"{"apiVersion":"v1","code":403,"details":{"kind":"users","name":"bob"},"kind":"Status","message":"users \"bob\" is forbidden: User \"ann\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope","metadata":{},"reason":"Forbidden","status":"Failure"}"#]]
    .assert_eq(&refused.status().to_string());
    expect![[r#"{"apiVersion":"v1","code":401,"kind":"Status","message":"Unauthorized","metadata":{},"reason":"Unauthorized","status":"Failure"}"#]]
    .assert_eq(&AccessError::Unauthorized.status().to_string());
}
