//! Who owns which field of an object.

use ferry_api::Schema;
use ferry_units::WallTime;

use crate::object::Document;
use crate::refusal::Refusal;
use crate::request::OnConflict;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Apply,
    Update,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ManagerId {
    pub(crate) name: String,
    pub(crate) operation: Operation,
    pub(crate) api_version: String,
    pub(crate) subresource: &'static str,
}

pub(crate) struct ApplyError;

impl From<ApplyError> for Refusal {
    fn from(_: ApplyError) -> Self {
        Self::Unprocessable { message: String::new() }
    }
}

pub(crate) fn track_update(
    _: &Schema,
    _: Option<&Document>,
    _: &mut Document,
    _: &ManagerId,
    _: WallTime,
) {
}

pub(crate) fn apply(
    _: &Schema,
    _: Option<&Document>,
    config: &Document,
    _: &ManagerId,
    _: OnConflict,
    _: WallTime,
) -> Result<Document, ApplyError> {
    Ok(config.clone())
}
