//! What a pod takes from its node.

use ferry_scheduler::{Arrival, PlacedPod};
use serde_json::{Value, json};

use crate::object;

fn container(cpu: &str, memory: &str) -> Value {
    json!({"name": "c", "resources": {"requests": {"cpu": cpu, "memory": memory}}})
}

fn sidecar(cpu: &str, memory: &str) -> Value {
    let mut container = container(cpu, memory);
    container["restartPolicy"] = json!("Always");
    container
}

/// Thousandths of a core and bytes.
fn taken(spec: &Value) -> (u64, u64) {
    let mut pod = json!({"metadata": {"namespace": "shop", "name": "p"}, "spec": spec});
    pod["spec"]["nodeName"] = json!("node-1");
    let pod = PlacedPod::from_wire(&object(pod), Arrival::Settled).expect("a readable pod");
    let requests = pod.expect("a pod with a node").requests;
    (requests.cpu.0, requests.memory.get())
}

#[test]
fn a_pod_takes_the_sum_of_its_containers_rounded_up() {
    for (containers, expected) in [
        (json!([]), (0, 0)),
        (json!([{"name": "silent"}]), (0, 0)),
        (json!([container("1", "1Ki"), container("250m", "1k")]), (1250, 2024)),
        (json!([container("0.0001", "0.5")]), (1, 1)),
    ] {
        assert_eq!(taken(&json!({"containers": containers})), expected, "{containers}");
    }
}

#[test]
fn parity_init_containers_run_one_by_one_beside_the_sidecars_that_were_started_before() {
    let main = [container("1", "100")];
    for (inits, expected) in [
        (json!([container("500m", "10"), container("700m", "20")]), (1000, 100)),
        (json!([container("2", "10"), container("500m", "200")]), (2000, 200)),
        (json!([sidecar("300m", "30")]), (1300, 130)),
        (json!([sidecar("300m", "30"), container("900m", "90")]), (1300, 130)),
        (json!([sidecar("300m", "30"), container("2", "200")]), (2300, 230)),
        (json!([container("2", "200"), sidecar("300m", "30")]), (2000, 200)),
    ] {
        let spec = json!({"containers": main, "initContainers": inits});
        assert_eq!(taken(&spec), expected, "{inits}");
    }
}

#[test]
fn the_overhead_of_a_pod_comes_on_top() {
    let spec = json!({
        "containers": [container("1", "100")],
        "initContainers": [container("2", "50")],
        "overhead": {"cpu": "50m", "memory": "7"},
    });
    assert_eq!(taken(&spec), (2050, 107));
}
