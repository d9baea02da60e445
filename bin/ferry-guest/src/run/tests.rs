//! What changes the state of a guest, and what is told of it.
