//! What a role or a binding is given back that somebody has taken something from.

use ferry_registry::Document;
use serde_json::{Map, Value};

/// Whoever sets this to `false` keeps a role or binding as it is.
const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";

/// Lists of which every entry has to be there.
const LISTS: [&[&str]; 3] =
    [&["rules"], &["subjects"], &["aggregationRule", "clusterRoleSelectors"]];

/// Whether somebody wants `live` to stay as it is.
pub(super) fn is_left_alone(live: &Document) -> bool {
    let annotations = live.get("metadata").and_then(|metadata| metadata.get("annotations"));
    let autoupdate = annotations.and_then(|annotations| annotations.get(AUTOUPDATE));
    autoupdate.and_then(Value::as_str) == Some("false")
}

/// Whether both are bindings, of different roles.
pub(super) fn binds_another(live: &Document, wanted: &Document) -> bool {
    live.get("roleRef") != wanted.get("roleRef")
}

/// Adds to `live` what of `wanted` it does not have.
// PARITY: component-helpers/auth/rbac/reconciliation/reconcile_role.go#computeReconciledRole
pub(super) fn complete(live: &mut Document, wanted: &Document) {
    for part in ["labels", "annotations"] {
        let wanted = wanted.get("metadata").and_then(|metadata| metadata.get(part));
        let Some(wanted) = wanted.and_then(Value::as_object) else { continue };
        if let Some(metadata) = child(live, "metadata")
            && let Some(own) = child(metadata, part)
        {
            own.extend(wanted.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
    }
    for path in LISTS {
        complete_list(live, wanted, path);
    }
}

fn complete_list(live: &mut Document, wanted: &Document, path: &[&str]) {
    let Some((last, parents)) = path.split_last() else { return };
    let (mut from, mut to) = (wanted, live);
    for parent in parents {
        let Some(wanted) = from.get(*parent).and_then(Value::as_object) else { return };
        let Some(own) = child(to, parent) else { return };
        (from, to) = (wanted, own);
    }
    let Some(wanted) = from.get(*last).and_then(Value::as_array) else { return };
    if wanted.is_empty() {
        return;
    }
    let own = to.entry(*last).or_insert_with(|| Value::Array(Vec::new()));
    if !own.is_array() {
        *own = Value::Array(Vec::new());
    }
    if let Some(own) = own.as_array_mut() {
        let new: Vec<_> = wanted.iter().filter(|each| !own.contains(each)).cloned().collect();
        own.extend(new);
    }
}

/// The object at `key`, made if there is none.
fn child<'a>(parent: &'a mut Document, key: &str) -> Option<&'a mut Map<String, Value>> {
    let child = parent.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if child.is_null() {
        *child = Value::Object(Map::new());
    }
    child.as_object_mut()
}
