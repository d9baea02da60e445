//! What a guest is made of, in an instance and in the template of a machine: refused where the real
//! system refuses it, because nothing could run it, in the real system's words.
//!
//! What is not refused here is accepted, also where the real system might refuse it: a manifest that
//! runs there has to run here.

mod cpu;
mod devices;
mod memory;
mod networks;
mod volumes;

use ferry_api::{Quantity, View};
use ferry_registry::{DeniedCause, Document};
use serde_json::Value;

use crate::denial::{Reason, cause};
use crate::fields::{at, text};

/// As many disks, volumes, interfaces and networks there may be, each.
// PARITY: staging/src/kubevirt.io/api/core/v1/schema.go#Devices
const MOST_ENTRIES: usize = 256;

/// The spec of a guest, and where it stands in its object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guest<'a> {
    pub(super) spec: &'a Document,
    /// `spec`, or `spec.template.spec`.
    pub(super) field: &'a str,
}

/// Everything that is wrong with a guest.
// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go#ValidateVirtualMachineInstanceSpec
pub(super) fn problems(guest: Guest<'_>, view: &impl View) -> Vec<DeniedCause> {
    let mut causes = memory::problems(guest, view);
    causes.extend(cpu::problems(guest));
    causes.extend(start_strategy(guest));
    causes.extend(networks::problems(guest));
    causes.extend(devices::problems(guest));
    causes.extend(volumes::problems(guest));
    causes
}

/// What an instance needs beside that. The template of a machine may lack it until it is started.
pub(super) use memory::missing as missing_memory;

// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go#validateStartStrategy
fn start_strategy(guest: Guest<'_>) -> Option<DeniedCause> {
    let strategy = text(guest.spec, &["startStrategy"]).filter(|strategy| *strategy != "Paused")?;
    let field = guest.at("startStrategy");
    let message = format!("{field} is set with an unrecognized option: {strategy}");
    Some(cause(Reason::Invalid, &field, message))
}

impl<'a> Guest<'a> {
    /// The name of a field of it.
    fn at(self, field: &str) -> String {
        format!("{}.{field}", self.field)
    }

    /// The entries of a list.
    fn list(self, path: &[&str]) -> impl Iterator<Item = (usize, &'a Document)> {
        let entries = at(self.spec, path).and_then(Value::as_array);
        let entries = entries.into_iter().flatten().enumerate();
        entries.filter_map(|(index, entry)| Some((index, entry.as_object()?)))
    }

    /// What is wrong with the length of a list.
    fn too_many(self, path: &[&str]) -> Option<DeniedCause> {
        let length = at(self.spec, path)?.as_array()?.len();
        (length > MOST_ENTRIES).then(|| {
            let field = self.at(&path.join("."));
            let message =
                format!("{field}: Too many: {length}: must have at most {MOST_ENTRIES} items");
            cause(Reason::Invalid, &field, message)
        })
    }

    /// The amount that is written at `path`, if it is one.
    fn amount(self, path: &[&str]) -> Option<Quantity> {
        match at(self.spec, path)? {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.as_i64().map(Quantity::from),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// The name of an entry of a list; an entry without one has the empty name.
fn name(entry: &Document) -> &str {
    text(entry, &["name"]).unwrap_or_default()
}

/// Whether something is set, be it empty.
fn has(entry: &Document, field: &str) -> bool {
    entry.get(field).is_some_and(|value| !value.is_null())
}
