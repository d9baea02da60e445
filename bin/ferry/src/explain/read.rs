//! Documents into an inventory. All errors are gathered: a user mends them in one go.

use ferry_api::{Decoded, FieldError, decode};
use ferry_config::Semantics;
use ferry_policy::explain::{Addition, Inventory};

use crate::manifests::Manifest;

/// What manifests say, with notes on what was passed over; or everything that is wrong with them and
/// was before.
pub(super) fn inventory(
    manifests: &[Manifest],
    errors: Vec<String>,
    semantics: Semantics,
) -> Result<(Inventory, Vec<String>), Vec<String>> {
    let mut reading =
        Reading { semantics, inventory: Inventory::default(), notes: Vec::new(), errors };
    for manifest in manifests {
        reading.manifest(manifest);
    }
    if reading.errors.is_empty() {
        Ok((reading.inventory, reading.notes))
    } else {
        Err(reading.errors)
    }
}

struct Reading {
    semantics: Semantics,
    inventory: Inventory,
    notes: Vec<String>,
    errors: Vec<String>,
}

impl Reading {
    fn manifest(&mut self, manifest: &Manifest) {
        let place = manifest.place();
        let errors = match decode(&manifest.document.value) {
            Err(errors) => errors,
            Ok(Decoded::Foreign { api_version, kind }) => {
                self.notes.push(format!(
                    "note: {place}: skipped, ferry does not know {kind} of {api_version}"
                ));
                return;
            }
            Ok(Decoded::Known { object, filing }) => {
                match self.inventory.add(object, filing, self.semantics) {
                    Err(errors) => errors,
                    Ok(Addition::New | Addition::Ignored) => return,
                    Ok(Addition::Replaced) => {
                        self.notes.push(format!(
                            "note: {place}: takes the place of an earlier one of this name"
                        ));
                        return;
                    }
                }
            }
        };
        self.errors.extend(errors.iter().map(|error: &FieldError| format!("{place}: {error}")));
    }
}
