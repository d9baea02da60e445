//! QMP, the protocol in which QEMU is told what to do, without a socket.
//!
//! * [`json`] is the dialect in which QEMU reads and writes.

pub mod json;
