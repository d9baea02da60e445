//! The commands of ferry, on a cluster that runs.
