//! One operation of a document: a method at a path, with its parameters, bodies and answers.

use serde_json::{Map, Value, json};

use super::components::{meta_name, name, reference};

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    List,
    Create,
    DeleteCollection,
    Get,
    Update,
    Patch,
    Delete,
}

/// What it does that to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'t> {
    /// Whether the kind is a custom one, which takes no strategic patches.
    pub(super) custom: bool,
    /// Group, version and kind of the objects.
    pub(super) names: (&'t str, &'t str, &'t str),
    /// Group, version and kind of what is sent and answered.
    pub(super) body: (&'t str, &'t str, &'t str),
    /// The path below the object.
    pub(super) part: &'t str,
}

/// A method at a path.
pub(super) struct Operation<'t> {
    pub(super) action: Action,
    pub(super) target: &'t Target<'t>,
    /// Whether the path has a namespace.
    pub(super) namespaced: bool,
}

/// A parameter of a query: its name, its type and what it is for.
type Parameter = (&'static str, &'static str, &'static str);

const PRETTY: Parameter = ("pretty", "string", "Whether the answer is written for people.");

const DRY_RUN: Parameter =
    ("dryRun", "string", "With All, everything is checked and nothing is kept.");

const WRITE: [Parameter; 3] = [
    DRY_RUN,
    ("fieldManager", "string", "Who the fields that are written belong to afterwards."),
    (
        "fieldValidation",
        "string",
        "What becomes of unknown and duplicate fields: Ignore drops them, Warn drops them and \
         says so, Strict refuses the request.",
    ),
];

const FORCE: Parameter =
    ("force", "boolean", "Whether fields of other managers are taken over by an apply.");

const LIST: [Parameter; 9] = [
    ("allowWatchBookmarks", "boolean", "Whether a watch may tell how far it is."),
    ("continue", "string", "The token of the page before."),
    ("fieldSelector", "string", "The fields that the objects must have."),
    ("labelSelector", "string", "The labels that the objects must have."),
    ("limit", "integer", "How many objects one page has at most."),
    ("resourceVersion", "string", "The revision that the answer may not be older than."),
    ("resourceVersionMatch", "string", "How resourceVersion is meant."),
    ("sendInitialEvents", "boolean", "Whether a watch begins with all objects that there are."),
    ("timeoutSeconds", "integer", "How long the request may take."),
];

const WATCH: Parameter = ("watch", "boolean", "Whether changes are sent as they happen.");

const DELETE: [Parameter; 4] = [
    DRY_RUN,
    ("gracePeriodSeconds", "integer", "Seconds that the object is given to end by itself."),
    ("orphanDependents", "boolean", "An older form of propagationPolicy."),
    ("propagationPolicy", "string", "What becomes of dependents: Background, Foreground, Orphan."),
];

const JSON: &str = "application/json";

impl Action {
    /// How Kubernetes calls it, and how the operation's name begins.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::List => ("list", "list"),
            Self::Create => ("post", "create"),
            Self::DeleteCollection => ("deletecollection", "deleteCollection"),
            Self::Get => ("get", "read"),
            Self::Update => ("put", "replace"),
            Self::Patch => ("patch", "patch"),
            Self::Delete => ("delete", "delete"),
        }
    }

    fn parameters(self) -> Vec<Parameter> {
        let own: Vec<Parameter> = match self {
            Self::List => [&LIST[..], &[WATCH]].concat(),
            Self::Create | Self::Update => WRITE.to_vec(),
            Self::Patch => [&WRITE[..], &[FORCE]].concat(),
            Self::Delete => DELETE.to_vec(),
            Self::DeleteCollection => [&DELETE[..], &LIST[1..]].concat(),
            Self::Get => Vec::new(),
        };
        std::iter::once(PRETTY).chain(own).collect()
    }
}

impl Operation<'_> {
    pub(super) fn describe(&self) -> Value {
        let (verb, _) = self.action.words();
        let (group, version, kind) = self.target.body;
        let mut described = json!({
            "operationId": self.id(),
            "description": format!("{verb} {kind} {}", self.target.part).trim_end(),
            "tags": [self.tag()],
            "x-kubernetes-action": verb,
            "x-kubernetes-group-version-kind": { "group": group, "version": version, "kind": kind },
            "parameters": self.action.parameters().into_iter().map(parameter).collect::<Vec<_>>(),
            "responses": self.responses(),
        });
        if let Some(body) = self.body() {
            described["requestBody"] = body;
        }
        described
    }

    /// A name that no other operation of any document has.
    fn id(&self) -> String {
        let (_, _, kind) = self.target.names;
        let scope = if self.namespaced { "Namespaced" } else { "" };
        let words = [self.action.words().1, &self.tag(), scope, kind, self.target.part];
        words.iter().map(|word| camel(word)).collect::<String>()
    }

    /// Group and version in one word, such as `kubevirtIo_v1`.
    fn tag(&self) -> String {
        let (group, version, _) = self.target.names;
        let group = if group.is_empty() { "core" } else { group };
        format!("{group}_{version}")
    }

    fn body(&self) -> Option<Value> {
        let (group, version, kind) = self.target.body;
        let own = reference(&name(group, version, kind));
        let content: Map<String, Value> = match self.action {
            Action::List | Action::Get => return None,
            Action::Create | Action::Update => content(&["*/*"], &own),
            Action::Delete | Action::DeleteCollection => {
                content(&["*/*"], &reference(&meta_name("DeleteOptions")))
            }
            Action::Patch => {
                let mut types = vec![
                    "application/apply-patch+yaml",
                    "application/json-patch+json",
                    "application/merge-patch+json",
                ];
                if !self.target.custom {
                    types.push("application/strategic-merge-patch+json");
                }
                content(&types, &reference(&meta_name("Patch")))
            }
        };
        Some(json!({ "content": content }))
    }

    fn responses(&self) -> Value {
        let (group, version, kind) = self.target.body;
        let own = name(group, version, kind);
        let answer = match self.action {
            Action::List => format!("{own}List"),
            Action::Create | Action::Get | Action::Update | Action::Patch => own,
            Action::Delete | Action::DeleteCollection => meta_name("Status"),
        };
        let answer =
            json!({ "description": "OK", "content": content(&[JSON], &reference(&answer)) });
        let mut responses = Map::from_iter([("200".to_owned(), answer.clone())]);
        if matches!(self.action, Action::Create | Action::Update | Action::Patch) {
            let mut created = answer;
            created["description"] = json!("Created");
            responses.insert("201".to_owned(), created);
        }
        responses.insert("401".to_owned(), json!({ "description": "Unauthorized" }));
        Value::Object(responses)
    }
}

fn content(types: &[&str], schema: &Value) -> Map<String, Value> {
    types.iter().map(|type_| ((*type_).to_owned(), json!({ "schema": schema }))).collect()
}

fn parameter((name, type_, description): Parameter) -> Value {
    json!({
        "name": name,
        "in": "query",
        "description": description,
        "schema": { "type": type_, "uniqueItems": true },
    })
}

/// A word with its first letter, and each letter after a character that is none, in upper case.
fn camel(word: &str) -> String {
    let mut camel = String::new();
    let mut starts = true;
    for letter in word.chars() {
        if !letter.is_ascii_alphanumeric() {
            starts = true;
        } else if starts {
            camel.push(letter.to_ascii_uppercase());
            starts = false;
        } else {
            camel.push(letter);
        }
    }
    camel
}
