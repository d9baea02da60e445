//! Which settings a migration gets, and why.
//!
//! A cluster has a configuration of migrations, in HyperConverged or in KubeVirt. MigrationPolicies
//! select virtual machines by labels and replace some of it for them. This crate says what comes of
//! that for one machine: every setting with its [`Origin`], and for every policy why it applies, is
//! outranked, or does not match.
//!
//! ```text
//! HyperConverged ─┐
//! KubeVirt ───────┴─► EffectiveConfiguration ─┐
//! MigrationPolicy ──► Policy ──► PolicySet ───┼─► resolve ──► Resolution
//! labels ───────────► Subject ────────────────┘
//! ```
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use ferry_api::{Decoded, Object, decode, manifest};
//! use ferry_config::{OnTimeout, Semantics};
//! use ferry_policy::{EffectiveConfiguration, Policy, PolicySet, Subject, resolve};
//!
//! let policies = "
//! apiVersion: migrations.kubevirt.io/v1alpha1
//! kind: MigrationPolicy
//! metadata: {name: databases}
//! spec:
//!   allowPostCopy: true
//!   selectors: {virtualMachineInstanceSelector: {role: db}}
//! ---
//! apiVersion: migrations.kubevirt.io/v1alpha1
//! kind: MigrationPolicy
//! metadata: {name: gold}
//! spec:
//!   bandwidthPerMigration: 1Gi
//!   selectors: {namespaceSelector: {tier: gold}}
//! ";
//! let mut parsed = Vec::new();
//! for document in manifest::read(policies).unwrap() {
//!     if let Decoded::Known { object: Object::MigrationPolicy(policy), .. } =
//!         decode(&document.value).unwrap()
//!     {
//!         parsed.push(Policy::parse(&policy).unwrap());
//!     }
//! }
//! let policies: PolicySet = parsed.into_iter().collect();
//!
//! let label = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
//! let (vm, namespace) = (label("role", "db"), label("tier", "silver"));
//! let subject = Subject { vm_labels: &vm, namespace_labels: &namespace };
//! let cluster = EffectiveConfiguration::default();
//! let resolution = resolve(&subject, &policies, &cluster, Semantics::Documented);
//!
//! assert_eq!(resolution.configuration.settings().on_timeout(), OnTimeout::PostCopy);
//! assert_eq!(resolution.configuration.origins()["allowPostCopy"].to_string(), "policy/databases");
//! let said: Vec<String> = resolution.verdicts.iter().map(ToString::to_string).collect();
//! assert_eq!(
//!     said,
//!     [
//!         "1 matching label, and no other policy matches",
//!         "label tier of the namespace is \"silver\", the policy wants \"gold\"",
//!     ]
//! );
//! ```
//!
//! [`explain`] does the same for whole sets of manifests; it is what `ferry explain` prints.

pub mod configuration;
pub mod explain;
pub mod hyperconverged;
mod matching;
pub mod operand;
mod origin;
mod policy;
mod preference;
mod resolve;

pub use configuration::EffectiveConfiguration;
pub use matching::{LabelOwner, Mismatch, Score, Subject, match_policy};
pub use origin::{Origin, Sourced};
pub use policy::{Overrides, Policy};
pub use preference::{Criterion, PolicySet};
pub use resolve::{Comparison, PolicyVerdict, Resolution, Verdict, resolve};
