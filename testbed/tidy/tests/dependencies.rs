//! Who depends on whom in this repository.

use std::sync::LazyLock;

use ferry_tidy::dependencies;
use ferry_tidy::graph::Graph;
use ferry_tidy::offence::{Offence, assert_none};
use ferry_tidy::tree;

static GRAPH: LazyLock<Graph> =
    LazyLock::new(|| Graph::load(tree::root()).expect("cargo knows the workspace"));

#[track_caller]
fn check(rule: fn(&Graph) -> Vec<Offence>, remedy: &str) {
    assert!(GRAPH.members.contains_key("ferry-tidy"), "this crate is a member");
    assert_none(rule(&GRAPH), remedy);
}

#[test]
fn every_crate_has_a_floor() {
    check(
        dependencies::everyone_has_a_floor,
        "give the crate a floor and a wing in testbed/tidy/src/house.rs and in \
         docs/architecture.md",
    );
}

#[test]
fn dependencies_lead_down_only() {
    check(
        dependencies::down_only,
        "move what both need to a lower floor, or let the caller pass it in",
    );
}

#[test]
fn dependencies_of_tests_make_no_cycle() {
    check(dependencies::no_cycles, "move the test to the higher of the two crates");
}

#[test]
fn below_the_waterline_there_are_data_libraries_only() {
    check(
        dependencies::data_libraries_only,
        "move the code above the waterline, or add the library with its reason to DATA_LIBRARIES \
         in testbed/tidy/src/house.rs",
    );
}

#[test]
fn nothing_below_the_waterline_waits_opens_logs_or_rolls_dice() {
    check(
        dependencies::nothing_denied_below,
        "switch off the feature that brings it, or move the code above the waterline",
    );
}

#[test]
fn the_wings_do_not_touch() {
    check(
        dependencies::the_wings_do_not_touch,
        "move what both wings need to a shared crate, or let them meet in ferry-node",
    );
}

#[test]
fn every_technology_has_one_door() {
    check(dependencies::one_door, "ask the crate that is its door for what you need");
}

#[test]
fn errors_below_the_programs_have_a_type() {
    check(dependencies::typed_errors, "write an error enum with thiserror");
}
