//! What a guest may be made of.

use ferry_registry::Refusal;
use serde_json::{Value, json};

use crate::common::{Attempt, World, denied, instance, kubevirt, machine, merge, user};

fn with(domain: &Value, rest: &Value) -> Value {
    let mut spec = json!({ "domain": { "devices": {}, "memory": { "guest": "1Gi" } } });
    merge(&mut spec["domain"], domain);
    merge(&mut spec, rest);
    spec
}

/// Makes a machine and an instance of the same spec. Both are refused in the same words, or neither is.
pub(crate) fn make(spec: &Value) -> Result<Value, Refusal> {
    let world = World::default();
    let alice = || Attempt::by(user("alice"), &world);
    let mut alone = instance("vmi", &json!({}));
    alone["spec"] = spec.clone();
    let made = alice().create(&machine("vm", &json!({ "template": { "spec": spec } })));
    let alone = alice().create(&alone);
    match (&made, &alone) {
        (Ok(_), Ok(_)) => {}
        (
            Err(Refusal::Denied { message, causes, .. }),
            Err(Refusal::Denied { message: own, causes: own_causes, .. }),
        ) => {
            assert_eq!(message.replace("spec.template.spec", "spec"), *own);
            for (cause, own) in causes.iter().zip(own_causes) {
                assert_eq!(cause.field.replace("spec.template.spec", "spec"), own.field);
            }
        }
        other => panic!("a machine and its instance differ: {other:?}"),
    }
    made
}

/// Every message is upstream's, of `vmi-create-admitter.go`.
fn assert_refused(cases: &[(Value, Value, &str, &str)]) {
    for (domain, rest, message, field) in cases {
        let (code, said, blamed) = denied(make(&with(domain, rest)));
        let (message, field) = (message.replace("$.", SPEC), field.replace("$.", SPEC));
        assert_eq!((code, said, blamed), (422, message, field));
    }
}

/// What `$.` stands for in the cases.
const SPEC: &str = "spec.template.spec.";

#[test]
fn parity_memory_that_makes_no_sense_is_refused() {
    let resources = |requests: Value, limits: Value| json!({ "resources": { "requests": requests, "limits": limits } });
    let memory = |amount: &str| json!({ "memory": amount });
    let request = "$.domain.resources.requests.memory";
    assert_refused(&[
        (
            resources(memory("-1Gi"), json!({})),
            json!({}),
            "$.domain.resources.requests.memory '-1Gi': must be greater than or equal to 0.",
            request,
        ),
        (
            resources(memory("64"), json!({})),
            json!({}),
            "$.domain.resources.requests.memory '64': must be greater than or equal to 1M.",
            request,
        ),
        (
            resources(json!({}), memory("-1")),
            json!({}),
            "$.domain.resources.limits.memory '-1': must be greater than or equal to 0.",
            "$.domain.resources.limits.memory",
        ),
        (
            resources(memory("2Gi"), memory("1Gi")),
            json!({}),
            "$.domain.resources.requests.memory '2Gi' is greater than \
             $.domain.resources.limits.memory '1Gi'",
            request,
        ),
        (
            json!({ "memory": { "hugepages": { "pageSize": "2Gi" } } }),
            json!({}),
            "$.domain.resources.requests.memory '1Gi' must be equal to or larger than page size \
             $.domain.hugepages.size '2Gi'",
            request,
        ),
        (
            json!({ "memory": { "guest": "65Mi", "hugepages": { "pageSize": "2Mi" } } }),
            json!({}),
            "$.domain.resources.requests.memory '65Mi' is not a multiple of the page size \
             $.domain.hugepages.size '2Mi'",
            request,
        ),
        (
            json!({ "memory": { "hugepages": { "pageSize": "big" } } }),
            json!({}),
            "$.domain.hugepages.size 'big': quantities must match the regular expression \
             '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            "$.domain.hugepages.size",
        ),
    ]);
    for fine in [
        resources(memory("1Gi"), memory("1Gi")),
        resources(memory("512Mi"), json!({})),
        // Limits follow a machine that is changed while it runs.
        resources(json!({}), memory("512Mi")),
        json!({ "memory": { "guest": "64Mi", "hugepages": { "pageSize": "2Mi" } } }),
        json!({ "memory": { "guest": null, "hugepages": { "pageSize": "1Gi" } } }),
    ] {
        make(&with(&fine, &json!({}))).unwrap();
    }
}

