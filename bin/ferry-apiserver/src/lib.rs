//! A Kubernetes API server for one machine.

pub mod api;
