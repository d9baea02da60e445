//! A quantity as it was written.
//!
//! A custom resource keeps what its author wrote: `1024Mi` stays `1024Mi`, and `64` stays a number.
//! So the object model holds this type, and whoever needs the value parses it.

use std::borrow::Cow;
use std::fmt;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Number;

use super::schema::quantity_schema;
use super::{Quantity, QuantityError};

/// What somebody wrote where a quantity belongs: any string, or any number.
///
/// It goes out as it came in, whether or not it is a quantity. Two texts are equal when they are
/// the same text: `1Gi` differs from `1024Mi`, and the string `64` from the number. Integers keep
/// 64 bits; a number with a fraction keeps what a double keeps of it.
///
/// ```
/// use ferry_api::QuantityText;
///
/// let written: QuantityText = serde_json::from_str("\"1024Mi\"")?;
/// assert_eq!(written.parse()?.to_string(), "1Gi");
/// assert_eq!(serde_json::to_string(&written)?, "\"1024Mi\"");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QuantityText(Written);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Written {
    Text(String),
    Number(Number),
}

impl QuantityText {
    /// The value that it stands for.
    pub fn parse(&self) -> Result<Quantity, QuantityError> {
        match &self.0 {
            Written::Text(text) => text.parse(),
            // PARITY: apimachinery/pkg/api/resource/quantity.go#UnmarshalJSON reads a bare number
            // as if it stood in quotes.
            Written::Number(number) => number.to_string().parse(),
        }
    }
}

/// The zero quantity.
impl Default for QuantityText {
    fn default() -> Self {
        Self::from(Quantity::ZERO)
    }
}

impl fmt::Display for QuantityText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Written::Text(text) => f.write_str(text),
            Written::Number(number) => number.fmt(f),
        }
    }
}

impl From<String> for QuantityText {
    fn from(text: String) -> Self {
        Self(Written::Text(text))
    }
}

impl From<&str> for QuantityText {
    fn from(text: &str) -> Self {
        Self(Written::Text(text.to_owned()))
    }
}

impl From<Quantity> for QuantityText {
    fn from(quantity: Quantity) -> Self {
        Self(Written::Text(quantity.to_string()))
    }
}

impl From<ApiQuantity> for QuantityText {
    fn from(quantity: ApiQuantity) -> Self {
        Self(Written::Text(quantity.0))
    }
}

impl Serialize for QuantityText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Written::Text(text) => serializer.serialize_str(text),
            Written::Number(number) => number.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for QuantityText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityTextVisitor)
    }
}

struct QuantityTextVisitor;

impl Visitor<'_> for QuantityTextVisitor {
    type Value = QuantityText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity: a string such as \"64Mi\", or a number")
    }

    fn visit_str<E>(self, text: &str) -> Result<QuantityText, E> {
        Ok(QuantityText::from(text))
    }

    fn visit_string<E>(self, text: String) -> Result<QuantityText, E> {
        Ok(QuantityText::from(text))
    }

    fn visit_u64<E>(self, value: u64) -> Result<QuantityText, E> {
        Ok(QuantityText(Written::Number(value.into())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<QuantityText, E> {
        Ok(QuantityText(Written::Number(value.into())))
    }

    /// JSON has no infinities, so YAML's `.inf` cannot be kept.
    fn visit_f64<E: Error>(self, value: f64) -> Result<QuantityText, E> {
        match Number::from_f64(value) {
            Some(number) => Ok(QuantityText(Written::Number(number))),
            None => Err(E::invalid_value(Unexpected::Float(value), &self)),
        }
    }
}

impl JsonSchema for QuantityText {
    fn schema_name() -> Cow<'static, str> {
        "QuantityText".into()
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

    #[test]
    fn a_quantity_text_goes_out_as_it_came_in() {
        for json in [
            r#""1024Mi""#,
            r#""""#,
            r#""no quantity""#,
            r#"" 1 ""#,
            "64",
            "-64",
            "0",
            "1.5",
            "18446744073709551615",
            "-9223372036854775808",
        ] {
            let text: QuantityText = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&text).unwrap(), json);
            assert_eq!(text.to_string(), json.trim_matches('"'));
        }
        assert!(serde_json::from_str::<QuantityText>("null").is_err());
        assert!(serde_json::from_str::<QuantityText>("[]").is_err());
    }

    #[test]
    fn a_quantity_text_is_read_from_yaml_scalars() {
        for (yaml, shown) in [
            ("64Mi", "64Mi"),
            ("'64'", "64"),
            ("64", "64"),
            ("1.5", "1.5"),
            ("1500m", "1500m"),
            ("-1Mi", "-1Mi"),
        ] {
            assert_eq!(serde_saphyr::from_str::<QuantityText>(yaml).unwrap().to_string(), shown);
        }
        assert!(serde_saphyr::from_str::<QuantityText>(".inf").is_err());
    }

    #[test]
    fn a_quantity_text_stands_for_the_quantity_that_it_spells() {
        for (json, canonical) in [
            (json!("1024Mi"), "1Gi"),
            (json!(1024), "1024"),
            (json!(1.5), "1500m"),
            (json!(1e3), "1k"),
            (json!(1e-12), "1e-9"),
            (json!(-1), "-1"),
        ] {
            let text: QuantityText = serde_json::from_value(json).unwrap();
            assert_eq!(text.parse().unwrap().to_string(), canonical);
        }
        for (text, verbatim) in [
            (QuantityText::from("64MB"), "64MB"),
            (QuantityText::from("64Mi".to_owned()), "64Mi"),
            (QuantityText::from(Quantity::from(1000_u64)), "1k"),
            (QuantityText::from(ApiQuantity("1024Mi".to_owned())), "1024Mi"),
            (QuantityText::default(), "0"),
        ] {
            assert_eq!(text.to_string(), verbatim);
        }
        assert!(QuantityText::from("64MB").parse().is_err());
    }

    #[test]
    fn quantity_texts_are_equal_when_they_are_the_same_text() {
        let read = |json| serde_json::from_value::<QuantityText>(json).unwrap();
        assert_eq!(read(json!("1Gi")), QuantityText::from("1Gi"));
        assert_ne!(read(json!("1Gi")), read(json!("1024Mi")));
        assert_ne!(read(json!("64")), read(json!(64)));
    }
}
