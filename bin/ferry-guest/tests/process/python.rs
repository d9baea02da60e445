//! The client that QEMU's own developers use, where it is installed (`pip install qemu.qmp`).

use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::Guest;

#[test]
fn qemus_python_client_drives_it() {
    let has_it = Command::new("python3")
        .args(["-c", "import qemu.qmp"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !has_it {
        eprintln!("skipped: qemus_python_client_drives_it, for want of Python's package qemu.qmp");
        return;
    }
    let guest = Guest::start(&["--name", "snake"]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/qemu_qmp.py");
    let output = Command::new("python3").arg(script).arg(guest.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "snake running paused running STOP RESUME\n"
    );
    assert_eq!(guest.end().code(), Some(0));
}
