//! Reading single fields of messages.

use std::str::FromStr;

use crate::FieldError;

/// A message whose fields are read.
#[derive(Clone, Copy)]
pub(crate) struct Message(pub(crate) &'static str);

impl Message {
    pub(crate) fn wrong(self, field: &'static str, why: impl Into<String>) -> FieldError {
        FieldError { message: self.0, field, why: why.into() }
    }

    /// A text that says something.
    pub(crate) fn text(self, field: &'static str, value: String) -> Result<String, FieldError> {
        if value.is_empty() { Err(self.wrong(field, "it is empty")) } else { Ok(value) }
    }

    /// A message within the message.
    pub(crate) fn there<T>(self, field: &'static str, value: Option<T>) -> Result<T, FieldError> {
        value.ok_or_else(|| self.wrong(field, "it is missing"))
    }

    /// A text that means something.
    pub(crate) fn parsed<T: FromStr>(
        self,
        field: &'static str,
        value: &str,
        accepted: &str,
    ) -> Result<T, FieldError> {
        value.parse().map_err(|_| self.wrong(field, format!("\"{value}\" is no {accepted}")))
    }
}

/// The uid of a migration, which names files: letters, digits and hyphens.
pub(crate) fn migration_uid(message: &'static str, value: String) -> Result<String, FieldError> {
    let message = Message(message);
    let uid = message.text("migration_uid", value)?;
    let is_uid = uid.len() <= 64 && uid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if is_uid {
        Ok(uid)
    } else {
        Err(message.wrong("migration_uid", format!("\"{uid}\" is no uid")))
    }
}
