//! Guests as people write them, whole.

use crate::guests::make;

/// Templates as people write them: from the examples of upstream and of its documentation, each with
/// what it is about.
const ACCEPTED: [(&str, &str); 11] = [
    (
        "container disk, cloud-init and masquerade",
        "
domain:
  devices:
    disks:
    - {name: root, disk: {bus: virtio}}
    - {name: init, disk: {bus: virtio}}
    interfaces: [{name: default, masquerade: {}, model: virtio, ports: [{name: ssh, port: 22}]}]
    rng: {}
  resources: {requests: {memory: 1024M}}
networks: [{name: default, pod: {}}]
terminationGracePeriodSeconds: 0
volumes:
- {name: root, containerDisk: {image: 'quay.io/containerdisks/fedora:latest'}}
- {name: init, cloudInitNoCloud: {userData: '#cloud-config', networkData: 'version: 2'}}",
    ),
    (
        "a volume of data",
        "
domain:
  cpu: {cores: 2}
  memory: {guest: 2Gi}
  devices: {disks: [{name: root, bootOrder: 1, disk: {bus: scsi}, cache: none, io: native}]}
volumes: [{name: root, dataVolume: {name: fedora-root}}]",
    ),
    (
        "file systems",
        "
domain:
  memory: {guest: 1Gi}
  devices: {filesystems: [{name: shared, virtiofs: {}}, {name: settings, virtiofs: {}}]}
volumes:
- {name: shared, persistentVolumeClaim: {claimName: shared}}
- {name: settings, configMap: {name: settings}}",
    ),
    ("huge pages alone", "domain: {devices: {}, memory: {hugepages: {pageSize: 2Mi}}}"),
    ("limits alone", "domain: {devices: {}, resources: {limits: {memory: 1Gi, cpu: '2'}}}"),
    (
        "huge pages within a limit, and a guest that is no multiple of them",
        "
domain:
  devices: {}
  memory: {guest: 1023Mi, hugepages: {pageSize: 2Mi}}
  resources: {limits: {memory: 1Gi}}",
    ),
    (
        "no interface, and none attached",
        "
domain:
  memory: {guest: 64Mi}
  devices: {autoattachPodInterface: false, autoattachGraphicsDevice: false}",
    ),
    (
        "disks of all kinds",
        "
domain:
  memory: {guest: 1Gi}
  devices:
    disks:
    - {name: plain}
    - {name: whole, lun: {reservation: true}, shareable: true}
    - {name: empty, cdrom: {bus: sata}}
    - {name: serial, disk: {}, serial: CVLY623300HK240D, dedicatedIOThread: true}
volumes:
- {name: plain, emptyDisk: {capacity: 2Gi}}
- {name: whole, persistentVolumeClaim: {claimName: whole}}
- {name: serial, ephemeral: {persistentVolumeClaim: {claimName: golden}}}",
    ),
    (
        "two networks",
        "
domain:
  memory: {guest: 1Gi}
  devices:
    networkInterfaceMultiqueue: true
    interfaces:
    - {name: default, bridge: {}}
    - {name: storage, sriov: {}, macAddress: '02:00:00:00:00:01'}
networks:
- {name: default, pod: {}}
- {name: storage, multus: {networkName: infra/storage}}",
    ),
    (
        "Windows",
        "
domain:
  clock: {utc: {}, timer: {hpet: {present: false}, hyperv: {}, pit: {tickPolicy: delay}}}
  cpu: {sockets: 2, cores: 2, threads: 1, model: host-model}
  features: {acpi: {}, apic: {}, hyperv: {relaxed: {}, vapic: {}}, smm: {}}
  firmware: {uuid: 5d307ca9-b3ef-428c-8861-06e72d69f223, bootloader: {efi: {secureBoot: true}}}
  machine: {type: q35}
  memory: {guest: 4Gi}
  devices:
    tpm: {}
    inputs: [{name: tablet, type: tablet, bus: usb}]
    disks: [{name: root, disk: {bus: sata}}, {name: tools, cdrom: {bus: sata}}]
    interfaces: [{name: default, masquerade: {}, model: e1000e}]
networks: [{name: default, pod: {}}]
volumes:
- {name: root, persistentVolumeClaim: {claimName: windows}}
- {name: tools, containerDisk: {image: 'quay.io/kubevirt/virtio-container-disk'}}",
    ),
    (
        "dedicated CPUs",
        "
domain:
  cpu: {sockets: 1, cores: 2, threads: 2, dedicatedCpuPlacement: true, isolateEmulatorThread: true}
  devices: {}
  resources: {requests: {memory: 1Gi}, limits: {memory: 1Gi}}
evictionStrategy: LiveMigrate
priorityClassName: high
tolerations: [{key: dedicated, operator: Exists}]",
    ),
];

#[test]
fn parity_what_people_write_is_accepted() {
    for (what, text) in ACCEPTED {
        let spec = ferry_api::manifest::read(text).unwrap().remove(0).value;
        make(&spec.into()).unwrap_or_else(|refusal| panic!("{what}: {refusal}"));
    }
}
