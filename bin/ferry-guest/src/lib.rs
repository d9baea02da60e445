//! The QEMU-like guest process.
