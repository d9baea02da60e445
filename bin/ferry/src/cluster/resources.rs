//! What a person means who writes `vm web`, `vm,vmi` or `vm/web node/node-1`.

use anyhow::{Result, bail};

use super::kinds::{Kinds, ServedKind};

/// Objects that were named: one, or all of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) kind: ServedKind,
    pub(crate) name: Option<String>,
}

/// The words of a command line as kinds and names.
pub(crate) fn named(words: &[String], kinds: &Kinds) -> Result<Vec<Named>> {
    let Some((first, rest)) = words.split_first() else {
        bail!("nothing is named; use KIND, KIND NAME or KIND/NAME, such as vm web");
    };
    if words.iter().any(|word| word.contains('/')) {
        return words.iter().map(|word| with_slash(word, kinds)).collect();
    }
    let mut found: Vec<ServedKind> = Vec::new();
    for word in first.split(',') {
        for kind in kinds.named(word)? {
            if !found.contains(kind) {
                found.push(kind.clone());
            }
        }
    }
    let names: Vec<Option<String>> = if rest.is_empty() {
        vec![None]
    } else {
        rest.iter().map(|name| checked(name).map(Some)).collect::<Result<_>>()?
    };
    let each = |kind: ServedKind| {
        names.iter().map(move |name| Named { kind: kind.clone(), name: name.clone() })
    };
    Ok(found.into_iter().flat_map(each).collect())
}

fn with_slash(word: &str, kinds: &Kinds) -> Result<Named> {
    let Some((kind, name)) = word.split_once('/') else {
        bail!("{word:?} has no name; where one argument is KIND/NAME, all are");
    };
    match kinds.named(kind)?.as_slice() {
        [kind] => Ok(Named { kind: (*kind).clone(), name: Some(checked(name)?) }),
        _ => bail!("{kind:?} is several kinds, of which one object cannot be named"),
    }
}

/// A name that is one: it becomes part of a path.
pub(crate) fn checked(name: &str) -> Result<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_');
    if name.is_empty() || name == "." || name == ".." || !name.chars().all(is_part) {
        bail!("{name:?} is no name of an object; use letters, digits, '-' and '.'");
    }
    Ok(name.to_owned())
}
