//! Guests that move before their memory does, or stand still until it has.
