//! What source may not say, and where.

use crate::house::{self, Crate};
use crate::offence::Offence;
use crate::rust_text::has_word;
use crate::tree::{File, Part};

/// Reading a clock.
const CLOCKS: &[&str] = &["Instant::now", "SystemTime::now", "Timestamp::now", "Zoned::now"];

/// Rolling dice. A map of the standard library does too, for the order of its keys.
const DICE: &[&str] = &[
    "OsRng",
    "RandomState",
    "fastrand::",
    "getrandom::",
    "new_v4",
    "rand::",
    "rand_chacha::",
    "thread_rng",
];

/// The process's surroundings; `env!` is the compiler's and fine.
const SURROUNDINGS: &[&str] = &["std::env", "env::args", "env::var", "env::vars"];

/// Touching the world, or waiting for it.
const WORLD: &[&str] = &[
    ".await",
    "async",
    "eprint!",
    "eprintln!",
    "print!",
    "println!",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "tokio::",
];

/// Maps whose order differs from run to run.
const UNORDERED: &[&str] = &["HashMap", "HashSet"];

/// Code that is not there, or not there yet.
const UNFINISHED: &[&str] = &["dbg!(", "todo!(", "unimplemented!("];

/// Tests that do not run, and tests that hope.
const HOPEFUL: &[&str] = &["#[ignore", "thread::sleep", "time::sleep"];

/// Clocks are read in ferry-runtime, which hands the time to whoever needs it. The testbed measures
/// real processes, but the simulator has a clock of its own.
pub fn one_clock(files: &[File]) -> Vec<Offence> {
    let may = |krate: Crate| {
        matches!(krate.name, "ferry-runtime" | "ferry-harness" | "ferry-bench" | "ferry-scenarios")
    };
    said(files, CLOCKS, |krate, _| !may(krate))
}

/// Dice are rolled in ferry-runtime; everybody else is given what fell.
pub fn one_source_of_chance(files: &[File]) -> Vec<Offence> {
    said(files, DICE, |krate, _| krate.name != "ferry-runtime")
}

/// Programs parse their own configuration; nobody else looks at the process's surroundings, apart
/// from the testbed.
pub fn one_look_at_the_surroundings(files: &[File]) -> Vec<Offence> {
    said(files, SURROUNDINGS, |krate, _| krate.floor < house::PROGRAMS)
}

/// Below the waterline nothing touches the world. Tests may, to read what they compare with.
pub fn no_world_below(files: &[File]) -> Vec<Offence> {
    said(files, WORLD, |krate, part| krate.is_below_the_waterline() && part == Part::Product)
}

/// Below the waterline every map has an order. Tests may hash, to see that equal values agree.
pub fn ordered_maps_below(files: &[File]) -> Vec<Offence> {
    said(files, UNORDERED, |krate, part| krate.is_below_the_waterline() && part == Part::Product)
}

/// Nothing is left for later.
pub fn nothing_unfinished(files: &[File]) -> Vec<Offence> {
    said(files, UNFINISHED, |_, _| true)
}

/// Every test runs, and none hopes that some time is enough.
pub fn no_hopeful_tests(files: &[File]) -> Vec<Offence> {
    let mut offences = said(files, HOPEFUL, |_, part| part == Part::Test);
    for file in files.iter().filter(|file| file.is_rust()) {
        for (number, line) in file.lines() {
            let fence = line.trim_start().trim_start_matches(['/', '!']).trim_start();
            let attributes = fence.strip_prefix("```").unwrap_or_default();
            if attributes.split(',').any(|each| each.trim() == "ignore") {
                offences.push(Offence::new(&file.path, number, "an example that never runs"));
            }
        }
    }
    offences
}

