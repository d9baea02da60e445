//! The QEMU-like guest process.

pub mod machine;
