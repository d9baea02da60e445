//! Settings of the cluster that are changed while it runs.
