//! From what `schemars` generates to a [`Schema`].

use std::collections::{BTreeMap, BTreeSet};

use kube_core::schema::{OptionalEnum, OptionalIntOrString, StructuralSchemaRewriter};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use schemars::transform::AddNullable;
use serde_json::{Map, Value};

use crate::quantity::QUANTITY_PATTERN;
use crate::schema::declared::NULLABLE;
use crate::schema::{MergeStrategy, ObjectShape, Schema, Shape, Text, UnknownFields};

/// The only fields of Kubernetes' own kinds that hold a number or a name; a test lists them.
const PORTS: [&str; 2] = [".port", ".targetPort"];

/// The fields of Kubernetes' own kinds that are a `MicroTime`; its schema is that of any time.
const MICRO_TIMES: [&str; 4] = [".eventTime", ".lastObservedTime", ".acquireTime", ".renewTime"];

/// Takes away what `#[serde(default)]` adds to a field's schema: the type fills the field in, the
/// API server does not.
pub(crate) fn without_default(schema: &mut schemars::Schema) {
    schema.remove("default");
}

pub(super) fn schema_of<T: JsonSchema>() -> Schema {
    let mut settings = SchemaSettings::openapi3();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let generated = settings
        .with_transform(AddNullable::default())
        .with_transform(StructuralSchemaRewriter)
        .with_transform(OptionalEnum)
        .with_transform(OptionalIntOrString)
        .into_generator()
        .into_root_schema_for::<T>();
    parse(&generated.to_value(), &T::schema_name())
}

/// `at` says where in the type the schema is, for the panic that a new form of schema deserves.
fn parse(schema: &Value, at: &str) -> Schema {
    let Value::Object(schema) = schema else {
        // `true` is how JSON Schema writes "anything".
        return Schema::plain(Shape::Anything);
    };
    let plain = Schema::plain(shape(schema, at));
    Schema {
        description: text(schema, "description").map(unwrapped),
        nullable: flag(schema, "nullable") || flag(schema, NULLABLE),
        default: schema.get("default").filter(|default| !default.is_null()).cloned(),
        merge: merge(schema).unwrap_or(plain.merge),
        shape: plain.shape,
        patch: plain.patch,
    }
}

/// What a type says itself of how its values are shared.
fn merge(schema: &Map<String, Value>) -> Option<MergeStrategy> {
    let list = text(schema, "x-kubernetes-list-type");
    match (list, text(schema, "x-kubernetes-map-type")) {
        (Some("atomic"), _) | (_, Some("atomic")) => Some(MergeStrategy::Atomic),
        (Some("set"), _) => Some(MergeStrategy::Set),
        (Some("map"), _) => {
            let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
            let keys = keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
            Some(MergeStrategy::Keyed(keys.collect()))
        }
        _ => None,
    }
}

fn shape(schema: &Map<String, Value>, at: &str) -> Shape {
    if flag(schema, "x-kubernetes-int-or-string") {
        return Shape::IntOrString(match string_text(schema) {
            // k8s-openapi writes quantities and ports alike.
            Text::Any if !PORTS.iter().any(|port| at.ends_with(port)) => Text::Quantity,
            text => text,
        });
    }
    match text(schema, "type") {
        None => Shape::Anything,
        Some("boolean") => Shape::Boolean,
        Some("integer") => integer(schema),
        Some("number") => Shape::Number,
        Some("string") => Shape::String(match string_text(schema) {
            Text::DateTime if MICRO_TIMES.iter().any(|time| at.ends_with(time)) => Text::MicroTime,
            text => text,
        }),
        Some("array") => Shape::Array(Box::new(match schema.get("items") {
            Some(items) => parse(items, &format!("{at}[]")),
            None => Schema::plain(Shape::Anything),
        })),
        Some("object") => object(schema, at),
        Some(other) => panic!("{at}: the type \"{other}\" is new to ferry's schemas"),
    }
}

fn object(schema: &Map<String, Value>, at: &str) -> Shape {
    let empty = Map::new();
    let properties = match schema.get("properties") {
        Some(Value::Object(properties)) => properties,
        _ => &empty,
    };
    match schema.get("additionalProperties") {
        Some(values @ Value::Object(_)) if properties.is_empty() => {
            return Shape::Map(Box::new(parse(values, &format!("{at}[]"))));
        }
        Some(Value::Bool(true)) if properties.is_empty() => {
            return Shape::Map(Box::new(Schema::plain(Shape::Anything)));
        }
        _ => {}
    }
    // An object without any field of its own is whatever was written, such as `fieldsV1`.
    let free = properties.is_empty() && !schema.contains_key("additionalProperties");
    let unknown = if free || flag(schema, "x-kubernetes-preserve-unknown-fields") {
        UnknownFields::Kept
    } else {
        UnknownFields::Pruned
    };
    let required: BTreeSet<String> = match schema.get("required") {
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => BTreeSet::new(),
    };
    let properties: BTreeMap<_, _> = properties
        .iter()
        .map(|(name, schema)| {
            let mut parsed = parse(schema, &format!("{at}.{name}"));
            // An `Option` is nullable for schemars. For Kubernetes, what may be left out is not:
            // `null` there means "not written", unless the field says otherwise.
            let marked = schema.as_object().is_some_and(|schema| flag(schema, NULLABLE));
            parsed.nullable &= required.contains(name) || marked;
            (name.clone(), parsed)
        })
        .collect();
    Shape::Object(ObjectShape { properties, required, unknown })
}

/// Bounds come from the format (`uint32`) and from `minimum` and `maximum`, the narrower of both.
fn integer(schema: &Map<String, Value>) -> Shape {
    let (lowest, highest) = match text(schema, "format") {
        Some("uint8") => (0, i128::from(u8::MAX)),
        Some("uint16") => (0, i128::from(u16::MAX)),
        Some("uint32") => (0, i128::from(u32::MAX)),
        Some("uint64" | "uint") => (0, i128::from(u64::MAX)),
        Some("int32") => (i128::from(i32::MIN), i128::from(i32::MAX)),
        _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
    };
    // Bounds are whole; schemars may write them with a fraction of zero.
    #[expect(clippy::cast_possible_truncation, reason = "bounds are small whole numbers")]
    let bound = |name: &str| {
        let bound = schema.get(name)?;
        bound.as_i64().map(i128::from).or_else(|| bound.as_f64().map(|whole| whole as i128))
    };
    Shape::Integer {
        minimum: bound("minimum").map_or(lowest, |minimum| minimum.max(lowest)),
        maximum: bound("maximum").map_or(highest, |maximum| maximum.min(highest)),
    }
}

fn string_text(schema: &Map<String, Value>) -> Text {
    if let Some(Value::Array(values)) = schema.get("enum") {
        return Text::OneOf(values.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    }
    match (text(schema, "format"), text(schema, "pattern")) {
        (Some("date-time"), _) => Text::DateTime,
        (Some("byte"), _) => Text::Base64,
        (_, Some(QUANTITY_PATTERN)) => Text::Quantity,
        _ => Text::Any,
    }
}

/// Documentation is wrapped in the source; a schema's description is one line a paragraph.
fn unwrapped(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|lines| lines.replace('\n', " "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

fn text<'a>(schema: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    schema.get(name).and_then(Value::as_str)
}

fn flag(schema: &Map<String, Value>, name: &str) -> bool {
    schema.get(name) == Some(&Value::Bool(true))
}
