//! Quantities in JSON and YAML, and in the schemas that the API server publishes.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Quantity;

/// What the schemas of custom resources allow as the text of a quantity.
///
/// It is a little wider than the grammar: a fraction within an exponent (`1e1.5`) passes here and
/// is refused when it is read.
// PARITY: controller-tools pkg/crd/known_types.go#KnownPackages, "Quantity"
pub(crate) const QUANTITY_PATTERN: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

/// The schema of every field that holds a quantity: an integer, or a string of that pattern.
pub(super) fn quantity_schema() -> Schema {
    json_schema!({
        "anyOf": [{ "type": "integer" }, { "type": "string" }],
        "pattern": QUANTITY_PATTERN,
        "x-kubernetes-int-or-string": true,
    })
}

/// The canonical text.
impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A string, or an integer. A number with a fraction is refused: by the time it is seen here, it
/// is no longer what was written.
impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor)
    }
}

struct QuantityVisitor;

impl Visitor<'_> for QuantityVisitor {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity: a string such as \"64Mi\", or an integer")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Quantity, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E>(self, value: u64) -> Result<Quantity, E> {
        Ok(Quantity::from(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Quantity, E> {
        Ok(Quantity::from(value))
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        quantity_schema()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::names::pattern::matches;
    use crate::quantity::QuantityText;

    #[test]
    fn a_quantity_is_written_as_canonical_text_and_read_from_text_or_integer() {
        for (json, text) in [
            (json!("2048Mi"), "2Gi"),
            (json!(64), "64"),
            (json!(-1000), "-1k"),
            (json!(u64::MAX), "18446744073709551615"),
        ] {
            let read: Quantity = serde_json::from_value(json).unwrap();
            assert_eq!(serde_json::to_value(read).unwrap(), json!(text));
        }
        for (json, message) in [
            (
                json!(1.5),
                "invalid type: floating point `1.5`, \
                 expected a quantity: a string such as \"64Mi\", or an integer",
            ),
            (
                json!(null),
                "invalid type: null, \
                 expected a quantity: a string such as \"64Mi\", or an integer",
            ),
            (
                json!("64Mi "),
                "\"64Mi \" is not a quantity: \"Mi \" is no suffix; use Ki Mi Gi Ti Pi Ei, \
                 n u m k M G T P E, or an exponent such as 1e3 (did you mean Mi?)",
            ),
        ] {
            assert_eq!(serde_json::from_value::<Quantity>(json).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn the_schema_is_an_integer_or_a_string_of_the_pattern() {
        let expected = json!({
            "anyOf": [{ "type": "integer" }, { "type": "string" }],
            "pattern": QUANTITY_PATTERN,
            "x-kubernetes-int-or-string": true,
        });
        let mut generator = schemars::SchemaGenerator::default();
        assert_eq!(generator.subschema_for::<Quantity>().to_value(), expected);
        assert_eq!(generator.subschema_for::<QuantityText>().to_value(), expected);
    }

    #[test]
    fn what_passes_the_pattern_is_read_except_for_fractions_in_exponents() {
        let letters = ["-", "+", ".", "1", "e", "E", "m", "K", "k", "i", " "];
        let mut texts = vec![String::new()];
        for _ in 0..4 {
            let longer =
                texts.iter().flat_map(|text| letters.map(|letter| format!("{text}{letter}")));
            texts = std::iter::once(String::new()).chain(longer).collect();
        }
        for text in texts {
            let allowed = matches(QUANTITY_PATTERN, &text);
            let read = text.parse::<Quantity>().is_ok();
            let fractional_exponent =
                text.split_once(['e', 'E']).is_some_and(|(_, exponent)| exponent.contains('.'));
            assert_eq!(read, allowed && !fractional_exponent, "{text:?}");
        }
    }
}
