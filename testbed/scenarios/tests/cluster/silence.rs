//! Nodes that are not heard any more.
