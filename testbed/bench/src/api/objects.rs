//! The objects that are written.

use bytes::Bytes;

/// The collection in which everything is written.
pub(super) const CONFIG_MAPS: &str = "/api/v1/namespaces/bench/configmaps";

/// The same for leases.
pub(super) const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/bench/leases";

/// A namespace of its own, so that a list has nobody else's objects.
pub(super) const NAMESPACE: &str =
    r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"bench"}}"#;

/// ConfigMaps whose JSON has a given size. All are alike apart from their names, which are unique.
#[derive(Clone, Debug)]
pub(super) struct ConfigMaps {
    prefix: &'static str,
    filling: String,
}

/// What stands around name and filling.
const HEAD: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":""#;
const MIDDLE: &str = r#"","namespace":"bench"},"data":{"value":""#;
const TAIL: &str = r#""}}"#;

/// So many digits follow a prefix, so that all names are equally long.
const DIGITS: usize = 8;

impl ConfigMaps {
    pub(super) fn new(prefix: &'static str, bytes: usize) -> Self {
        let around = HEAD.len() + prefix.len() + DIGITS + MIDDLE.len() + TAIL.len();
        Self { prefix, filling: filling(bytes.saturating_sub(around)) }
    }

    pub(super) fn name(&self, number: u64) -> String {
        format!("{}{number:0DIGITS$}", self.prefix)
    }

    pub(super) fn json(&self, number: u64) -> Bytes {
        let parts = [HEAD, &self.name(number), MIDDLE, &self.filling, TAIL];
        Bytes::from(parts.concat())
    }
}

/// Letters without much of a pattern, so that nothing that compresses has it too easy, and no
/// quotes or lower-case letters, so that a name is found where it is.
fn filling(count: usize) -> String {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let letter = |_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let drawn = u8::try_from(state >> 59).expect("five bits are left");
        char::from(if drawn < 26 { b'A' + drawn } else { b'0' + drawn - 26 })
    };
    (0..count).map(letter).collect()
}

/// A lease as a node renews it; `version` is the one that it renews.
pub(super) fn lease(name: &str, version: Option<&str>, renewal: u64) -> Bytes {
    let version = version.map(|it| format!(r#","resourceVersion":"{it}""#)).unwrap_or_default();
    let (minutes, seconds) = (renewal / 60 % 60, renewal % 60);
    Bytes::from(format!(
        r#"{{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{{"name":"{name}","namespace":"bench"{version}}},"spec":{{"holderIdentity":"{name}","leaseDurationSeconds":40,"renewTime":"2026-11-23T10:{minutes:02}:{seconds:02}.000000Z"}}}}"#
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn config_maps_have_their_size_and_their_names() {
        for bytes in [1024, 2048] {
            let maps = ConfigMaps::new("load-", bytes);
            let json = maps.json(42);
            assert_eq!(json.len(), bytes);
            let value: Value = serde_json::from_slice(&json).unwrap();
            assert_eq!(value["metadata"]["name"], "load-00000042");
            assert_ne!(maps.json(43), json);
        }
    }

    #[test]
    fn leases_name_the_version_that_they_renew() {
        for (version, expected) in [(None, Value::Null), (Some("7"), Value::from("7"))] {
            let value: Value = serde_json::from_slice(&lease("node-1", version, 3599)).unwrap();
            assert_eq!(value["metadata"]["resourceVersion"], expected);
            assert_eq!(value["spec"]["renewTime"], "2026-11-23T10:59:59.000000Z");
        }
    }
}
