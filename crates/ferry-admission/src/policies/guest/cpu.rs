//! How many CPUs a guest has, asks for and may have.

use ferry_api::Quantity;
use ferry_registry::DeniedCause;
use serde_json::Value;

use super::Guest;
use super::memory::{exceeds, negative};
use crate::denial::{Reason, cause};
use crate::fields::at;

const REQUEST: [&str; 4] = ["domain", "resources", "requests", "cpu"];
const LIMIT: [&str; 4] = ["domain", "resources", "limits", "cpu"];

pub(super) fn problems(guest: Guest<'_>) -> Vec<DeniedCause> {
    let (request, limit) = (guest.amount(&REQUEST), guest.amount(&LIMIT));
    let mut causes = Vec::new();
    causes.extend(request.and_then(|request| negative(guest, &REQUEST, request)));
    causes.extend(limit.and_then(|limit| negative(guest, &LIMIT, limit)));
    if let (Some(request), Some(limit)) = (request, limit)
        && limit > Quantity::ZERO
        && request > limit
    {
        causes.push(exceeds(guest, &REQUEST, request, &LIMIT, limit));
    }
    if is_set(guest, "dedicatedCpuPlacement") {
        causes.extend(dedicated(guest, request, limit));
    } else if is_set(guest, "isolateEmulatorThread") {
        let message =
            "IsolateEmulatorThread should be only set in combination with DedicatedCPUPlacement";
        let field = guest.at("domain.cpu.isolateEmulatorThread");
        causes.push(cause(Reason::Invalid, &field, message));
    }
    causes.extend(sockets(guest));
    causes
}

/// CPUs of its own are whole ones, and as many as it has.
// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go#validateCpuPinning
fn dedicated(
    guest: Guest<'_>,
    request: Option<Quantity>,
    limit: Option<Quantity>,
) -> Vec<DeniedCause> {
    let whole = |amount: Option<Quantity>| {
        let milli = amount.and_then(|amount| amount.to_milli_rounded_up().ok()).unwrap_or_default();
        (milli.div_ceil(1000), !milli.is_multiple_of(1000))
    };
    let (limited, limit_is_broken) = whole(limit);
    let (requested, request_is_broken) = whole(request.or(limit));
    let mut causes = Vec::new();
    let mut problem = |field: &str, message: String| {
        causes.push(cause(Reason::Invalid, &guest.at(field), message));
    };
    let (request_field, limit_field) = (REQUEST.join("."), LIMIT.join("."));
    if request_is_broken {
        let message = "provided resources CPU requests must be an interger";
        problem(&request_field, message.to_owned());
    }
    if limit_is_broken {
        problem(&limit_field, "provided resources CPU limits must be an interger".to_owned());
    }
    let (request_field, limit_field) = (guest.at(&request_field), guest.at(&limit_field));
    let placement = "domain.cpu.dedicatedCpuPlacement";
    if requested > 0 && limited > 0 && requested != limited {
        let message = format!(
            "{request_field} or {limit_field} must be equal when DedicatedCPUPlacement is true "
        );
        problem(placement, message);
    }
    let vcpus = vcpus(guest);
    if (requested > 0 || limited > 0) && vcpus > 0 && requested != vcpus && limited != vcpus {
        let message = format!(
            "{request_field} or {limit_field} must not be provided at the same time with {} when \
             DedicatedCPUPlacement is true ",
            guest.at("domain.cpu.cores")
        );
        problem(placement, message);
    }
    let threads = number(guest, "threads");
    if threads > 2 {
        let message = format!(
            "Not more than two threads must be provided at {} (got {threads}) when \
             DedicatedCPUPlacement is true",
            guest.at("domain.cpu.threads")
        );
        problem(placement, message);
    }
    causes
}

// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go#validateCPUHotplug
fn sockets(guest: Guest<'_>) -> Option<DeniedCause> {
    let most = number(guest, "maxSockets");
    (most > 0 && number(guest, "sockets") > most).then(|| {
        let message =
            "Number of sockets in CPU topology is greater than the maximum sockets allowed";
        cause(Reason::Invalid, &guest.at("domain.cpu.sockets"), message)
    })
}

fn is_set(guest: Guest<'_>, flag: &str) -> bool {
    at(guest.spec, &["domain", "cpu", flag]).and_then(Value::as_bool) == Some(true)
}

fn number(guest: Guest<'_>, field: &str) -> u64 {
    at(guest.spec, &["domain", "cpu", field]).and_then(Value::as_u64).unwrap_or_default()
}

/// The product of what is said of cores, sockets and threads; zero where nothing is.
// PARITY: pkg/util/hardware/hw_utils.go#GetNumberOfVCPUs
fn vcpus(guest: Guest<'_>) -> u64 {
    let said = ["cores", "sockets", "threads"].map(|field| number(guest, field));
    let said = said.into_iter().filter(|number| *number > 0);
    said.reduce(u64::saturating_mul).unwrap_or_default()
}
