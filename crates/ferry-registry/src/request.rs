//! Writes as clients ask for them, and what they are answered.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use ferry_units::WallTime;
use serde_json::Value;

use crate::document::meta_text;
use crate::draft::Draft;
use crate::object::{Change, Document, Target};

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The user's name, such as `system:node:node-1`.
    pub name: String,
    /// What tells apart two users who had the same name one after the other.
    pub uid: String,
    /// The groups that the user is in.
    pub groups: Vec<String>,
    /// What else the authenticator knows.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// A write.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Who asks: as a rule, whoever asked before on the same connection.
    pub user: Arc<User>,
    /// Where it goes.
    pub target: Target,
    /// What is asked for.
    pub write: Write,
    /// How.
    pub options: WriteOptions,
}

impl Request {
    /// Whether a name is yet to be made for the object.
    pub fn wants_name(&self) -> bool {
        match &self.write {
            Write::Create(draft) => {
                self.target.name.is_empty() && meta_text(draft.object(), "name").is_empty()
            }
            Write::Update(_) | Write::Patch(_) | Write::Delete(_) => false,
        }
    }
}

/// What a write asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// A new object.
    Create(Draft),
    /// Another content for an object that is there.
    Update(Draft),
    /// Changes to an object that is there; those of server-side apply may also create it, if the
    /// options let them.
    Patch(Patch),
    /// The end of an object.
    Delete(DeleteOptions),
}

/// Changes to an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Patch {
    /// RFC 7396.
    Merge(Value),
    /// RFC 6902, as Kubernetes reads it.
    Json(json_patch::Patch),
    /// Kubernetes' own: a merge that knows which lists have keys.
    Strategic(Value),
    /// Server-side apply.
    Apply {
        /// All that the manager wants.
        config: Document,
        /// What happens where another manager wants something else.
        conflicts: OnConflict,
    },
}

/// What happens when a manager applies a field that another one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// The write is refused, with the fields.
    Refuse,
    /// The field becomes this manager's (`force=true`).
    TakeOver,
}

/// How a write is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// Whether it is done at all.
    pub run: Run,
    /// What becomes of fields that the schema does not have.
    pub unknown_fields: FieldValidation,
    /// Where keys stand twice in the body of a patch. Of other bodies, their drafts know.
    pub duplicates: Vec<String>,
    /// Members of the operations of a JSON patch that operations do not have: `[0].note`.
    pub unknown_members: Vec<String>,
    /// Who the fields belong to afterwards: the `fieldManager` that was given, or the client's name.
    pub manager: String,
    /// What becomes of a write that changes an object, should there be none.
    pub creation: Creation,
}

/// Whether a write that was let through as a change may also make its object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Creation {
    /// It may, as all that the server itself writes.
    #[default]
    Allowed,
    /// Its user may change objects and not create them.
    Denied {
        /// What he is told.
        message: String,
    },
}

/// Whether a write is done or only answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Run {
    /// It is done.
    #[default]
    Real,
    /// It is checked and answered, and nothing happens (`dryRun=All`).
    Dry,
}

/// What becomes of a write with fields that the schema does not have. They are dropped in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// Nobody is told.
    Ignore,
    /// The answer has a warning for each.
    #[default]
    Warn,
    /// The write is refused.
    Strict,
}

/// How an object is to be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// What becomes of the objects that it owns; what the kind does by default if not given.
    pub propagation: Option<Propagation>,
    /// Seconds that it is given to end by itself.
    pub grace_period_seconds: Option<i64>,
    /// Only if it has this uid.
    pub uid: Option<String>,
    /// Only if it is at this `resourceVersion`.
    pub resource_version: Option<String>,
}

/// What becomes of the objects that a deleted one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted after it.
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay, without an owner.
    Orphan,
}

/// What a decision needs and may not find out by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// What time it is.
    pub now: WallTime,
    /// A uid that no object has: that of the object, should one be created.
    pub uid: String,
    /// Endings for `generateName`, drawn by chance. They are tried in turn.
    pub suffixes: Vec<String>,
}

/// What a write comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What is to be made durable and then applied; nothing where nothing changes.
    pub change: Option<Change>,
    /// What the client is told afterwards.
    pub answer: Answer,
    /// What it is warned of.
    pub warnings: Vec<String>,
}

/// What a client is told of a write that was done.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The object is new (201). In the version that its kind is kept in, as all answers.
    Created(Bytes),
    /// The object is this (200).
    Object(Bytes),
    /// It is done, and there is nothing to show (201 with a `Status`).
    Done,
    /// The object is gone (200 with a `Status`).
    Deleted {
        /// Its name.
        name: String,
        /// Its uid, so that whoever waits can tell a new one of that name.
        uid: String,
    },
}
