//! Who makes the volumes of claims.

/// The annotation of a claim that says whose it is to make its volume. In a cluster with classes of
/// storage they say so; where there are none, the API server does.
// PARITY: pkg/controller/volume/persistentvolume/pv_controller.go#setClaimProvisioner
pub const STORAGE_PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";

/// What stands there for claims whose volumes are files of ferry's nodes.
pub const PROVISIONER: &str = "file.ferry.dev";
