//! A short run of the program, so that neither the cases nor the form of the report rot between two
//! long ones. What it measures here means nothing.

#![allow(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

use std::process::Command;

use ferry_harness::Program;
use serde_json::Value;

/// One round of the cases whose names contain `only`, with small guests.
fn report(only: &str) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_ferry-bench"))
        .args(["transfer", "--output", "json", "--rounds", "1", "--memory", "128"])
        .args(["--only", only])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["notMeasured"], Value::Array(Vec::new()), "{said}");
    report
}

/// The names of what was measured; each figure must be a sensible one.
fn figures(report: &Value) -> Vec<&str> {
    let sensible = |figure: &Value| {
        assert!(figure["median"].as_f64().unwrap() >= 0.0, "{figure}");
        assert_eq!(figure["rounds"], 1, "{figure}");
    };
    let figures = report["figures"].as_array().unwrap();
    figures.iter().inspect(|each| sensible(each)).map(name).collect()
}

fn name(figure: &Value) -> &str {
    figure["figure"].as_str().unwrap()
}

#[test]
fn bulk_is_measured_and_verified() {
    let report = report("bulk 2");
    let figures = figures(&report);
    for case in ["bulk 2", "bulk 2 populating", "bulk 2 tls"] {
        assert!(figures.contains(&case), "{case} in {figures:?}");
    }
    assert!(report["machine"]["cpus"].is_string() && report["conditions"].is_array());
    assert_eq!(report["aims"][0]["outcome"], "not measured", "there was no yardstick");
}

#[test]
fn blackouts_are_measured() {
    let report = report("blackout idle");
    let figures = figures(&report);
    assert!(figures.contains(&"blackout idle 20 ms"), "{figures:?}");
    assert!(figures.contains(&"blackout idle 20 ms, by events"), "{figures:?}");
}

#[test]
fn qemu_is_measured_beside_it() {
    if Program::qemu().is_none() {
        eprintln!("skipped: qemu_is_measured_beside_it, for want of qemu-system-x86_64");
        return;
    }
    let report = report("qemu");
    let figures = figures(&report);
    for case in [
        "qemu multifd 2",
        "qemu multifd 4",
        "qemu default",
        "qemu default, uncapped",
        "qemu idle 20 ms, blackout by events",
    ] {
        assert!(figures.contains(&case), "{case} in {figures:?}");
    }
}
