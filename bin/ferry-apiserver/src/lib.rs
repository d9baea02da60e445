//! A Kubernetes API server for one machine.

pub mod access;
pub mod api;
pub mod bootstrap;
pub mod files;
pub mod http;
pub mod kubeconfig;
pub mod metrics;
pub mod secret;
pub mod tls;
