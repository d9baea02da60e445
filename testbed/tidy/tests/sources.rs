//! What the files of this repository say and look like.

use std::sync::LazyLock;

use ferry_tidy::offence::{Offence, assert_none};
use ferry_tidy::tree::{self, File};
use ferry_tidy::{manifests, parity, places, shape, words};

static FILES: LazyLock<Vec<File>> =
    LazyLock::new(|| tree::files(tree::root()).expect("the repository can be read"));

#[track_caller]
fn check(rule: fn(&[File]) -> Vec<Offence>, remedy: &str) {
    assert!(FILES.iter().any(|file| file.path == "testbed/tidy/tests/sources.rs"));
    assert_none(rule(&FILES), remedy);
}

#[test]
fn every_file_says_why_it_exists() {
    check(shape::says_why, "begin the file with a //! line that says which question it answers");
}

#[test]
fn files_are_short() {
    check(shape::short_files, "split the file by idea; about 200 lines is right, 400 is a smell");
}

#[test]
fn programs_are_libraries() {
    check(shape::short_mains, "move the code to the library beside main.rs");
}

#[test]
fn manifests_inherit_what_all_have_in_common() {
    check(manifests::inherit, "write it as the manifests beside it do");
}

#[test]
fn the_clock_is_read_in_one_place() {
    check(words::one_clock, "take the time as an argument, or a clock from ferry-runtime");
}

#[test]
fn dice_are_rolled_in_one_place() {
    check(words::one_source_of_chance, "take the value as an argument, or ask ferry-runtime");
}

#[test]
fn programs_alone_look_at_their_surroundings() {
    check(
        words::one_look_at_the_surroundings,
        "let the program parse it and pass it in; a test that needs a directory asks tempfile",
    );
}

#[test]
fn nothing_below_the_waterline_touches_the_world() {
    check(words::no_world_below, "return a value that says what to do, and do it above");
}

#[test]
fn maps_below_the_waterline_have_an_order() {
    check(words::ordered_maps_below, "use BTreeMap and BTreeSet: same seed, same trace");
}

#[test]
fn nothing_is_left_for_later() {
    check(words::nothing_unfinished, "write it, or leave it out");
}

#[test]
fn every_test_runs_and_none_sleeps() {
    check(words::no_hopeful_tests, "wait for a state instead of a time, and run every test");
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    check(places::no_private_paths, "name it from the repository's root, or ask the environment");
}

#[test]
fn the_parity_ledger_lists_every_place() {
    check(
        parity::every_place_is_listed,
        "write // PARITY: path#function and add a row for the path to docs/parity.md",
    );
}

#[test]
fn the_tests_of_the_parity_ledger_exist() {
    check(parity::every_test_exists, "name the test as it is called now");
}
