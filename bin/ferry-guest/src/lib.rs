//! The QEMU-like guest process.

pub mod link;
