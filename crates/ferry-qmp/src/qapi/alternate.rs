//! Values of one of several JSON types.

use super::{AlternateShape, ArgumentError, Input, Qapi, Shape, ShapeOf};
use crate::json::Json;

/// A text, or `null` for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StrOrNull {
    /// A text.
    Str(String),
    /// None.
    Null,
}

impl From<&str> for StrOrNull {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

/// QEMU keeps none as an empty text.
// PARITY: migration/options.c#qmp_migrate_set_parameters
impl From<StrOrNull> for String {
    fn from(value: StrOrNull) -> Self {
        match value {
            StrOrNull::Str(text) => text,
            StrOrNull::Null => Self::new(),
        }
    }
}

impl Qapi for StrOrNull {
    fn shape() -> Shape {
        Shape::Alternate(AlternateShape {
            name: "StrOrNull",
            members: vec![ShapeOf::of::<String>(), ShapeOf::of::<()>()],
        })
    }

    // PARITY: scripts/qapi/visit.py#gen_visit_alternate
    fn read(input: &Input<'_>) -> Result<Self, ArgumentError> {
        match input.json() {
            Json::String(text) => Ok(Self::Str(text.clone())),
            Json::Null => Ok(Self::Null),
            Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => {
                let place = input.name().to_owned();
                Err(ArgumentError::Type { place, expected: "StrOrNull" })
            }
        }
    }

    fn write(&self) -> Json {
        match self {
            Self::Str(text) => Json::from(text.as_str()),
            Self::Null => Json::Null,
        }
    }
}
