//! What is not opened, and what is not written.