#[test]
fn parity_a_guest_fits_in_its_limit_where_changes_wait_for_a_start() {
    let limited = json!({ "resources": { "limits": { "memory": "512Mi" } } });
    let spec = json!({ "template": { "spec": with(&limited, &json!({})) } });
    for (strategy, message) in [
        ("LiveUpdate", None),
        (
            "Stage",
            Some(
                "spec.template.spec.domain.memory.guest '1Gi' must be equal to or less than the \
                 memory limit spec.template.spec.domain.resources.limits.memory '512Mi'",
            ),
        ),
    ] {
        let world = World::of([kubevirt(&json!({ "vmRolloutStrategy": strategy }))]);
        let made = Attempt::by(user("alice"), &world).create(&machine("vm", &spec));
        match message {
            None => assert!(made.is_ok(), "{made:?}"),
            Some(message) => assert_eq!(denied(made).1, message),
        }
    }
}

#[test]
fn parity_an_instance_has_memory_and_a_machine_may_lack_it_for_now() {
    let world = World::default();
    let alice = || Attempt::by(user("alice"), &world);
    alice().create(&machine("vm", &json!({}))).unwrap();
    let none = "no memory requested, at least one of 'spec.domain.memory.guest', \
                'spec.domain.memory.hugepages.size' or 'spec.domain.resources.requests.memory' \
                must be set";
    for (domain, message) in [
        (json!({}), Some(none)),
        (json!({ "memory": {} }), Some(none)),
        (json!({ "resources": { "requests": { "memory": "0" } } }), Some(none)),
        (
            json!({ "memory": { "guest": "-1Gi" } }),
            Some("spec.domain.memory.guest '-1Gi': must be greater than or equal to 0."),
        ),
        (
            json!({ "memory": { "guest": "0" } }),
            Some("spec.domain.memory.guest '0': must be greater than 0."),
        ),
        (json!({ "memory": { "guest": "1Gi" } }), None),
        (json!({ "memory": { "hugepages": { "pageSize": "2Mi" } } }), None),
        (json!({ "resources": { "requests": { "memory": "1Gi" } } }), None),
        (json!({ "resources": { "limits": { "memory": "1Gi" } } }), None),
    ] {
        let mut bare = instance("vmi", &json!({}));
        bare["spec"] = json!({ "domain": { "devices": {} } });
        merge(&mut bare["spec"]["domain"], &domain);
        let made = alice().create(&bare);
        match message {
            None => assert!(made.is_ok(), "{domain}: {made:?}"),
            Some(message) => assert_eq!(denied(made).1, message),
        }
    }
}

#[test]
fn parity_cpus_that_contradict_each_other_are_refused() {
    let resources = |requests: &str, limits: &str| json!({ "requests": { "cpu": requests }, "limits": { "cpu": limits } });
    let placement = "$.domain.cpu.dedicatedCpuPlacement";
    assert_refused(&[
        (
            json!({ "resources": { "requests": { "cpu": "-1" } } }),
            json!({}),
            "$.domain.resources.requests.cpu '-1': must be greater than or equal to 0.",
            "$.domain.resources.requests.cpu",
        ),
        (
            json!({ "resources": { "limits": { "cpu": "-500m" } } }),
            json!({}),
            "$.domain.resources.limits.cpu '-500m': must be greater than or equal to 0.",
            "$.domain.resources.limits.cpu",
        ),
        (
            json!({ "resources": resources("2", "1500m") }),
            json!({}),
            "$.domain.resources.requests.cpu '2' is greater than $.domain.resources.limits.cpu \
             '1500m'",
            "$.domain.resources.requests.cpu",
        ),
        (
            json!({ "cpu": { "sockets": 4, "maxSockets": 2 } }),
            json!({}),
            "Number of sockets in CPU topology is greater than the maximum sockets allowed",
            "$.domain.cpu.sockets",
        ),
        (
            json!({ "cpu": { "isolateEmulatorThread": true } }),
            json!({}),
            "IsolateEmulatorThread should be only set in combination with DedicatedCPUPlacement",
            "$.domain.cpu.isolateEmulatorThread",
        ),
        (
            json!({
                "cpu": { "dedicatedCpuPlacement": true, "cores": 4 },
                "resources": { "requests": { "cpu": "2" } },
            }),
            json!({}),
            "$.domain.resources.requests.cpu or $.domain.resources.limits.cpu must not be provided \
             at the same time with $.domain.cpu.cores when DedicatedCPUPlacement is true ",
            placement,
        ),
        (
            json!({
                "cpu": { "dedicatedCpuPlacement": true }, "resources": resources("1", "2"),
            }),
            json!({}),
            "$.domain.resources.requests.cpu or $.domain.resources.limits.cpu must be equal when \
             DedicatedCPUPlacement is true ",
            placement,
        ),
        (
            json!({
                "cpu": { "dedicatedCpuPlacement": true },
                "resources": { "requests": { "cpu": "1500m" } },
            }),
            json!({}),
            "provided resources CPU requests must be an interger",
            "$.domain.resources.requests.cpu",
        ),
    ]);
}

