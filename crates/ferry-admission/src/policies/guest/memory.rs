//! How much memory a guest has, asks for and may have.

use ferry_api::{Quantity, View};
use ferry_registry::DeniedCause;

use super::Guest;
use crate::cluster;
use crate::denial::{Reason, cause};
use crate::fields::{at, text};

const GUEST: [&str; 3] = ["domain", "memory", "guest"];
const REQUEST: [&str; 4] = ["domain", "resources", "requests", "memory"];
const LIMIT: [&str; 4] = ["domain", "resources", "limits", "memory"];
const PAGE: [&str; 4] = ["domain", "memory", "hugepages", "pageSize"];

/// How the page size is called in messages.
const PAGE_FIELD: &str = "domain.hugepages.size";

/// Less than this is taken for a slip: somebody wrote `64` and meant `64Mi`.
const LEAST_REQUEST: i64 = 1_000_000;

pub(super) fn problems(guest: Guest<'_>, view: &impl View) -> Vec<DeniedCause> {
    let request = guest.amount(&REQUEST).filter(|amount| !amount.is_zero());
    let limit = guest.amount(&LIMIT).filter(|amount| !amount.is_zero());
    let mut causes = Vec::new();
    causes.extend(request.and_then(|request| request_alone(guest, request)));
    causes.extend(limit.and_then(|limit| negative(guest, &LIMIT, limit)));
    if let (Some(request), Some(limit)) = (request, limit)
        && !limit.is_negative()
        && request > limit
    {
        causes.push(exceeds(guest, &REQUEST, request, &LIMIT, limit));
    }
    causes.extend(pages(guest, request.or(limit)));
    causes.extend(guest_within_limit(guest, limit, view));
    causes
}

// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go#validateMemoryRequestsNegativeOrNull
fn request_alone(guest: Guest<'_>, request: Quantity) -> Option<DeniedCause> {
    if request.is_negative() {
        return negative(guest, &REQUEST, request);
    }
    (request < Quantity::from(LEAST_REQUEST)).then(|| {
        let field = guest.at(&REQUEST.join("."));
        let message = format!("{field} '{request}': must be greater than or equal to 1M.");
        cause(Reason::Invalid, &field, message)
    })
}

/// What is said of an amount below zero.
pub(super) fn negative(guest: Guest<'_>, path: &[&str], amount: Quantity) -> Option<DeniedCause> {
    amount.is_negative().then(|| {
        let field = guest.at(&path.join("."));
        let message = format!("{field} '{amount}': must be greater than or equal to 0.");
        cause(Reason::Invalid, &field, message)
    })
}

/// What is said where more is asked for than allowed.
pub(super) fn exceeds(
    guest: Guest<'_>,
    path: &[&str],
    amount: Quantity,
    limit_path: &[&str],
    limit: Quantity,
) -> DeniedCause {
    let (field, limit_field) = (guest.at(&path.join(".")), guest.at(&limit_path.join(".")));
    let message = format!("{field} '{amount}' is greater than {limit_field} '{limit}'");
    cause(Reason::Invalid, &field, message)
}

/// Memory comes in whole pages: what is `asked` for, which is a limit where nothing is requested. Releases
/// differ in whether a guest's memory counts as requested where nothing else is; one that has none of
/// these gets a page.
// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go#validateHugepagesMemoryRequests
fn pages(guest: Guest<'_>, asked: Option<Quantity>) -> Option<DeniedCause> {
    let written = text(guest.spec, &PAGE)?;
    let page_field = guest.at(PAGE_FIELD);
    let Ok(page) = written.parse::<Quantity>() else {
        let message = format!(
            "{page_field} '{written}': quantities must match the regular expression \
             '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        );
        return Some(cause(Reason::Invalid, &page_field, message));
    };
    let memory = asked.or_else(|| guest.amount(&GUEST))?;
    let size = page.to_bytes_rounded_up().ok().filter(|size| size.get() > 0)?.get();
    let bytes = memory.to_bytes_rounded_up().ok()?.get();
    let field = guest.at(&REQUEST.join("."));
    let message = if bytes < size {
        format!(
            "{field} '{memory}' must be equal to or larger than page size {page_field} '{written}'"
        )
    } else if !bytes.is_multiple_of(size) {
        format!("{field} '{memory}' is not a multiple of the page size {page_field} '{written}'")
    } else {
        return None;
    };
    Some(cause(Reason::Invalid, &field, message))
}

/// Where machines are changed while they run, their limits follow; otherwise a guest fits in its own.
// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go#validateGuestMemoryLimit
fn guest_within_limit(
    guest: Guest<'_>,
    limit: Option<Quantity>,
    view: &impl View,
) -> Option<DeniedCause> {
    let (memory, limit) = (guest.amount(&GUEST)?, limit?);
    if memory <= limit || !cluster::is_rolled_out_in_stages(view) {
        return None;
    }
    let (field, limit_field) = (guest.at(&GUEST.join(".")), guest.at(&LIMIT.join(".")));
    let message = format!(
        "{field} '{memory}' must be equal to or less than the memory limit {limit_field} '{limit}'"
    );
    Some(cause(Reason::Invalid, &field, message))
}

/// An instance has memory. Upstream lets an amount of none or less through, and its hypervisor then
/// refuses the guest; here nothing would, so it is said at once.
// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go#ValidateVirtualMachineInstanceMandatoryFields
pub(in crate::policies) fn missing(guest: Guest<'_>) -> Option<DeniedCause> {
    let is_written = |path: &[&str]| at(guest.spec, path).is_some();
    if let Some(memory) = guest.amount(&GUEST) {
        if memory.is_zero() {
            let field = guest.at(&GUEST.join("."));
            let message = format!("{field} '{memory}': must be greater than 0.");
            return Some(cause(Reason::Invalid, &field, message));
        }
        return negative(guest, &GUEST, memory);
    }
    let has_amount = |path: &[&str]| guest.amount(path).is_some_and(|amount| !amount.is_zero());
    if is_written(&GUEST) || is_written(&PAGE) || has_amount(&REQUEST) || has_amount(&LIMIT) {
        return None;
    }
    let message = format!(
        "no memory requested, at least one of '{}', '{}' or '{}' must be set",
        guest.at(&GUEST.join(".")),
        guest.at("domain.memory.hugepages.size"),
        guest.at(&REQUEST.join(".")),
    );
    Some(cause(Reason::Required, "", message))
}
