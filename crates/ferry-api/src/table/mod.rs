//! Objects as rows of a table: what `kubectl get` prints, which asks the API server for it.
//!
//! Custom kinds say which values their columns show; Kubernetes' own kinds have a printer each.
//! The cells are those of a real server to the letter, because scripts read them.
//!
//! Sources: Kubernetes `pkg/printers/internalversion/printers.go`,
//! `staging/src/k8s.io/apiserver/pkg/registry/rest/table.go` and apiextensions-apiserver
//! `pkg/registry/customresource/tableconvertor/tableconvertor.go`.

mod age;
mod fields;
mod path;
mod printers;

use ferry_units::WallTime;
use serde_json::{Map, Value, json};

use crate::catalog::{CellSource, Column, Kind, Shown};

pub use age::age;

/// A table's `columnDefinitions` for objects of `kind`.
///
/// ```
/// let columns = ferry_api::table::columns(ferry_api::Kind::VirtualMachineInstanceMigration);
/// let names: Vec<_> = columns.as_array().unwrap().iter().map(|c| &c["name"]).collect();
/// assert_eq!(names, ["Name", "Phase", "VMI"]);
/// ```
pub fn columns(kind: Kind) -> Value {
    let name = json!({
        "name": "Name",
        "type": "string",
        "format": "name",
        "description": "the name, which is the only one of its kind in its namespace",
        "priority": 0,
    });
    let others = kind.definition().columns.iter().map(column);
    let columns: Vec<Value> = match leading(kind) {
        Leading::Name => std::iter::once(name).chain(others).collect(),
        Leading::OwnColumns => others.collect(),
    };
    Value::Array(columns)
}

/// The cells of an object's row, in the order of [`columns`]. The object is in the version that
/// its kind is kept in.
pub fn cells(kind: Kind, object: &Map<String, Value>, now: WallTime) -> Vec<Value> {
    let others = match printers::printer(kind) {
        Some(print) => print(object, now),
        None => kind.definition().columns.iter().map(|column| cell(column, object, now)).collect(),
    };
    match leading(kind) {
        Leading::Name => std::iter::once(fields::name(object)).chain(others).collect(),
        Leading::OwnColumns => others,
    }
}

/// What a kind's rows begin with.
enum Leading {
    /// The object's name.
    Name,
    /// Whatever its columns say.
    OwnColumns,
}

/// Nobody knows an event by its name: it comes last, and only in wide tables.
const fn leading(kind: Kind) -> Leading {
    if matches!(kind, Kind::Event) { Leading::OwnColumns } else { Leading::Name }
}

fn column(column: &Column) -> Value {
    let format = if column.name == "Name" { "name" } else { "" };
    json!({
        "name": column.name,
        "type": column.type_,
        "format": format,
        "description": column.description,
        "priority": match column.shown {
            Shown::Always => 0,
            Shown::Wide => 1,
        },
    })
}

/// What stands where a column's path leads. A value that is not there is `null`.
fn cell(column: &Column, object: &Map<String, Value>, now: WallTime) -> Value {
    let found = match column.source {
        CellSource::Path(path) => path::first(object, path),
        CellSource::Printer => None,
    };
    match (column.type_, found) {
        (_, None | Some(Value::Null)) => Value::Null,
        // PARITY: staging/src/k8s.io/apiserver/pkg/registry/rest/table.go#ConvertToTable
        ("date", Some(Value::String(time))) if column.name == "Created At" => Value::from(&**time),
        ("date", Some(Value::String(time))) => Value::from(age::since(time, now)),
        ("date", Some(_)) => Value::from(age::INVALID),
        ("string", Some(Value::String(text))) => Value::from(&**text),
        ("string", Some(other)) => Value::from(other.to_string()),
        (_, Some(other)) => other.clone(),
    }
}
