//! The sections of HyperConverged that ferry does not act on.
//!
//! They are in the schemas so that nobody owns a section itself, only what is in it: each version
//! sorts the same settings into sections of its own. What is in them is kept as written.

use crate::catalog::Kind;
use crate::schema::{ObjectShape, Schema, Shape, UnknownFields};

/// The path of a section's parent in the spec, its name, and what it is for.
type Section = (&'static [&'static str], &'static str, &'static str);

/// The sections that only `v1` has. Source: hyperconverged-cluster-operator
/// `api/v1/hyperconverged_types.go`.
const SORTED: [Section; 8] = [
    (&["virtualization"], "virtualMachineOptions", "Defaults of virtual machines."),
    (&[], "storage", "Storage of virtual machines and of what is imported."),
    (&[], "nodePlacements", "Where components and workloads run."),
    (&[], "security", "Certificates and TLS."),
    (&[], "networking", "Network bindings, addresses and names."),
    (&[], "workloadSources", "Where boot images and templates come from."),
    (&[], "deployment", "How the platform itself is deployed."),
    (&["deployment"], "applicationAwareConfig", "Quotas that know virtual machines."),
];

/// Those that `v1beta1` has. Source: hyperconverged-cluster-operator
/// `api/v1beta1/hyperconverged_types.go`.
const HEAPED: [Section; 6] = [
    (&[], "virtualMachineOptions", "Defaults of virtual machines."),
    (&[], "obsoleteCPUs", "Models of CPUs that are too old."),
    (&[], "resourceRequirements", "What machines and components request."),
    (&[], "infra", "Where components run."),
    (&[], "workloads", "Where workloads run."),
    (&[], "applicationAwareConfig", "Quotas that know virtual machines."),
];

/// Adds to the schema of HyperConverged the sections that are not in its type.
pub(super) fn add(kind: Kind, version: &str, schema: &mut Schema) {
    if kind != Kind::HyperConverged {
        return;
    }
    let sections: &[Section] = if version == "v1" { &SORTED } else { &HEAPED };
    for (path, name, description) in sections {
        let path = [&["spec"], *path].concat();
        let Some(Schema { shape: Shape::Object(parent), .. }) = field(schema, &path) else {
            continue;
        };
        let open = ObjectShape { unknown: UnknownFields::Kept, ..ObjectShape::default() };
        let mut section = Schema::plain(Shape::Object(open));
        section.description = Some((*description).to_owned());
        parent.properties.entry((*name).to_owned()).or_insert(section);
    }
}

/// The schema of the field at `path`.
pub(super) fn field<'s>(schema: &'s mut Schema, path: &[&str]) -> Option<&'s mut Schema> {
    let Some((first, rest)) = path.split_first() else { return Some(schema) };
    let Shape::Object(object) = &mut schema.shape else { return None };
    field(object.properties.get_mut(*first)?, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_is_in_the_schema_of_its_version() {
        for (version, sections) in [("v1", &SORTED[..]), ("v1beta1", &HEAPED[..])] {
            let mut schema = Kind::HyperConverged.schema(version).unwrap().clone();
            for (path, name, _) in sections {
                let path = [&["spec"], *path, &[name]].concat();
                assert!(field(&mut schema, &path).is_some(), "{version} {path:?}");
            }
        }
    }
}
