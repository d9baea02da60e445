//! What every cluster begins with, and has again after each start: namespaces, the service of the
//! API, roles and bindings, and a service account in each namespace.
//!
//! Both functions say which writes are missing now. They are asked again until they have none, so a
//! start that was killed in between goes on where it was.

mod objects;
mod roles;
#[cfg(test)]
mod tests;

use ferry_admission::identity::{API_SERVER, MASTERS};
use ferry_api::{Kind, KindVersion};
use ferry_registry::{
    Body, Document, Draft, FieldValidation, ListOptions, ListStart, ObjectKey, Part, Refusal,
    Request, Run, Selection, State, Target, User, Write, WriteOptions,
};
use serde_json::Value;

/// To whom the fields of these objects belong.
const MANAGER: &str = "ferry-apiserver";

/// The service account that every namespace has.
const DEFAULT_ACCOUNT: &str = "default";

/// The writes by which `state` gets what every cluster begins with: objects that are not there, and
/// for roles and bindings that somebody has taken something from, that too. What somebody has added
/// stays.
///
/// # Errors
/// A [`Refusal`] if one of our own objects does not fit its schema: our bug.
pub fn missing(state: &State) -> Result<Vec<Request>, Refusal> {
    let mut writes = Vec::new();
    for object in objects::all() {
        let wanted = document(object);
        if live(state, &wanted).is_none() {
            writes.push(create(wanted)?);
        }
    }
    for object in ferry_admission::bootstrap::objects() {
        let wanted = document(object);
        match live(state, &wanted) {
            None => writes.push(create(wanted)?),
            Some(live) => writes.extend(restore(&live, wanted)?),
        }
    }
    Ok(writes)
}

/// The writes by which each namespace gets its service account `default`.
///
/// # Errors
/// A [`Refusal`] as above.
// PARITY: pkg/controller/serviceaccount/serviceaccounts_controller.go#syncNamespace
pub fn accounts(state: &State) -> Result<Vec<Request>, Refusal> {
    let options = ListOptions { limit: None, start: ListStart::Newest };
    let namespaces = state.list(&Selection::of(Kind::Namespace), &options)?.items;
    let without = namespaces.iter().filter(|namespace| {
        let name = namespace.key.name.as_str();
        let key = ObjectKey::new(Kind::ServiceAccount, name, DEFAULT_ACCOUNT);
        namespace.meta.deleted().is_none() && state.object(&key).is_none()
    });
    let account = |name: &str| create(document(objects::service_account(name, DEFAULT_ACCOUNT)));
    without.map(|namespace| account(&namespace.key.name)).collect()
}

/// The writes after which `live` has all of `wanted`.
fn restore(live: &Document, wanted: Document) -> Result<Vec<Request>, Refusal> {
    if roles::is_left_alone(live) {
        return Ok(Vec::new());
    }
    if roles::binds_another(live, &wanted) {
        // A binding cannot be changed to bind another role.
        return Ok(vec![delete(&wanted), create(wanted)?]);
    }
    let mut after = live.clone();
    roles::complete(&mut after, &wanted);
    if after == *live { Ok(Vec::new()) } else { Ok(vec![update(after)?]) }
}

fn document(value: Value) -> Document {
    match value {
        Value::Object(document) => document,
        other => unreachable!("a manifest is an object, not {other}"),
    }
}

fn live(state: &State, wanted: &Document) -> Option<Document> {
    state.object(&target(wanted).key()).map(|stored| stored.document())
}

fn create(object: Document) -> Result<Request, Refusal> {
    let target = target(&object);
    let draft = Draft::read(&target, Body::from(object), FieldValidation::Strict)?;
    Ok(request(target, Write::Create(draft)))
}

fn update(object: Document) -> Result<Request, Refusal> {
    let target = target(&object);
    let draft = Draft::read(&target, Body::from(object), FieldValidation::Ignore)?;
    Ok(request(target, Write::Update(draft)))
}

fn delete(object: &Document) -> Request {
    request(target(object), Write::Delete(ferry_registry::DeleteOptions::default()))
}

fn request(target: Target, write: Write) -> Request {
    let user =
        User { name: API_SERVER.to_owned(), groups: vec![MASTERS.to_owned()], ..User::default() };
    let options = WriteOptions {
        run: Run::Real,
        unknown_fields: FieldValidation::Strict,
        manager: MANAGER.to_owned(),
        ..WriteOptions::default()
    };
    Request { user: user.into(), target, write, options }
}

/// Where an object of ours goes.
fn target(object: &Document) -> Target {
    let text = |parent: &Document, key: &str| {
        parent.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let none = Document::new();
    let metadata = object.get("metadata").and_then(Value::as_object).unwrap_or(&none);
    let served = KindVersion::of_document(&text(object, "apiVersion"), &text(object, "kind"));
    Target {
        served: served.expect("what a cluster begins with is served"),
        namespace: text(metadata, "namespace"),
        name: text(metadata, "name"),
        part: Part::Main,
    }
}
