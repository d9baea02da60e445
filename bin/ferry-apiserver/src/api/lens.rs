//! Objects as a path shows them: in its version, and in the form that the client takes.

use bytes::Bytes;
use ferry_api::{KindVersion, table as printer};
use ferry_registry::{Document, Refusal, Stored, convert};
use ferry_units::WallTime;
use serde_json::{Map, Value};

use super::negotiate::{MetaVersion, Shape};
use super::path::{Alias, ObjectsPath, Query};

/// The `apiVersion` of a virtual machine in the group of migration policies.
pub(crate) const ALIAS_API_VERSION: &str = "migrations.kubevirt.io/v1alpha1";

/// How a path shows its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lens {
    served: KindVersion,
    alias: Alias,
}

/// What a row of a table carries beside its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// The object's metadata.
    Metadata,
    /// The object.
    Object,
    /// Nothing.
    Nothing,
}

impl Carried {
    /// What `includeObject` says, which matters to tables only.
    // PARITY: apimachinery/pkg/apis/meta/v1/validation/validation.go#ValidateTableOptions
    pub(crate) fn read(query: &Query, shape: Shape) -> Result<Self, Refusal> {
        match (shape, query.get("includeObject")) {
            (Shape::Table(_), Some("Object")) => Ok(Self::Object),
            (Shape::Table(_), Some("None")) => Ok(Self::Nothing),
            (Shape::Table(_), Some("Metadata" | "") | None)
            | (Shape::Object | Shape::Partial(_), _) => Ok(Self::Metadata),
            (Shape::Table(_), Some(other)) => Err(Refusal::BadRequest {
                message: format!(
                    "includeObject: Invalid value: {other:?}: must be 'Metadata', 'Object', \
                     'None', or empty"
                ),
            }),
        }
    }
}

impl Lens {
    /// How `path` shows its objects.
    pub(crate) fn new(path: &ObjectsPath) -> Self {
        Self { served: path.served, alias: path.alias }
    }

    /// Whether objects are shown as they are kept.
    pub(crate) fn is_clear(self) -> bool {
        self.alias == Alias::None && self.served == KindVersion::storage(self.served.kind())
    }

    /// What documents carry as `apiVersion`.
    pub(crate) fn api_version(self) -> String {
        match self.alias {
            Alias::None => self.served.api_version(),
            Alias::VirtualMachine => ALIAS_API_VERSION.to_owned(),
        }
    }

    /// The kind, as documents have it.
    pub(crate) fn kind(self) -> &'static str {
        self.served.definition().kind
    }

    /// An object as JSON.
    pub(crate) fn json(self, object: &Stored) -> Bytes {
        if self.is_clear() {
            return object.json.clone();
        }
        match self.alias {
            Alias::None => convert(object, self.served),
            Alias::VirtualMachine => {
                let mut document = object.document();
                document.insert("apiVersion".to_owned(), Value::from(ALIAS_API_VERSION));
                Bytes::from(Value::Object(document).to_string())
            }
        }
    }

    fn document(self, object: &Stored) -> Document {
        if self.is_clear() {
            return object.document();
        }
        match serde_json::from_slice(&self.json(object)) {
            Ok(Value::Object(document)) => document,
            Ok(_) | Err(_) => Document::new(),
        }
    }

    /// An object's row in a table.
    pub(crate) fn row(
        self,
        object: &Stored,
        version: MetaVersion,
        carried: Carried,
        now: WallTime,
    ) -> Value {
        let mut document = object.document();
        let cells = printer::cells(self.served.kind(), &document, now);
        let shown = match carried {
            Carried::Nothing => Value::Null,
            Carried::Object if self.is_clear() => Value::Object(document),
            Carried::Object => Value::Object(self.document(object)),
            Carried::Metadata => partial(document.remove("metadata").unwrap_or_default(), version),
        };
        row(cells, shown)
    }

    /// The row of a bookmark, of which only the metadata counts.
    pub(crate) fn bookmark_row(self, metadata: Value, version: MetaVersion) -> Value {
        let columns = printer::columns(self.served.kind());
        let width = columns.as_array().map_or(0, Vec::len);
        row(vec![Value::Null; width], partial(metadata, version))
    }

    /// What the columns of a table are.
    pub(crate) fn columns(self) -> Value {
        printer::columns(self.served.kind())
    }
}

/// An object's metadata as a document of its own.
pub(crate) fn partial_of(object: &Stored, version: MetaVersion) -> Value {
    partial(object.document().remove("metadata").unwrap_or_default(), version)
}

/// Metadata as a document of its own.
pub(crate) fn partial(metadata: Value, version: MetaVersion) -> Value {
    object([
        ("kind", Value::from("PartialObjectMetadata")),
        ("apiVersion", Value::from(version.api_version())),
        ("metadata", metadata),
    ])
}

/// A table of these rows.
pub(crate) fn table(
    version: MetaVersion,
    metadata: Map<String, Value>,
    columns: Value,
    rows: Vec<Value>,
) -> Value {
    let mut table = table_head(version, metadata, columns);
    table["rows"] = Value::Array(rows);
    table
}

/// A table without its rows.
pub(crate) fn table_head(
    version: MetaVersion,
    metadata: Map<String, Value>,
    columns: Value,
) -> Value {
    object([
        ("kind", Value::from("Table")),
        ("apiVersion", Value::from(version.api_version())),
        ("metadata", Value::Object(metadata)),
        ("columnDefinitions", columns),
    ])
}

fn row(cells: Vec<Value>, shown: Value) -> Value {
    object([("cells", Value::Array(cells)), ("object", shown)])
}

/// An object of these, none of which is copied.
pub(crate) fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Object(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
