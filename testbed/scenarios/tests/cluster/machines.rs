//! Machines: how they start, end, pause, and start again.