#[test]
fn parity_cpus_that_agree_are_accepted() {
    let resources = |cpu: &str| json!({ "requests": { "cpu": cpu }, "limits": { "cpu": "2" } });
    for fine in [
        json!({ "cpu": { "dedicatedCpuPlacement": true, "cores": 2 } }),
        json!({ "cpu": { "dedicatedCpuPlacement": true }, "resources": resources("2") }),
        json!({ "cpu": { "sockets": 2, "maxSockets": 2 }, "resources": resources("1") }),
        json!({ "resources": { "requests": { "cpu": 1 }, "limits": { "cpu": "0" } } }),
    ] {
        make(&with(&fine, &json!({}))).unwrap();
    }
}

#[test]
fn parity_a_disk_has_a_volume_and_a_place() {
    let disks = |disks: Value| json!({ "devices": { "disks": disks } });
    let volumes = json!({ "volumes": [{ "name": "a", "emptyDisk": { "capacity": "1Gi" } }] });
    let entry = "$.domain.devices.disks[0]";
    let first = json!({ "name": "a", "disk": { "bus": "virtio" } });
    assert_refused(&[
        (
            disks(json!([{ "name": "c", "disk": { "bus": "virtio" } }])),
            volumes.clone(),
            "$.domain.devices.disks[0].Name 'c' not found.",
            &format!("{entry}.name"),
        ),
        (
            disks(json!([first, { "name": "a", "disk": {} }])),
            volumes.clone(),
            "$.domain.devices.disks[1] and $.domain.devices.disks[0] must not have the same Name.",
            "$.domain.devices.disks[1].name",
        ),
        (
            disks(json!([{ "name": "a", "disk": {}, "lun": {} }])),
            volumes.clone(),
            "$.domain.devices.disks[0] can only have a single target type defined",
            entry,
        ),
        (
            disks(json!([{ "name": "a", "disk": { "bus": "floppy" } }])),
            volumes.clone(),
            "$.domain.devices.disks[0] is set with an unrecognized bus floppy, must be one of: \
             [virtio scsi sata usb]",
            &format!("{entry}.disk.bus"),
        ),
        (
            disks(json!([{ "name": "a", "disk": {}, "bootOrder": 0 }])),
            volumes.clone(),
            "$.domain.devices.disks[0] must have a boot order > 0, if supplied",
            &format!("{entry}.bootOrder"),
        ),
        (
            json!({}),
            json!({ "volumes": [volumes["volumes"][0], volumes["volumes"][0]] }),
            "$.volumes[1] and $.volumes[0] must not have the same Name.",
            "$.volumes[1].name",
        ),
        (
            json!({}),
            json!({ "volumes": [{ "name": "a" }] }),
            "$.volumes[0] must have exactly one source type set",
            "$.volumes[0]",
        ),
        (
            json!({}),
            json!({ "volumes": [{ "name": "a", "emptyDisk": {}, "hostDisk": {} }] }),
            "$.volumes[0] must have exactly one source type set",
            "$.volumes[0]",
        ),
    ]);
    for (disks, volumes) in [
        (disks(json!([first])), volumes.clone()),
        (disks(json!([{ "name": "a" }, { "name": "empty", "cdrom": {} }])), volumes.clone()),
        // A volume without a disk gets one, and a source that nobody here knows may be there.
        (json!({}), json!({ "volumes": [{ "name": "a", "fromTheFuture": {} }] })),
    ] {
        make(&with(&disks, &volumes)).unwrap();
    }
}

