//! Objects, and the order in which QEMU writes their members.

use std::collections::BTreeMap;
use std::fmt;

use super::Json;

/// A JSON object. Its members have no order of their own; it prints them in that of QEMU's hash
/// table ([`Object::members`]).
#[derive(Clone, Default)]
pub struct Object {
    members: BTreeMap<String, Member>,
    inserted: u32,
}

#[derive(Clone)]
struct Member {
    /// The how-manieth member it was.
    index: u32,
    value: Json,
}

impl Object {
    /// An object without members.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a member, or gives one that is there another value.
    pub fn insert(&mut self, name: &str, value: impl Into<Json>) {
        let value = value.into();
        if let Some(member) = self.members.get_mut(name) {
            member.value = value;
            return;
        }
        self.members.insert(name.to_owned(), Member { index: self.inserted, value });
        self.inserted += 1;
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) -> Option<Json> {
        self.members.remove(name).map(|member| member.value)
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.members.get(name).map(|member| &member.value)
    }

    /// Whether there is a member of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The members in the order in which QEMU goes through them: by bucket, and the newest of a
    /// bucket first. QEMU writes answers in this order, and judges requests in it.
    // PARITY: qobject/qdict.c#qdict_first
    pub fn members(&self) -> impl Iterator<Item = (&str, &Json)> {
        let mut members: Vec<_> = self.members.iter().collect();
        members.sort_by_key(|(name, member)| (bucket(name), u32::MAX - member.index));
        members.into_iter().map(|(name, member)| (name.as_str(), &member.value))
    }
}

/// The bucket of a name in QEMU's hash table.
// PARITY: qobject/qdict.c#tdb_hash
fn bucket(name: &str) -> u32 {
    const BUCKETS: u32 = 512;
    #[expect(clippy::cast_possible_truncation, reason = "QEMU's hash is modulo 2^32")]
    let mut hash = 0x238F_13AF_u32.wrapping_mul(name.len() as u32);
    for (index, byte) in name.bytes().enumerate() {
        hash = hash.wrapping_add(u32::from(byte) << (index * 5 % 24));
    }
    hash.wrapping_mul(1_103_515_243).wrapping_add(12345) % BUCKETS
}

/// Two objects are equal if they have the same members, whatever came first.
impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.members.iter().all(|(name, member)| other.get(name) == Some(&member.value))
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.members()).finish()
    }
}

impl<N: AsRef<str>, V: Into<Json>> FromIterator<(N, V)> for Object {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(members: I) -> Self {
        let mut object = Self::new();
        for (name, value) in members {
            object.insert(name.as_ref(), value);
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_members_come_in_the_order_of_the_hash_table() {
        for (inserted, order) in [
            (&["running", "status"][..], &["status", "running"][..]),
            (&["qemu", "package"], &["qemu", "package"]),
            (&["return", "id"], &["return", "id"]),
            (&["error", "id"], &["id", "error"]),
            (&["event", "data", "timestamp"], &["timestamp", "event", "data"]),
            // These share a bucket, and so the newest comes first.
            (&["major", "minor", "micro"], &["micro", "minor", "major"]),
            (&["major", "micro", "minor"], &["minor", "micro", "major"]),
        ] {
            let object: Object = inserted.iter().map(|name| (name, true)).collect();
            let names: Vec<_> = object.members().map(|(name, _)| name).collect();
            assert_eq!(names, order);
        }
    }

    #[test]
    fn a_member_that_gets_another_value_keeps_its_place() {
        let mut object = Object::from_iter([("minor", 1_u64), ("micro", 2)]);
        object.insert("minor", 3_u64);
        assert_eq!(Json::from(object).to_string(), r#"{"micro": 2, "minor": 3}"#);
    }

    #[test]
    fn equality_does_not_ask_what_came_first() {
        let one = Object::from_iter([("minor", 1_u64), ("micro", 2)]);
        let other = Object::from_iter([("micro", 2_u64), ("minor", 1)]);
        assert_eq!(one, other);
        assert_ne!(one, Object::from_iter([("minor", 1_u64)]));
    }
}
