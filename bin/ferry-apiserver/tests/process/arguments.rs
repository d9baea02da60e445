//! Command lines that are wrong, and those that have nothing to do with serving.

use crate::common::command;

#[test]
fn a_wrong_command_line_is_one_message_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, said) in [
        (&[][..], "--data-dir <DIR>"),
        (&["--data-dir", "d", "--listen", "6443"], "--listen"),
        (&["--data-dir", "d", "--log", "a=b=c"], "warn,ferry_guest=debug"),
        (&["--data-dir", "d", "--log", "inof"], "\"inof\""),
        (&["--data-dir", "d", "--log", "warn,ferry_apiserver"], "warn,ferry_apiserver=debug"),
        (&["kubeconfig", "--user", "u"], "--data-dir <DIR>"),
        (
            &["kubeconfig", "--data-dir", "d", "--user", "u", "--token", "--group", ""],
            "a group has a name",
        ),
        (&["serve"], "'serve'"),
    ] {
        let output = command(dir.path()).args(arguments).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: no {said:?}: {error}");
        assert!(output.stdout.is_empty());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{arguments:?}");
    }
}

#[test]
fn help_version_and_completion_are_results() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, said) in [
        (&["--help"][..], "Examples:"),
        (&["-h"], "--write-kubeconfig"),
        (&["kubeconfig", "--help"], "system:node:node-1"),
        (&["--version"], concat!("ferry-apiserver ", env!("CARGO_PKG_VERSION"))),
        (&["completion", "bash"], "--token-auth-file"),
    ] {
        let output = command(dir.path()).args(arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(text.contains(said), "{arguments:?}: no {said:?}: {text}");
        assert!(output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_result_that_cannot_be_printed_is_no_success() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [&["--help"][..], &["--version"], &["completion", "bash"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = command(dir.path()).args(arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    }
}
