//! How large an object may become.

use crate::decide::Owning;
use crate::document::metadata_mut;
use crate::object::Document;
use crate::refusal::Refusal;

/// As many bytes an object's JSON may have, with its `managedFields`: what etcd takes in one
/// request, so that whatever fits here fits there. Many patches could otherwise make an object
/// larger than any request, and every one of its versions is kept in the journal.
// PARITY: etcd/server/embed/config.go#DefaultMaxRequestBytes
pub(super) const MOST_BYTES: usize = 3 << 19;

/// Makes what is kept of an object, or shown, with its length. If it is too large, who owns which field
/// is forgotten, which may be most of it; only an apply cannot do without.
// PARITY: apiserver/pkg/endpoints/handlers/create.go#createHandler
pub(super) fn fit<T>(
    object: &mut Document,
    before: usize,
    owning: Owning,
    encode: impl Fn(&mut Document) -> (usize, T),
) -> Result<T, Refusal> {
    let (bytes, result) = encode(object);
    let Err(refusal) = check(bytes, before) else { return Ok(result) };
    let may_forget = owning == Owning::Track;
    if !may_forget || metadata_mut(object).remove("managedFields").is_none() {
        return Err(refusal);
    }
    let (bytes, result) = encode(object);
    check(bytes, before).map(|()| result)
}

/// Refuses an object that has become too large. One that is already may still change, if it does
/// not grow.
fn check(bytes: usize, before: usize) -> Result<(), Refusal> {
    if bytes <= MOST_BYTES || bytes <= before {
        return Ok(());
    }
    Err(Refusal::Oversized {
        message: format!(
            "the object would have {bytes} bytes of JSON, and may have {MOST_BYTES} with its \
             metadata.managedFields"
        ),
    })
}
