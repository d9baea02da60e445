//! `ferry explain`: what the manifests that a user already has mean for each virtual machine.
//!
//! ```text
//! documents ─► Inventory ─► Report ─► text, JSON, YAML
//!              what is       what follows from it,
//!              there         and what a careful colleague would say
//! ```

mod advice;
mod inventory;
mod label_advice;
mod machine;
mod report;
mod size;
mod warnings;

pub use inventory::{Addition, Inventory};
pub use report::{PolicyReport, Report, VmReport, explain};
pub use size::DiskSize;
pub use warnings::{Warning, WarningCode};