#[test]
fn parity_a_network_has_an_interface_and_an_interface_a_network() {
    let interfaces = |list: Value| json!({ "devices": { "interfaces": list } });
    let networks = |list: Value| json!({ "networks": list });
    let (plug, pod) = (json!({ "name": "a", "masquerade": {} }), json!({ "name": "a", "pod": {} }));
    let other = json!({ "name": "b", "multus": { "networkName": "b", "default": true } });
    assert_refused(&[
        (
            interfaces(json!([plug])),
            json!({}),
            "$.domain.devices.interfaces[0].name 'a' not found.",
            "$.domain.devices.interfaces[0].name",
        ),
        (
            interfaces(json!([])),
            networks(json!([pod])),
            "$.networks[0].name 'a' not found.",
            "$.networks[0].name",
        ),
        (
            interfaces(json!([plug, plug])),
            networks(json!([pod])),
            "Only one interface can be connected to one specific network",
            "$.domain.devices.interfaces[1].name",
        ),
        (
            interfaces(json!([plug])),
            networks(json!([{ "name": "a" }])),
            "should have a network type",
            "$.networks[0]",
        ),
        (
            interfaces(json!([plug, { "name": "b", "bridge": {} }])),
            networks(json!([pod, other])),
            "Pod network cannot be defined when Multus default network is defined",
            "$.networks",
        ),
        (
            interfaces(json!([plug])),
            networks(json!([{ "name": "a", "multus": { "networkName": "" } }])),
            "CNI delegating plugin must have a networkName",
            "$.networks[0]",
        ),
    ]);
    make(&with(&interfaces(json!([plug])), &networks(json!([pod])))).unwrap();
    make(&with(&interfaces(json!([plug])), &networks(json!([{ "name": "a", "new": {} }]))))
        .unwrap();
}

#[test]
fn lists_have_an_end() {
    let volume = |index| json!({ "name": format!("v{index}"), "emptyDisk": { "capacity": "1Mi" } });
    let of = |count: i32| json!({ "volumes": (0..count).map(volume).collect::<Vec<_>>() });
    make(&with(&json!({}), &of(256))).unwrap();
    let (_, message, field) = denied(make(&with(&json!({}), &of(257))));
    assert_eq!(message, "spec.template.spec.volumes: Too many: 257: must have at most 256 items");
    assert_eq!(field, "spec.template.spec.volumes");
}

#[test]
fn a_machine_of_an_instance_type_is_refused_because_there_are_none() {
    let world = World::default();
    let end = "; there are no instance types and preferences here, write what they say into \
               spec.template";
    for (spec, message, field) in [
        (
            json!({ "instancetype": { "name": "u1.medium" } }),
            "Failure to find instancetype: \
             virtualmachineclusterinstancetypes.instancetype.kubevirt.io \"u1.medium\" not found",
            "spec.instancetype",
        ),
        (
            json!({ "preference": { "kind": "VirtualMachinePreference", "name": "fedora" } }),
            "Failure to find preference: \
             virtualmachinepreferences.instancetype.kubevirt.io \"fedora\" not found",
            "spec.preference",
        ),
        (
            json!({ "preference": { "inferFromVolume": "root" } }),
            "Failure to find preference: it is to follow from volume \"root\"",
            "spec.preference",
        ),
    ] {
        let made = Attempt::by(user("alice"), &world).create(&machine("vm", &spec));
        assert_eq!(denied(made), (422, format!("{message}{end}"), field.to_owned()));
    }
}

#[test]
fn parity_a_guest_starts_at_once_or_paused() {
    let strategy = |strategy: &str| json!({ "startStrategy": strategy });
    assert_refused(&[(
        json!({}),
        strategy("Later"),
        "$.startStrategy is set with an unrecognized option: Later",
        "$.startStrategy",
    )]);
    make(&with(&json!({}), &strategy("Paused"))).unwrap();
}
