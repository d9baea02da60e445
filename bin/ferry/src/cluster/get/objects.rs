//! Whole objects, for programs; and their names.

use anyhow::Result;
use kube::api::{DynamicObject, ListParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::{Output, Question, nothing};
use crate::cluster::kinds::{Place, ServedKind};
use crate::cluster::problem::ApiError;
use crate::output::Printer;

/// How many objects are asked for at a time: what kubectl asks for.
const CHUNK: u32 = 500;

/// Prints the objects, and returns what went wrong.
pub(super) async fn run(questions: &[Question<'_>], out: &mut Printer) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let mut found = Vec::new();
    for question in questions {
        match question.objects().await {
            Ok(objects) => {
                let kind = question.kind();
                found.extend(objects.into_iter().map(|object| (kind, object)));
            }
            Err(error) if error.is_not_found() && question.arguments.ignore_not_found => {}
            Err(error @ ApiError::Refused(_)) => problems.push(error.to_string()),
            Err(error) => return Err(error.into()),
        }
    }
    let Some(first) = questions.first() else { return Ok(problems) };
    let output = first.arguments.output;
    if output == Output::Name {
        for (kind, object) in &found {
            out.line(&name(kind, object))?;
        }
        return Ok(problems);
    }
    let is_one = questions.len() == 1 && first.named.name.is_some();
    let mut values: Vec<Value> =
        found.into_iter().map(|(kind, object)| whole(kind, object)).collect();
    if values.is_empty() && (!problems.is_empty() || is_one) {
        return Ok(problems);
    }
    if values.is_empty() {
        out.note(&nothing(questions));
    }
    let value = if is_one {
        values.remove(0)
    } else {
        json!({
            "apiVersion": "v1",
            "items": values,
            "kind": "List",
            "metadata": { "resourceVersion": "" },
        })
    };
    out.result(&document(&value, output)?)?;
    Ok(problems)
}

impl Question<'_> {
    pub(super) fn api(&self) -> Api<DynamicObject> {
        let kind = self.kind();
        match kind.place {
            Place::Namespace if self.arguments.all_namespaces => {
                Api::all_with(self.cluster.client.clone(), &kind.resource)
            }
            Place::Namespace | Place::Cluster => {
                kind.objects(&self.cluster.client, &self.cluster.namespace)
            }
        }
    }

    async fn objects(&self) -> Result<Vec<DynamicObject>, ApiError> {
        let api = self.api();
        if let Some(name) = &self.named.name {
            let object = api.get(name).await.map_err(|error| self.cluster.told(error))?;
            return Ok(vec![object]);
        }
        let mut objects = Vec::new();
        let mut params = ListParams { limit: Some(CHUNK), ..self.list_params() };
        loop {
            let list = api.list(&params).await.map_err(|error| self.cluster.told(error))?;
            objects.extend(list.items);
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => return Ok(objects),
            }
        }
    }
}

/// `virtualmachine.kubevirt.io/web`.
pub(super) fn name(kind: &ServedKind, object: &DynamicObject) -> String {
    format!("{}/{}", kind.printed(), object.name_any())
}

/// An object with its kind, which the items of a list leave out, and without the record of who
/// wrote which field.
pub(super) fn whole(kind: &ServedKind, mut object: DynamicObject) -> Value {
    object.metadata.managed_fields = None;
    let mut value = json!({
        "apiVersion": kind.resource.api_version,
        "kind": kind.resource.kind,
    });
    if let (Value::Object(fields), Ok(Value::Object(own))) =
        (&mut value, serde_json::to_value(object))
    {
        fields.extend(own);
    }
    value
}

/// A value as JSON or YAML.
pub(super) fn document(value: &Value, output: Output) -> Result<String> {
    Ok(match output {
        Output::Yaml => serde_saphyr::to_string(value)?,
        Output::Json | Output::Table | Output::Wide | Output::Name => {
            serde_json::to_string_pretty(value)? + "\n"
        }
    })
}
