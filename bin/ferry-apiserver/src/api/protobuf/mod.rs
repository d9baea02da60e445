//! Bodies in Kubernetes' protobuf, as kubectl sends them from 1.32 on for every typed write.
//!
//! Only reading is needed: clients that write protobuf read JSON. What a message means is a table
//! (`messages.txt`), so that a body becomes the JSON document that the same client would have sent a
//! release earlier, and nothing behind this module knows the difference.

mod document;
mod messages;
#[cfg(test)]
mod tests;
mod wire;

use ferry_registry::Document;
use serde_json::Value;
use thiserror::Error;

use wire::{Reader, Wire};

/// What every body begins with.
// PARITY: apimachinery/pkg/runtime/serializer/protobuf/protobuf.go#NewSerializer
const MAGIC: &[u8] = b"k8s\0";

/// Why bytes are no document.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum ProtobufError {
    /// They do not begin as they have to.
    #[error("provided data does not appear to be a protobuf message, expected prefix k8s")]
    Magic,
    /// They end too early.
    #[error("unexpected EOF")]
    Cut,
    /// A field has no number or no type.
    #[error("proto: illegal tag")]
    Tag,
    /// A number is longer than 64 bits.
    #[error("proto: integer overflow")]
    Number,
    /// A field does not hold what it has to.
    #[error("proto: wrong type for field {field} of {message}")]
    WrongType {
        /// The message.
        message: &'static str,
        /// The field.
        field: u32,
    },
    /// A text is not UTF-8, or JSON within is none.
    #[error("proto: field {field} of {message} contains invalid text")]
    Text {
        /// The message.
        message: &'static str,
        /// The field.
        field: u32,
    },
    /// There are more values than anyone would send.
    #[error("proto: more than {most} values")]
    TooMany {
        /// The limit.
        most: usize,
    },
    /// The contents are packed in some other way.
    #[error("no kind or an unsupported encoding of the contents")]
    Encoding,
    /// A kind that is not read here.
    #[error("no kind \"{kind}\" is registered for version \"{api_version}\"")]
    UnknownKind {
        /// What it says about its version.
        api_version: String,
        /// And its kind.
        kind: String,
    },
}

/// The document that a body holds, with `apiVersion` and `kind`.
pub(crate) fn document(body: &[u8]) -> Result<Document, ProtobufError> {
    let body = body.strip_prefix(MAGIC).ok_or(ProtobufError::Magic)?;
    let envelope = Envelope::read(body)?;
    let name = message_of(envelope.api_version, envelope.kind).ok_or_else(|| {
        ProtobufError::UnknownKind {
            api_version: envelope.api_version.to_owned(),
            kind: envelope.kind.to_owned(),
        }
    })?;
    let mut document = document::read(name, envelope.raw)?;
    document.insert("apiVersion".to_owned(), Value::from(envelope.api_version));
    document.insert("kind".to_owned(), Value::from(envelope.kind));
    Ok(document)
}

/// What a body says about itself.
#[derive(Debug, Default)]
struct Envelope<'a> {
    api_version: &'a str,
    kind: &'a str,
    raw: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, ProtobufError> {
        let mut envelope = Self::default();
        let mut reader = Reader::new(bytes);
        while let Some((number, wire)) = reader.field()? {
            match (number, wire) {
                (1, Wire::Bytes(type_meta)) => envelope.read_type(type_meta)?,
                (2, Wire::Bytes(raw)) => envelope.raw = raw,
                // Compressed contents, or those of another kind of serializer.
                (3 | 4, Wire::Bytes(encoding)) if !encoding.is_empty() => {
                    return Err(ProtobufError::Encoding);
                }
                _ => {}
            }
        }
        if envelope.kind.is_empty() { Err(ProtobufError::Encoding) } else { Ok(envelope) }
    }

    fn read_type(&mut self, bytes: &'a [u8]) -> Result<(), ProtobufError> {
        let mut reader = Reader::new(bytes);
        while let Some((number, wire)) = reader.field()? {
            let Wire::Bytes(text) = wire else { continue };
            let text = || {
                str::from_utf8(text)
                    .map_err(|_| ProtobufError::Text { message: "TypeMeta", field: number })
            };
            match number {
                1 => self.api_version = text()?,
                2 => self.kind = text()?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// The message of a kind; for every group has its `DeleteOptions`.
fn message_of(api_version: &str, kind: &str) -> Option<&'static str> {
    let group = match (api_version, kind) {
        (_, "DeleteOptions") => "meta",
        ("v1", _) => "core",
        ("rbac.authorization.k8s.io/v1", _) => "rbac",
        ("events.k8s.io/v1", _) => "events",
        ("policy/v1" | "policy/v1beta1", "Eviction") => "policy",
        ("authentication.k8s.io/v1", _) => "authentication",
        ("authorization.k8s.io/v1", _) => "authorization",
        ("coordination.k8s.io/v1", _) => "coordination",
        _ => return None,
    };
    let name = format!("{group}.{kind}");
    messages::table().get_key_value(name.as_str()).map(|(name, _)| *name)
}
