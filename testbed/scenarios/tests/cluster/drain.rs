//! Nodes that are emptied.
