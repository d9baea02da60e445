//! Which settings a migration gets, and why.

pub mod configuration;
pub mod explain;
pub mod hyperconverged;
mod matching;
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
