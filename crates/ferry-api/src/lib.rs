//! Placeholder while the workspace is laid out.

mod field_selector;
mod names;
mod quantity;
mod selector;
