//! A Kubernetes API server for one machine.
