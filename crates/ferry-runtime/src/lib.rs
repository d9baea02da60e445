//! What a process needs from the operating system, and nobody else asks it for.

mod clock;
pub mod entropy;
pub mod signals;
pub mod telemetry;

pub use clock::Clock;
