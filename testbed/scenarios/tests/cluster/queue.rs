//! Who of those that wait goes first, and what is left of those that have gone.
