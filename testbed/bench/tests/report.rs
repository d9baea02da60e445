//! A short run of the program, so that neither the cases nor the form of the report rot between two
//! long ones. What it measures here means nothing.

#![allow(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

use std::process::Command;

use ferry_harness::Program;
use serde_json::Value;

/// One round of the migrations whose names contain `only`, with small guests.
fn report(only: &str) -> Value {
    run(&["transfer", "--memory", "128", "--only", only])
}

/// The same of the API server, with little of everything.
fn report_of_api(only: &str) -> Value {
    let little = ["--seconds", "1", "--watchers", "20", "--objects", "1100", "--renewals", "200"];
    run(&[&["api", "--only", only], &little[..]].concat())
}

fn run(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_ferry-bench"))
        .args(arguments)
        .args(["--output", "json", "--rounds", "1"])
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

#[test]
fn yardsticks_of_an_api_server_are_measured() {
    let report = report_of_api("yardstick");
    let figures = figures(&report);
    for case in ["yardstick append 256", "yardstick https 16, p99", "yardstick watch, most"] {
        assert!(figures.contains(&case), "{case} in {figures:?}");
    }
}

#[test]
fn etcd_is_measured_beside_it() {
    if Program::installed("etcd").is_none() {
        eprintln!("skipped: etcd_is_measured_beside_it, for want of etcd");
        return;
    }
    let report = report_of_api("etcd");
    let figures = figures(&report);
    let watches = ["etcd watch, p99", "etcd watch by TLS, delivery, p50"];
    for case in
        ["etcd puts 1", "etcd puts 16, p50", "etcd puts 256, p99"].into_iter().chain(watches)
    {
        assert!(figures.contains(&case), "{case} in {figures:?}");
    }
}

#[test]
fn an_api_server_is_measured_and_judged() {
    let report = report_of_api("");
    let figures = figures(&report);
    for case in [
        "creates 256, cpu of the server",
        "watch, p99",
        "watch by streams, delivery, p99",
        "list in pages of 500",
        "start-up, objects, after a kill",
        "memory, objects, after a start",
        "leases, growth by the second half",
        "flush, p99",
        "gets beside 16 writers, most",
    ] {
        assert!(figures.contains(&case), "{case} in {figures:?}");
    }
    let aims = report["aims"].as_array().unwrap();
    let needs_etcd = |aim: &Value| aim["aim"].as_str().unwrap().contains("etcd");
    let unjudged = |aim: &&Value| aim["outcome"] == "not measured" && !needs_etcd(aim);
    assert_eq!(aims.iter().find(unjudged), None);
}
