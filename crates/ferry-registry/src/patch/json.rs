//! JSON patches (RFC 6902), as Kubernetes reads them.
//!
//! Kubernetes' library differs from the RFC in what clients have come to rely on: `replace` of a
//! key that is not there adds it, `test` for `null` holds where nothing is, and a negative index
//! counts from the end of a list. So the operations are done here; their type is `json-patch`'s.

use json_patch::PatchOperation;
use json_patch::jsonptr::Pointer;
use serde_json::Value;

use crate::fields::value::same;
use crate::object::Document;
use crate::patch::error::PatchError;

/// As many operations one patch may have; each of them may touch all of the object.
// PARITY: apiserver/pkg/endpoints/handlers/patch.go#maxJSONPatchOperations
const MOST_OPERATIONS: usize = 10_000;
/// As much, in bytes of JSON, all `copy` operations of a patch may add: as large as a request may
/// be. Each could double the object.
// PARITY: evanphx/json-patch/patch.go#AccumulatedCopySizeLimit
const MOST_COPIED: usize = 3 * 1024 * 1024;
/// As many items, counted each time, all operations of a patch may push aside in lists, where they
/// put one in or take one out before others: those of as many operations as there may be at the front
/// of a list of 5,000. That takes less than a tenth of a second of the thread that decides for everybody.
const MOST_SHIFTED: usize = 50_000_000;
/// As deep an object may be nested afterwards. `serde_json` reads 127 levels, so a deeper one could
/// be written and never be read again.
const DEEPEST: usize = 127;
/// As deep it may be nested on the way there, by estimate: what recurses over it, if only to free
/// it, must not meet the end of the stack.
const DEEPEST_MEANWHILE: usize = 1_000;

/// Does the operations of `patch` one by one. One that fails makes all fail.
pub(super) fn json(live: &Document, patch: &json_patch::Patch) -> Result<Document, PatchError> {
    if patch.len() > MOST_OPERATIONS {
        return Err(PatchError::TooLong { given: patch.len(), limit: MOST_OPERATIONS });
    }
    let root = Value::Object(live.clone());
    let mut patched = Patched { depth: depth(&root), root, copied: 0, shifted: 0 };
    for operation in patch.iter() {
        patched.apply(operation).ok_or(PatchError::DoesNotFit)?;
    }
    if patched.depth > DEEPEST && depth(&patched.root) > DEEPEST {
        return Err(PatchError::DoesNotFit);
    }
    match patched.root {
        Value::Object(document) => Ok(document),
        _ => Err(PatchError::DoesNotFit),
    }
}

/// An object while it is patched.
struct Patched {
    root: Value,
    /// No less than the levels that it has.
    depth: usize,
    /// The bytes that were copied so far.
    copied: usize,
    /// The items that were pushed aside so far.
    shifted: usize,
}

impl Patched {
    fn apply(&mut self, operation: &PatchOperation) -> Option<()> {
        match operation {
            PatchOperation::Add(add) => {
                self.grow(&add.path, depth(&add.value))?;
                self.add(&add.path, add.value.clone())
            }
            PatchOperation::Remove(remove) => self.remove(&remove.path).map(drop),
            PatchOperation::Replace(replace) => {
                self.grow(&replace.path, depth(&replace.value))?;
                self.replace(&replace.path, &replace.value)
            }
            PatchOperation::Move(moved) => {
                self.grow(&moved.path, self.depth.saturating_sub(moved.from.count()))?;
                let value = self.remove(&moved.from)?;
                self.add(&moved.path, value)
            }
            PatchOperation::Copy(copy) => {
                self.grow(&copy.path, self.depth.saturating_sub(copy.from.count()))?;
                let value = get(&self.root, &copy.from)?.clone();
                self.copied = self.copied.saturating_add(value.to_string().len());
                (self.copied <= MOST_COPIED).then_some(())?;
                self.add(&copy.path, value)
            }
            PatchOperation::Test(test) => self.test(&test.path, &test.value),
        }
    }

