//! The rules about the code, as tests.
