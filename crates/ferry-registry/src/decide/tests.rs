//! Each sentence about what a write means, as a test.
