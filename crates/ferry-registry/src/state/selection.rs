//! Which objects somebody lists or watches.

use ferry_api::{FieldOperator, FieldSelector, Kind, Selector};

use crate::object::Stored;

/// Which objects somebody lists or watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Of which kind.
    pub kind: Kind,
    /// In which namespace; in all of them if not given.
    pub namespace: Option<String>,
    /// With which labels.
    pub labels: Selector,
    /// With which fields.
    pub fields: FieldSelector,
}

impl Selection {
    /// All objects of a kind.
    pub fn of(kind: Kind) -> Self {
        Self {
            kind,
            namespace: None,
            labels: Selector::default(),
            fields: FieldSelector::default(),
        }
    }

    /// Whether it selects all objects of its kind in its namespace.
    pub fn is_whole(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether it selects an object.
    pub fn matches(&self, object: &Stored) -> bool {
        object.key.kind == self.kind
            && self.namespace.as_ref().is_none_or(|one| *one == object.key.namespace)
            && (self.labels.is_empty()
                || self.labels.matches_with(|key| object.meta.labels.get(key)))
            && (self.fields.is_empty() || self.fields.matches(|label| field(object, label)))
    }

    /// The one name that it can select, if there is only one.
    pub(super) fn only_name(&self) -> Option<&str> {
        let names = self.fields.requirements().iter();
        names
            .filter(|one| one.operator() == FieldOperator::Equals)
            .find(|one| matches!(one.field(), "metadata.name" | "name"))
            .map(ferry_api::FieldRequirement::value)
    }
}

/// The value that a field selector compares. `events.k8s.io` has other names for the fields of the
/// same Events.
// PARITY: pkg/apis/events/v1/conversion.go#AddFieldLabelConversionsForEvent
fn field<'a>(object: &'a Stored, label: &str) -> Option<&'a str> {
    match label {
        "metadata.name" | "name" => Some(&object.key.name),
        "metadata.namespace" => Some(&object.key.namespace),
        "reportingController" => find(object, |known| known == "reportingComponent"),
        label => match (object.key.kind, label.strip_prefix("regarding.")) {
            (Kind::Event, Some(rest)) => {
                find(object, |known| known.strip_prefix("involvedObject.") == Some(rest))
            }
            (_, _) => find(object, |known| known == label),
        },
    }
}

fn find(object: &Stored, is_it: impl Fn(&str) -> bool) -> Option<&str> {
    let mut fields = object.meta.fields.iter();
    fields.find(|(label, _)| is_it(label)).map(|(_, value)| value.as_ref())
}