/// Where one of `words` is said by a crate, in a part of its code, that `is_wrong`.
fn said(files: &[File], words: &[&str], is_wrong: impl Fn(Crate, Part) -> bool) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let Some(krate) = file.krate() else { continue };
        for (number, line, part) in file.code() {
            if !is_wrong(krate, part) {
                continue;
            }
            // One offence a line is enough to find it.
            let found = words.iter().find(|word| has_word(line, word));
            if let Some(word) = found {
                offences.push(Offence::new(&file.path, number, *word));
            }
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths and lines that a rule finds wrong.
    fn broken(rule: fn(&[File]) -> Vec<Offence>, files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> = files.iter().map(|(path, text)| File::new(path, *text)).collect();
        rule(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_clock_is_read_in_the_runtime_and_by_what_measures() {
        let read = "//! x\nfn f() { std::time::Instant::now(); }";
        assert_eq!(
            broken(
                one_clock,
                &[
                    ("bin/ferry-node/src/lib.rs", read),
                    ("crates/ferry-runtime/src/clock.rs", read),
                    ("crates/ferry-units/src/time.rs", "//! Not Instant::now()."),
                    ("testbed/bench/src/lib.rs", read),
                    ("testbed/sim/src/lib.rs", read),
                ]
            ),
            ["bin/ferry-node/src/lib.rs:2: Instant::now", "testbed/sim/src/lib.rs:2: Instant::now"]
        );
    }

    #[test]
    fn dice_are_rolled_in_the_runtime() {
        assert_eq!(
            broken(
                one_source_of_chance,
                &[
                    ("bin/ferry-apiserver/src/uid.rs", "let uid = Uuid::new_v4();"),
                    ("crates/ferry-runtime/src/entropy.rs", "use rand::Rng;"),
                ]
            ),
            ["bin/ferry-apiserver/src/uid.rs:1: new_v4"]
        );
    }

    #[test]
    fn programs_and_the_testbed_look_at_their_surroundings() {
        let look = "let home = std::env::var(x); let root = env!(y);";
        assert_eq!(
            broken(
                one_look_at_the_surroundings,
                &[
                    ("bin/ferry/src/args.rs", look),
                    ("crates/ferry-runtime/src/lib.rs", look),
                    ("testbed/harness/src/lib.rs", look),
                    ("crates/ferry-store/src/lib.rs", "env!(y)"),
                ]
            ),
            ["crates/ferry-runtime/src/lib.rs:1: std::env"]
        );
    }

    #[test]
    fn below_the_waterline_only_tests_touch_the_world() {
        let code = "fn f() { println!(x); }\n#[cfg(test)]\nmod tests {\n use std::fs;\n}";
        assert_eq!(
            broken(
                no_world_below,
                &[
                    ("crates/ferry-policy/src/lib.rs", code),
                    ("crates/ferry-qmp/src/lib.rs", "async fn f() { g().await }"),
                    ("crates/ferry-qmp/tests/it.rs", "use std::fs;"),
                    ("crates/ferry-store/src/lib.rs", "use std::fs;"),
                ]
            ),
            ["crates/ferry-policy/src/lib.rs:1: println!", "crates/ferry-qmp/src/lib.rs:1: .await"]
        );
    }

    #[test]
    fn maps_have_an_order_below_the_waterline() {
        let text = "use std::collections::{BTreeMap, HashMap};";
        assert_eq!(
            broken(
                ordered_maps_below,
                &[
                    ("crates/ferry-api/src/lib.rs", text),
                    ("crates/ferry-units/src/lib.rs", "struct MyHashMap;"),
                    ("crates/ferry-units/tests/it.rs", text),
                    ("bin/ferry/src/lib.rs", text),
                ]
            ),
            ["crates/ferry-api/src/lib.rs:1: HashMap"]
        );
    }

    #[test]
    fn nothing_is_left_for_later() {
        assert_eq!(
            broken(
                nothing_unfinished,
                &[
                    ("bin/ferry/src/lib.rs", "fn f() { todo!() }\nfn g() { unimplemented!(x) }"),
                    ("testbed/sim/src/lib.rs", "// todo!()\nlet x = dbg!(y);"),
                ]
            ),
            [
                "bin/ferry/src/lib.rs:1: todo!(",
                "bin/ferry/src/lib.rs:2: unimplemented!(",
                "testbed/sim/src/lib.rs:2: dbg!(",
            ]
        );
    }

    #[test]
    fn tests_run_and_do_not_hope() {
        assert_eq!(
            broken(
                no_hopeful_tests,
                &[
                    ("testbed/scenarios/tests/drain.rs", "#[ignore = \"slow\"]\nthread::sleep(x);"),
                    ("bin/ferry-node/src/lib.rs", "tokio::time::sleep(x).await;"),
                    ("bin/ferry/src/lib.rs", "//! ```ignore\n//! ```\n/// ```rust, ignore\n"),
                    ("bin/ferry/src/a.rs", "//! ```no_run\n//! ignore"),
                ]
            ),
            [
                "testbed/scenarios/tests/drain.rs:1: #[ignore",
                "testbed/scenarios/tests/drain.rs:2: thread::sleep",
                "bin/ferry/src/lib.rs:1: an example that never runs",
                "bin/ferry/src/lib.rs:3: an example that never runs",
            ]
        );
    }
}
