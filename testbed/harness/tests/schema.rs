//! The schema of topologies, which editors read: it is what the program takes.

#![allow(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

use std::fs;
use std::path::Path;

use ferry_harness::Topology;

/// `UPDATE_EXPECT=1` writes it anew.
#[test]
fn the_schema_beside_the_topologies_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../topologies/schema.json");
    let current = serde_json::to_string_pretty(&Topology::schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &current).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == current, "{} is out of date: run with UPDATE_EXPECT=1", path.display());
}
