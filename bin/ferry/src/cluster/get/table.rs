//! Tables: the server says what is in them, and this prints them as kubectl does.

use anyhow::Result;
use http::HeaderValue;
use http::header::ACCEPT;
use kube::api::{GetParams, ListParams};
use kube::core::Request;
use serde::Deserialize;
use serde_json::Value;

use super::{Output, Question, nothing};
use crate::cluster::problem::ApiError;
use crate::output::Printer;

/// What a client says that wants a table.
const AS_TABLE: HeaderValue =
    HeaderValue::from_static("application/json;as=Table;v=v1;g=meta.k8s.io,application/json");

/// What comes with each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// The object's metadata.
    Metadata,
    /// The whole object.
    Object,
}

/// Blanks between columns, as kubectl has them.
const GAP: usize = 3;

/// The least width of a column with its gap, as kubectl has it.
const LEAST_WIDTH: usize = 6;

/// The answer of a server that makes tables.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Table {
    pub(super) metadata: TableMetadata,
    /// Left out in all events of a watch but the first.
    column_definitions: Option<Vec<Column>>,
    pub(super) rows: Vec<Row>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TableMetadata {
    pub(super) resource_version: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Column {
    name: String,
    /// Above 0 it is for wide tables only.
    #[serde(default)]
    priority: i32,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Row {
    cells: Vec<Value>,
    #[serde(default)]
    pub(super) object: Value,
}

/// How rows look: which columns there are, and how wide each is so far.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    prefix: Option<String>,
    shows_namespace: bool,
    is_wide: bool,
    columns: Vec<Column>,
    widths: Vec<usize>,
}

/// Prints a table for each question, and returns what went wrong.
pub(super) async fn run(questions: &[Question<'_>], out: &mut Printer) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let mut groups: Vec<(&Question<'_>, Table)> = Vec::new();
    for question in questions {
        match question.table().await {
            // Objects of one kind that were named one by one are one table.
            Ok(table) => match groups.last_mut() {
                Some((last, all)) if last.kind() == question.kind() => all.rows.extend(table.rows),
                Some(_) | None => groups.push((question, table)),
            },
            Err(error) if error.is_not_found() && question.is_optional() => {}
            Err(error @ ApiError::Refused(_)) => problems.push(error.to_string()),
            Err(error) => return Err(error.into()),
        }
    }
    groups.retain(|(_, table)| !table.rows.is_empty());
    let has_several = questions.iter().any(|one| one.kind() != questions[0].kind());
    for (index, (question, table)) in groups.iter().enumerate() {
        if index > 0 {
            out.line("")?;
        }
        let mut layout = question.layout(has_several);
        let with_headings = !question.arguments.no_headers;
        out.result(&layout.print(table, with_headings))?;
    }
    if groups.is_empty() && problems.is_empty() {
        out.note(&nothing(questions));
    }
    Ok(problems)
}

impl Question<'_> {
    fn is_optional(&self) -> bool {
        self.arguments.ignore_not_found
    }

    /// Asks for the table of what was named.
    async fn table(&self) -> Result<Table, ApiError> {
        let Some(name) = &self.named.name else { return self.list(Content::Metadata).await };
        let request = Request::new(self.path()).get(name, &GetParams::default());
        self.cluster.ask(as_table(self.built(request)?, Content::Metadata)).await
    }

    /// Asks for the table of all that are selected.
    pub(super) async fn list(&self, content: Content) -> Result<Table, ApiError> {
        let params = ListParams { field_selector: self.fields(), ..self.list_params() };
        let request = Request::new(self.path()).list(&params);
        self.cluster.ask(as_table(self.built(request)?, content)).await
    }

    fn built(
        &self,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<http::Request<Vec<u8>>, ApiError> {
        request.map_err(|error| self.cluster.told(kube::Error::BuildRequest(error)))
    }

    pub(super) fn list_params(&self) -> ListParams {
        ListParams {
            label_selector: self.arguments.selector.clone(),
            field_selector: self.arguments.field_selector.clone(),
            ..ListParams::default()
        }
    }

    /// A table whose names say the kind where there are several.
    pub(super) fn layout(&self, has_several_kinds: bool) -> Layout {
        Layout {
            prefix: has_several_kinds.then(|| self.kind().printed()),
            shows_namespace: self.shows_namespace(),
            is_wide: self.arguments.output == Output::Wide,
            columns: Vec::new(),
            widths: Vec::new(),
        }
    }
}

/// The same request, answered with a table.
pub(super) fn as_table(
    mut request: http::Request<Vec<u8>>,
    content: Content,
) -> http::Request<Vec<u8>> {
    request.headers_mut().insert(ACCEPT, AS_TABLE);
    match content {
        Content::Metadata => request,
        Content::Object => with_parameter(request, "includeObject=Object"),
    }
}

/// The same request with one more parameter behind its others.
fn with_parameter(request: http::Request<Vec<u8>>, parameter: &str) -> http::Request<Vec<u8>> {
    let (mut parts, body) = request.into_parts();
    let joined = format!("{}&{parameter}", parts.uri);
    // What was an URI is one with a few letters more.
    if let Ok(uri) = joined.parse() {
        parts.uri = uri;
    }
    http::Request::from_parts(parts, body)
}

impl Layout {
    /// The lines of a table. Columns are as wide as they ever were.
    pub(super) fn print(&mut self, table: &Table, with_headings: bool) -> String {
        if let Some(columns) = &table.column_definitions {
            self.columns.clone_from(columns);
        }
        let shown: Vec<usize> = (0..self.columns.len())
            .filter(|&index| self.is_wide || self.columns[index].priority == 0)
            .collect();
        let mut lines = Vec::new();
        if with_headings {
            let name = |&index: &usize| self.columns[index].name.to_uppercase();
            let namespace = self.shows_namespace.then(|| "NAMESPACE".to_owned());
            lines.push(namespace.into_iter().chain(shown.iter().map(name)).collect());
        }
        lines.extend(table.rows.iter().map(|row| self.cells(row, &shown)));
        self.aligned(&lines)
    }

    fn cells(&self, row: &Row, shown: &[usize]) -> Vec<String> {
        let mut cells = Vec::new();
        if self.shows_namespace {
            let namespace = &row.object["metadata"]["namespace"];
            cells.push(namespace.as_str().unwrap_or_default().to_owned());
        }
        for (position, &index) in shown.iter().enumerate() {
            let cell = row.cells.get(index).map(printed).unwrap_or_default();
            cells.push(match (&self.prefix, position) {
                (Some(prefix), 0) => format!("{prefix}/{cell}"),
                (_, _) => cell,
            });
        }
        cells
    }

    fn aligned(&mut self, lines: &[Vec<String>]) -> String {
        for line in lines {
            for (index, cell) in line.iter().enumerate() {
                let width = (cell.chars().count() + GAP).max(LEAST_WIDTH);
                match self.widths.get_mut(index) {
                    Some(widest) => *widest = width.max(*widest),
                    None => self.widths.push(width),
                }
            }
        }
        let mut text = String::new();
        for line in lines {
            for (index, cell) in line.iter().enumerate() {
                text.push_str(cell);
                if index + 1 < line.len() {
                    let blanks = self.widths[index].saturating_sub(cell.chars().count());
                    text.extend(std::iter::repeat_n(' ', blanks));
                }
            }
            text.push('\n');
        }
        text
    }
}

/// A cell as text, of one line.
fn printed(cell: &Value) -> String {
    match cell {
        Value::Null => String::new(),
        Value::String(text) => match text.split_once(['\n', '\r']) {
            Some((first, _)) => format!("{first}..."),
            None => text.clone(),
        },
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => cell.to_string(),
    }
}
