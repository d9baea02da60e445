//! Where `ferry explain` finds manifests, and what it makes of what it does not need.

use crate::common::{Folder, INSTANCE, POLICY};
use serde_json::Value;

/// Names of the machines in a JSON result.
#[track_caller]
fn names(json: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(json).unwrap();
    let vms = report["vms"].as_array().unwrap();
    vms.iter().map(|vm| format!("{}/{}", vm["namespace"], vm["name"]).replace('"', "")).collect()
}

fn instance(name: &str) -> String {
    INSTANCE.replace("name: web", &format!("name: {name}"))
}

#[test]
fn several_files_in_one_flag_and_in_several() {
    let folder = Folder::new("several_files");
    folder.write("a.yaml", instance("a")).write("b.yaml", instance("b"));
    for arguments in [
        &["explain", "-o", "json", "-f", "a.yaml", "b.yaml"][..],
        &["explain", "-f", "a.yaml", "-f", "b.yaml", "-o", "json"][..],
        &["explain", "--filename=a.yaml", "--filename=b.yaml", "--output=json"][..],
    ] {
        let run = folder.ferry(arguments);
        assert_eq!(names(&run.out), ["default/a", "default/b"], "{run:?}");
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    }
}

#[test]
fn a_folder_is_read_in_the_order_of_names_and_its_folders_only_when_asked() {
    let folder = Folder::new("folders");
    folder
        .write("in/1.yaml", instance("one"))
        .write("in/2.yml", instance("two"))
        .write(
            "in/3.json",
            r#"{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}"#,
        )
        .write("in/notes.txt", "{ this is no manifest")
        .write("in/deeper/4.yaml", instance("four"));
    let run = folder.ferry(&["explain", "-f", "in", "-o", "json"]);
    assert_eq!(names(&run.out), ["default/one", "default/two"]);
    let run = folder.ferry(&["explain", "-R", "-f", "in", "-o", "json"]);
    assert_eq!(names(&run.out), ["default/four", "default/one", "default/two"]);
}

#[test]
fn a_folder_without_manifests_is_an_error() {
    let folder = Folder::new("no_manifests");
    folder.write("in/notes.txt", "");
    let run = folder.ferry(&["explain", "-f", "in"]);
    assert_eq!(run.err, "error: in: no .yaml, .yml or .json file in this folder\n");
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
}

#[test]
fn standard_input_is_a_dash() {
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {}\n- {}\n",
        POLICY.trim().replace('\n', "\n  "),
        INSTANCE.trim().replace('\n', "\n  "),
    );
    let run = Folder::new("stdin").ferry_reading(&["explain", "-f", "-", "-o", "json"], &list);
    assert_eq!(names(&run.out), ["default/web"], "{run:?}");
    assert!(run.out.contains(r#""policy": "p""#), "{run:?}");
}

#[test]
fn the_file_of_a_policy_need_not_come_before_that_of_the_machine() {
    let folder = Folder::new("order");
    folder.write("machine.yaml", INSTANCE).write("policy.yaml", POLICY);
    let forth = folder.ferry(&["explain", "-f", "machine.yaml", "policy.yaml"]);
    let back = folder.ferry(&["explain", "-f", "policy.yaml", "machine.yaml"]);
    assert_eq!(forth.out, back.out);
    assert!(forth.out.contains("policy              p\n"), "{forth:?}");
}

#[test]
fn unknown_kinds_are_skipped_with_a_note() {
    let folder = Folder::new("unknown_kinds");
    let deployment = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}}";
    folder.write("in.yaml", format!("{INSTANCE}---\n{deployment}\n"));
    let run = folder.ferry(&["explain", "-f", "in.yaml", "-o", "json"]);
    assert_eq!(names(&run.out), ["default/web"]);
    assert_eq!(
        run.err,
        "note: in.yaml: document 2 (Deployment d): skipped, ferry does not know Deployment of \
         apps/v1\n"
    );
    assert_eq!(run.code, Some(0));
}

#[test]
fn kinds_that_do_not_matter_are_passed_over_in_silence() {
    let folder = Folder::new("other_kinds");
    let node = "{apiVersion: v1, kind: Node, metadata: {name: node-1}}";
    folder.write("in.yaml", format!("{INSTANCE}---\n{node}\n"));
    assert_eq!(folder.ferry(&["explain", "-f", "in.yaml"]).err, "");
}

#[test]
fn an_object_that_comes_twice_takes_the_place_of_the_first() {
    let folder = Folder::new("twice");
    folder.write("a.yaml", INSTANCE).write("b.yaml", INSTANCE.replace("1Gi", "2Gi"));
    let run = folder.ferry(&["explain", "-f", "a.yaml", "b.yaml"]);
    assert!(run.out.contains("2 GiB of memory"), "{run:?}");
    assert_eq!(
        run.err,
        "note: b.yaml: document 1 (VirtualMachineInstance web): takes the place of an earlier one \
         of this name\n"
    );
}

#[test]
fn one_machine_can_be_asked_for() {
    let folder = Folder::new("one_machine");
    folder.write("in.yaml", format!("{}---{}", instance("a"), instance("b")));
    for name in ["default/b", "b"] {
        let run = folder.ferry(&["explain", "-f", "in.yaml", "--vm", name, "-o", "json"]);
        assert_eq!(names(&run.out), ["default/b"], "{name}");
    }
    let run = folder.ferry(&["explain", "-f", "in.yaml", "--vm", "red/c"]);
    assert_eq!(
        run.err,
        "error: --vm red/c: no such VM in the files given; there are default/a, default/b\n"
    );
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
}

#[test]
fn files_without_machines_are_no_error() {
    let folder = Folder::new("no_machines");
    folder.write("in.yaml", POLICY);
    let run = folder.ferry(&["explain", "-f", "in.yaml"]);
    assert_eq!(run.out, "No VirtualMachine or VirtualMachineInstance in the files given.\n");
    assert_eq!(run.code, Some(0));
    let run = folder.ferry(&["explain", "-f", "in.yaml", "-o", "json"]);
    assert!(names(&run.out).is_empty());
    assert_eq!(run.err, "");
    // JSON has no place for these without a machine, so they are told beside it.
    folder.write("in.yaml", POLICY.replace("  completionTimeoutPerGiB: 20\n", ""));
    let run = folder.ferry(&["explain", "-f", "in.yaml", "-o", "json"]);
    assert_eq!(
        run.err,
        "warning: policy p sets nothing: a VM that it applies to has the cluster's settings \
         [policy-overrides-nothing]\n"
    );
}

#[test]
fn yaml_output_says_the_same_as_json() {
    let folder = Folder::new("yaml_output");
    folder.write("in.yaml", format!("{INSTANCE}---{POLICY}"));
    let json = folder.ferry(&["explain", "-f", "in.yaml", "-o", "json"]);
    let yaml = folder.ferry(&["explain", "-f", "in.yaml", "-o", "yaml"]);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    let yaml: Value = serde_saphyr::from_str(&yaml.out).unwrap();
    assert_eq!(json, yaml);
}
