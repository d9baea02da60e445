//! The network that memory crosses.