    // PARITY: evanphx/json-patch/patch.go#test
    fn test(&self, path: &Pointer, expected: &Value) -> Option<()> {
        if let Some(value) = get(&self.root, path) {
            return same(value, expected).then_some(());
        }
        let (parent, _) = path.split_back()?;
        let in_object = get(&self.root, parent)?.is_object();
        (in_object && expected.is_null()).then_some(())
    }

    /// Reckons with a value of so many levels at `path`.
    fn grow(&mut self, path: &Pointer, levels: usize) -> Option<()> {
        self.depth = self.depth.max(path.count().saturating_add(levels));
        (self.depth <= DEEPEST_MEANWHILE).then_some(())
    }

    fn add(&mut self, path: &Pointer, value: Value) -> Option<()> {
        let Some((parent, last)) = path.split_back() else {
            self.root = value;
            return Some(());
        };
        match get_mut(&mut self.root, parent)? {
            Value::Object(fields) => {
                fields.insert(last.decoded().into_owned(), value);
            }
            Value::Array(items) => {
                let place = match last.decoded().as_ref() {
                    "-" => items.len(),
                    // The place after the last item is one of those that are counted.
                    index => place(index, items.len() + 1)?,
                };
                shift(&mut self.shifted, items.len() - place)?;
                items.insert(place, value);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        }
        Some(())
    }

    // PARITY: evanphx/json-patch/patch.go#replace
    fn replace(&mut self, path: &Pointer, value: &Value) -> Option<()> {
        let Some((parent, last)) = path.split_back() else {
            self.root = value.clone();
            return Some(());
        };
        match get_mut(&mut self.root, parent)? {
            Value::Object(fields) => {
                fields.insert(last.decoded().into_owned(), value.clone());
            }
            Value::Array(items) => {
                let place = place(&last.decoded(), items.len())?;
                items[place] = value.clone();
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        }
        Some(())
    }

    fn remove(&mut self, path: &Pointer) -> Option<Value> {
        let (parent, last) = path.split_back()?;
        match get_mut(&mut self.root, parent)? {
            Value::Object(fields) => fields.remove(last.decoded().as_ref()),
            Value::Array(items) => {
                let place = place(&last.decoded(), items.len())?;
                shift(&mut self.shifted, items.len() - place)?;
                Some(items.remove(place))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }
}

/// Reckons with so many more items that are pushed aside.
fn shift(shifted: &mut usize, items: usize) -> Option<()> {
    *shifted = shifted.saturating_add(items);
    (*shifted <= MOST_SHIFTED).then_some(())
}

/// The place of an index among `count` places.
// PARITY: evanphx/json-patch/patch.go#SupportNegativeIndices
fn place(index: &str, count: usize) -> Option<usize> {
    let place = match index.strip_prefix('-') {
        Some(back) => count.checked_sub(back.parse::<usize>().ok().filter(|back| *back > 0)?)?,
        None => index.parse().ok()?,
    };
    (place < count).then_some(place)
}

fn get<'v>(root: &'v Value, path: &Pointer) -> Option<&'v Value> {
    path.tokens().try_fold(root, |value, token| match value {
        Value::Object(fields) => fields.get(token.decoded().as_ref()),
        Value::Array(items) => items.get(place(&token.decoded(), items.len())?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

fn get_mut<'v>(root: &'v mut Value, path: &Pointer) -> Option<&'v mut Value> {
    path.tokens().try_fold(root, |value, token| match value {
        Value::Object(fields) => fields.get_mut(token.decoded().as_ref()),
        Value::Array(items) => {
            let place = place(&token.decoded(), items.len())?;
            items.get_mut(place)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// Levels of nesting: none for a scalar. Recurses no deeper than documents are ever nested.
fn depth(value: &Value) -> usize {
    match value {
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
