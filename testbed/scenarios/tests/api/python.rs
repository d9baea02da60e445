//! Kubernetes' own Python client, where it is installed (`pip install kubernetes`).

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;
use expect_test::expect;
use ferry_harness::ApiServer;

#[test]
fn kubernetes_python_client_creates_lists_watches_and_patches() -> Result<()> {
    let has_it = Command::new("python3")
        .args(["-c", "import kubernetes"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !has_it {
        eprintln!("skipped: Python's package kubernetes is not installed");
        return Ok(());
    }
    let server = ApiServer::start()?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/python_client.py");
    let output = Command::new("python3").arg(script).arg(server.kubeconfig()).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    expect![[r#"
        1
        ['a', 'c']
        z
        True
        []
        ('ADDED', 'two', 'Halted')
        ('MODIFIED', 'one', 'Always')
        ('DELETED', 'two', 'Halted')
        ('VirtualMachineList', 1)
        (409, 'Conflict')
        404
        Always
        True
        it did
    "#]]
    .assert_eq(&String::from_utf8_lossy(&output.stdout));
    Ok(())
}
