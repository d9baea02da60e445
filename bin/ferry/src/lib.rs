//! The command line of ferry.
