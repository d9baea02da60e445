//! How kinds differ where writes are concerned.

use ferry_api::Kind;

/// Whether objects count how often what is wanted of them changed. Of the built-in kinds that are
/// served here, only pods do.
pub(crate) const fn has_generation(kind: Kind) -> bool {
    kind.is_custom() || matches!(kind, Kind::Pod)
}

/// Whether a PUT makes the object if there is none.
// PARITY: pkg/registry/coordination/lease/strategy.go#AllowCreateOnUpdate and its siblings.
pub(crate) const fn is_created_by_update(kind: Kind) -> bool {
    is_role(kind) || matches!(kind, Kind::Lease | Kind::Event | Kind::Service)
}

/// Whether a PUT must say which revision it changes.
// PARITY: pkg/registry/coordination/lease/strategy.go#AllowUnconditionalUpdate and its siblings.
pub(crate) const fn needs_revision(kind: Kind) -> bool {
    kind.is_custom() || matches!(kind, Kind::Lease | Kind::ServiceAccount)
}

/// Whether a write to the status takes the metadata along. Of custom kinds it does not.
// PARITY: pkg/registry/core/service/strategy.go#serviceStatusStrategy and its siblings,
// apiextensions-apiserver/pkg/registry/customresource/status_strategy.go#PrepareForUpdate
pub(crate) const fn status_takes_metadata(kind: Kind) -> bool {
    !kind.is_custom()
}

/// The metadata that such a write does not take along.
// PARITY: pkg/registry/core/pod/strategy.go#podStatusStrategy
pub(crate) const fn status_leaves(kind: Kind) -> &'static [&'static str] {
    if matches!(kind, Kind::Pod) { &["deletionTimestamp", "ownerReferences"] } else { &[] }
}

/// Whether whoever deletes an object is shown it as it was, rather than told that it is gone.
// PARITY: pkg/registry/core/pod/storage/storage.go#NewStorage (`ReturnDeletedObject`) and its siblings.
pub(crate) const fn is_shown_when_deleted(kind: Kind) -> bool {
    matches!(kind, Kind::Pod | Kind::Service | Kind::ServiceAccount | Kind::PersistentVolumeClaim)
}

/// Whether names may be anything that can stand in a path: those of Events are made of what they are
/// about. `events.k8s.io` asks for more.
// PARITY: pkg/apis/core/validation/events.go#legacyValidateEvent
pub(crate) const fn takes_any_name(kind: Kind) -> bool {
    is_role(kind) || matches!(kind, Kind::Event)
}

/// Whether a kind grants rights. Their names may be anything that can stand in a path.
pub(crate) const fn is_role(kind: Kind) -> bool {
    matches!(kind, Kind::ClusterRole | Kind::ClusterRoleBinding | Kind::Role | Kind::RoleBinding)
}
