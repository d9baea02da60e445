//! `ferry get -w`: what there is, and then each change, across restarts of the API server.

use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::{AsyncBufReadExt, StreamExt};
use kube::api::WatchParams;
use kube::core::{DynamicObject, Request};
use serde::Deserialize;
use serde_json::Value;

use super::objects::{document, name, whole};
use super::table::{Content, Layout, Table, as_table};
use super::{Output, Question};
use crate::cluster::problem::ApiError;
use crate::output::{Printer, Status};

/// How long to wait before an API server that has gone is asked again.
const PAUSE: Duration = Duration::from_millis(500);

/// How often it is asked until it is given up: half a minute, longer than any restart.
const ATTEMPTS: u32 = 60;

/// The status code of a resource version that is too old.
const GONE: u16 = 410;

#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

/// How a request ended.
enum End {
    /// The server has ended it; the next one goes on.
    Over,
    /// What it would go on from is forgotten: what there is has to be read again.
    Forgotten,
    /// There is no server.
    Lost(ApiError),
}

/// The state of one command.
struct Watch<'a, 'b> {
    question: &'a Question<'b>,
    layout: Layout,
    /// Where to go on; `None` where everything is to be read.
    version: Option<String>,
    has_headings: bool,
    /// How often in a row there was no server.
    failures: u32,
}

pub(super) async fn run(question: &Question<'_>, out: &mut Printer) -> Result<Status> {
    let mut watch = Watch {
        question,
        layout: question.layout(question.arguments.output == Output::Name),
        version: None,
        has_headings: question.arguments.no_headers,
        failures: 0,
    };
    watch.print_all(out).await?;
    loop {
        match watch.request(out).await? {
            End::Over => {}
            End::Forgotten => watch.print_all(out).await?,
            End::Lost(error) => {
                if watch.failures >= ATTEMPTS {
                    return Err(error.into());
                }
                if watch.failures == 0 {
                    out.note(&format!("note: {error} Trying again."));
                }
                watch.failures += 1;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

impl Watch<'_, '_> {
    /// Prints what there is.
    async fn print_all(&mut self, out: &mut Printer) -> Result<()> {
        let table = self.question.list(self.content()).await?;
        self.version = Some(table.metadata.resource_version.clone());
        self.print(&table, out)
    }

    /// Whether whole objects are needed.
    fn content(&self) -> Content {
        match self.question.arguments.output {
            Output::Table | Output::Wide | Output::Name => Content::Metadata,
            Output::Json | Output::Yaml => Content::Object,
        }
    }

    /// Watches once, until the server or the network ends it.
    async fn request(&mut self, out: &mut Printer) -> Result<End> {
        let cluster = self.question.cluster;
        let request = self.watch_request()?;
        let lines = match cluster.client.request_stream(request).await {
            Ok(lines) => lines.lines(),
            Err(error) => {
                let error = cluster.told(error);
                return match error.status() {
                    Some(status) if status.code == GONE => Ok(End::Forgotten),
                    Some(_) => Err(error.into()),
                    None => Ok(End::Lost(error)),
                };
            }
        };
        self.failures = 0;
        let mut lines = pin!(lines);
        // A line that cannot be read is the end of a connection.
        while let Some(Ok(line)) = lines.next().await {
            let event: Event = serde_json::from_str(&line).context("an event of the server")?;
            if event.kind == "ERROR" {
                let is_gone = event.object["code"].as_u64() == Some(u64::from(GONE));
                return Ok(if is_gone { End::Forgotten } else { End::Over });
            }
            let table: Table = serde_json::from_value(event.object).context("an event's table")?;
            if !table.metadata.resource_version.is_empty() {
                self.version = Some(table.metadata.resource_version.clone());
            }
            for row in &table.rows {
                if let Some(version) = row.object["metadata"]["resourceVersion"].as_str() {
                    self.version = Some(version.to_owned());
                }
            }
            if event.kind != "BOOKMARK" {
                self.print(&table, out)?;
            }
        }
        Ok(End::Over)
    }

    fn watch_request(&self) -> Result<http::Request<Vec<u8>>> {
        let params = WatchParams {
            label_selector: self.question.arguments.selector.clone(),
            field_selector: self.question.fields(),
            ..WatchParams::default()
        };
        let version = self.version.as_deref().unwrap_or_default();
        let request = Request::new(self.question.path()).watch(&params, version)?;
        Ok(as_table(request, self.content()))
    }

    fn print(&mut self, table: &Table, out: &mut Printer) -> Result<()> {
        let output = self.question.arguments.output;
        match output {
            Output::Table | Output::Wide => {
                // The headings come with the first row.
                let with_headings = !self.has_headings && !table.rows.is_empty();
                self.has_headings |= with_headings;
                out.result(&self.layout.print(table, with_headings))?;
            }
            Output::Name | Output::Json | Output::Yaml => {
                for row in &table.rows {
                    let object: DynamicObject = serde_json::from_value(row.object.clone())
                        .context("an object in an event's table")?;
                    let kind = self.question.kind();
                    if output == Output::Name {
                        out.line(&name(kind, &object))?;
                        continue;
                    }
                    let text = document(&whole(kind, object), output)?;
                    let fence = if output == Output::Yaml { "---\n" } else { "" };
                    out.result(&format!("{fence}{text}"))?;
                }
            }
        }
        Ok(())
    }
}
