//! What keeps a testbed from coming up is said, and nothing of it is left.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use anyhow::{Context, Result};
use ferry_harness::Programs;

use crate::common::{Place, run};

#[test]
fn a_port_that_somebody_has_is_named() -> Result<()> {
    let place = Place::new()?;
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let complaint = place.fails(1, &["up", "--listen", &address])?;
    assert!(
        complaint.contains(&format!("the API server is to listen at {address}")),
        "{complaint}"
    );
    assert!(complaint.contains("in use"), "{complaint}");
    assert!(place.pids()?.is_empty());
    Ok(())
}

#[test]
fn a_bad_command_line_or_topology_is_told_at_once() -> Result<()> {
    let place = Place::new()?;
    let topology = place.file("t.yaml", "nodes: [{name: a, memory: lots}]")?;
    let topology = topology.to_str().context("a path of letters")?;
    for (code, arguments, said) in [
        (1, &["up", "--topology", topology][..], "t.yaml: nodes[0].memory: \"lots\": give a size"),
        (1, &["up", "--topology", "none.yaml"], "cannot read the topology none.yaml"),
        (1, &["up", "--nodes", "0"], "--nodes"),
        (1, &["up", "--nodes", "251"], "give 1 to 250"),
        (2, &["up", "--nodes", "x"], "'x' for '--nodes <N>'"),
        (2, &["up", "--nodes", "1", "--topology", topology], "cannot be used with"),
        (2, &["up", "--semantics", "mine"], "[possible values: documented, kubevirt]"),
        (2, &["up", "--listen", "6443"], "'--listen <IP:PORT>'"),
        (2, &["sideways"], "unrecognized subcommand"),
    ] {
        let complaint = place.fails(code, arguments)?;
        assert!(complaint.contains(said), "{arguments:?}: no {said:?}: {complaint}");
        assert!(!place.path().exists(), "{arguments:?} has made something");
    }
    Ok(())
}

#[test]
fn a_directory_that_cannot_be_used_is_named() -> Result<()> {
    let place = Place::new()?;
    fs::write(place.path(), "a file")?;
    let complaint = place.fails(1, &["up"])?;
    assert!(complaint.contains("the testbed's directory "), "{complaint}");
    assert!(complaint.contains("testbed cannot be used"), "{complaint}");
    fs::remove_file(place.path())?;
    Ok(())
}

#[test]
fn a_program_that_is_missing_is_named() -> Result<()> {
    let alone = tempfile::tempdir()?;
    let ferry = alone.path().join("ferry");
    fs::copy(Programs::built()?.ferry(), &ferry)?;
    let mut command = Command::new(&ferry);
    command.args(["testbed", "up"]).current_dir(alone.path()).env("PATH", alone.path());
    let output = run(&mut command)?;
    assert_eq!(output.code, 1, "{output:?}");
    let missing = "missing: ferry-apiserver, ferry-controller, ferry-node, ferry-guest; looked in ";
    assert!(output.stderr.contains(missing), "{}", output.stderr);
    assert!(!alone.path().join(".ferry").exists());
    Ok(())
}

#[test]
fn another_topology_is_not_put_over_the_one_that_is_there() -> Result<()> {
    let place = Place::new()?;
    place.ok(&["up", "--nodes", "1"])?;
    let pids = place.pids()?;
    let complaint = place.fails(1, &["up", "--nodes", "2", "--semantics", "kubevirt"])?;
    assert!(
        complaint.contains("was made with another topology and other semantics"),
        "{complaint}"
    );
    assert_eq!(place.pids()?, pids, "the one that is there goes on");
    Ok(())
}

#[test]
fn a_daemon_that_cannot_start_is_named_with_what_it_printed_and_the_rest_is_stopped() -> Result<()>
{
    let place = Place::new()?;
    place.ok(&["up", "--nodes", "1"])?;
    place.ok(&["down"])?;
    // The journal is gone, and the keys are not: the server does not begin anew by itself.
    fs::remove_dir_all(place.path().join("apiserver/journal"))?;
    let complaint = place.fails(1, &["up"])?;
    assert!(complaint.contains("apiserver has ended (exit code 1)"), "{complaint}");
    assert!(complaint.contains("journal is missing"), "{complaint}");
    assert!(place.pids()?.is_empty());
    Ok(())
}
