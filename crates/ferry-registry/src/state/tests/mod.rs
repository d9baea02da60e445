//! Lists and watches, against a model that is a map.

mod lists;
mod model;
mod watches;
