//! What a process needs from the operating system, and nobody else asks it for.
//!
//! Time and chance are arguments everywhere else: a program reads the [`Clock`] and draws from
//! [`entropy`] here, and hands on what it got. So whatever decides can be tried with every time and
//! every throw of the dice. Beside them stands what a program sets up once: what to do when it is
//! told to end ([`signals`]), where its log goes ([`telemetry`]), and who it is to its peers
//! ([`identity`]). With the feature `program` there is also what all command lines have in common.

mod clock;
pub mod entropy;
pub mod identity;
#[cfg(feature = "program")]
pub mod program;
pub mod signals;
pub mod telemetry;

pub use clock::Clock;
