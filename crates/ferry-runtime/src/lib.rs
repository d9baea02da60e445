//! What a process needs from the operating system: clock, entropy, signals, telemetry, TLS
//! identities.

mod clock;

pub use clock::Clock;
