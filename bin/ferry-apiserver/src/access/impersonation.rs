//! Acting for somebody else: the headers that `kubectl --as` sends.

use std::collections::BTreeMap;
use std::fmt;

use ferry_registry::User;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::{
    ANONYMOUS, AUTHENTICATED, AccessError, Realm, SERVICE_ACCOUNT, UNAUTHENTICATED,
    service_account_groups,
};

const USER: &str = "impersonate-user";
const UID: &str = "impersonate-uid";
const GROUP: &str = "impersonate-group";
const EXTRA: &str = "impersonate-extra-";

/// The group of what is told of users beside their names and groups.
const DETAILS_GROUP: &str = "authentication.k8s.io";

/// One part of the user that somebody wants to act for: a resource, as authorization has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whom {
    /// The API group of the resource.
    pub group: &'static str,
    /// `users`, `groups`, `serviceaccounts`, `uids` or `userextras`.
    pub resource: &'static str,
    /// The key of a `userextras`; else empty.
    pub subresource: String,
    /// The namespace of a service account; else empty.
    pub namespace: String,
    /// The name of the user, the group or the service account, or the value.
    pub name: String,
}

impl Whom {
    fn of(group: &'static str, resource: &'static str, name: &str) -> Self {
        let name = name.to_owned();
        Self { group, resource, subresource: String::new(), namespace: String::new(), name }
    }

    fn service_account(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), ..Self::of("", "serviceaccounts", name) }
    }

    /// What a message calls it.
    pub(super) fn subject(&self) -> String {
        if self.group.is_empty() {
            format!("{} \"{}\"", self.resource, self.name)
        } else {
            format!("{}.{} \"{}\"", self.resource, self.group, self.name)
        }
    }

    /// What programs read of it.
    pub(super) fn details(&self) -> Value {
        let mut details = json!({ "name": self.name, "kind": self.resource });
        if !self.group.is_empty() {
            details["group"] = self.group.into();
        }
        details
    }
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, resource, subresource, namespace, .. } = self;
        let slash = if subresource.is_empty() { "" } else { "/" };
        write!(f, "resource \"{resource}{slash}{subresource}\" in API group \"{group}\"")?;
        if namespace.is_empty() {
            f.write_str(" at the cluster scope")
        } else {
            write!(f, " in the namespace \"{namespace}\"")
        }
    }
}

/// Whether a request is to be done for somebody else.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        [USER, UID, GROUP].contains(&name) || name.starts_with(EXTRA)
    })
}

/// The user for whom `user` acts, if the headers name one.
// PARITY: apiserver/pkg/endpoints/filters/impersonation.go#WithImpersonation
pub(super) fn act_for(
    user: &User,
    headers: &HeaderMap,
    realm: &impl Realm,
) -> Result<Option<User>, AccessError> {
    // Nearly nobody does; looking for one header is quicker than reading all.
    if !headers.contains_key(USER) && !is_wanted(headers) {
        return Ok(None);
    }
    let Some(acted) = Acted::read(headers)? else { return Ok(None) };
    match acted.parts().into_iter().find(|part| !realm.may_impersonate(user, part)) {
        Some(whom) => Err(AccessError::Impersonation { user: user.name.clone(), whom }),
        None => Ok(Some(acted.user())),
    }
}

/// What the headers say of the other user.
struct Acted {
    name: String,
    uid: String,
    groups: Vec<String>,
    extra: BTreeMap<String, Vec<String>>,
}

impl Acted {
    fn read(headers: &HeaderMap) -> Result<Option<Self>, AccessError> {
        let one = |name: &'static str| {
            headers.get(name).map_or(Ok(String::new()), |value| text(name, value))
        };
        let groups = headers.get_all(GROUP).iter().map(|value| text(GROUP, value));
        let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in headers {
            if let Some(key) = extra_key(name) {
                extra.entry(key).or_default().push(text(name.as_str(), value)?);
            }
        }
        let acted = Self {
            name: one(USER)?,
            uid: one(UID)?,
            groups: groups.collect::<Result<_, _>>()?,
            extra,
        };
        if !acted.name.is_empty() {
            return Ok(Some(acted));
        }
        let what = [
            (!acted.groups.is_empty(), "groups"),
            (!acted.uid.is_empty(), "a uid"),
            (!acted.extra.is_empty(), "extras"),
        ];
        match what.into_iter().find(|(is_said, _)| *is_said) {
            Some((_, what)) => Err(AccessError::NoUser { what }),
            None => Ok(None),
        }
    }

    /// All that has to be allowed, one by one.
    fn parts(&self) -> Vec<Whom> {
        let user = match service_account(&self.name) {
            Some((namespace, name)) => Whom::service_account(namespace, name),
            None => Whom::of("", "users", &self.name),
        };
        let groups = self.groups.iter().map(|group| Whom::of("", "groups", group));
        let extras = self.extra.iter().flat_map(|(key, values)| {
            values.iter().map(move |value| Whom {
                subresource: key.clone(),
                ..Whom::of(DETAILS_GROUP, "userextras", value)
            })
        });
        let uid = Some(&self.uid).filter(|uid| !uid.is_empty());
        let uid = uid.map(|uid| Whom::of(DETAILS_GROUP, "uids", uid));
        std::iter::once(user).chain(groups).chain(extras).chain(uid).collect()
    }

    fn user(mut self) -> User {
        if self.groups.is_empty()
            && let Some((namespace, _)) = service_account(&self.name)
        {
            self.groups = service_account_groups(namespace);
        }
        let (said, wanted) = if self.name == ANONYMOUS {
            (&[UNAUTHENTICATED][..], UNAUTHENTICATED)
        } else {
            (&[AUTHENTICATED, UNAUTHENTICATED][..], AUTHENTICATED)
        };
        if !self.groups.iter().any(|group| said.contains(&group.as_str())) {
            self.groups.push(wanted.to_owned());
        }
        User { name: self.name, uid: self.uid, groups: self.groups, extra: self.extra }
    }
}

/// The namespace and name of a service account, from its user's name.
// PARITY: apiserver/pkg/authentication/serviceaccount/util.go#SplitUsername
fn service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix(SERVICE_ACCOUNT)?.split_once(':')?;
    let is_name = |name: &str| ferry_api::NameRule::DnsSubdomain.check(name).is_ok();
    (is_name(namespace) && is_name(name)).then_some((namespace, name))
}

/// The key in the name of a header, without its percent signs.
fn extra_key(name: &HeaderName) -> Option<String> {
    let escaped = name.as_str().strip_prefix(EXTRA)?;
    Some(unescape(escaped).unwrap_or_else(|| escaped.to_owned()).to_lowercase())
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

fn text(name: &str, value: &HeaderValue) -> Result<String, AccessError> {
    let text = std::str::from_utf8(value.as_bytes());
    text.map(str::to_owned).map_err(|_| AccessError::Header { name: name.to_owned() })
}
