//! How large an object may become.

use crate::refusal::Refusal;

/// As many bytes an object's JSON may have, with its `managedFields`: what etcd takes in one
/// request, so that whatever fits here fits there. Many patches could otherwise make an object
/// larger than any request, and every one of its versions is kept in the journal.
// PARITY: etcd/server/embed/config.go#DefaultMaxRequestBytes
pub(super) const MOST_BYTES: usize = 3 << 19;

/// Refuses an object that has become too large. One that is already may still change, if it does
/// not grow.
pub(super) fn check(bytes: usize, before: usize) -> Result<(), Refusal> {
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
