"""Kubernetes' own Python client against the API server whose kubeconfig is given: typed objects of
built-in kinds, custom objects, patches, lists, a watch, an eviction, and the dynamic client."""

import sys

from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException

config.load_kube_config(sys.argv[1])
core = client.CoreV1Api()
custom = client.CustomObjectsApi()
machines = ("kubevirt.io", "v1", "default", "virtualmachines")


def machine(name):
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": name, "labels": {"app": "shop"}},
        "spec": {"runStrategy": "Halted", "template": {"spec": {"domain": {"devices": {}}}}},
    }


def said(what):
    print(what, flush=True)


said(client.VersionApi().get_code().major)

core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name="snake")))
core.create_namespaced_config_map("snake", client.V1ConfigMap(
    metadata=client.V1ObjectMeta(name="settings"), data={"a": "b"}))
core.patch_namespaced_config_map("settings", "snake", {"data": {"c": "d"}})
said(sorted(core.read_namespaced_config_map("settings", "snake").data))
core.patch_namespaced_config_map("settings", "snake", [
    {"op": "replace", "path": "/data/a", "value": "z"}])
said(core.list_namespaced_config_map("snake", label_selector="!none").items[0].data["a"])

core.create_node(client.V1Node(metadata=client.V1ObjectMeta(name="node-1")))
core.patch_node("node-1", {"spec": {"unschedulable": True}})
said(core.list_node().items[0].spec.unschedulable)
core.create_namespaced_pod("snake", client.V1Pod(
    metadata=client.V1ObjectMeta(name="plain"),
    spec=client.V1PodSpec(containers=[client.V1Container(name="a", image="x")])))
core.create_namespaced_pod_eviction("plain", "snake", client.V1Eviction(
    metadata=client.V1ObjectMeta(name="plain")))
said([pod.metadata.name for pod in core.list_namespaced_pod("snake").items])

created = custom.create_namespaced_custom_object(*machines, machine("one"))
start = created["metadata"]["resourceVersion"]
custom.create_namespaced_custom_object(*machines, machine("two"))
custom.patch_namespaced_custom_object(*machines, "one", {"spec": {"runStrategy": "Always"}})
custom.delete_namespaced_custom_object(*machines, "two")
for event in watch.Watch().stream(custom.list_namespaced_custom_object, *machines,
                                  resource_version=start, timeout_seconds=1):
    said((event["type"], event["object"]["metadata"]["name"], event["object"]["spec"]["runStrategy"]))

listed = custom.list_namespaced_custom_object(*machines, label_selector="app=shop")
said((listed["kind"], len(listed["items"])))
try:
    custom.create_namespaced_custom_object(*machines, machine("one"))
except ApiException as refused:
    said((refused.status, refused.reason))
try:
    custom.get_namespaced_custom_object(*machines, "nothing")
except ApiException as refused:
    said(refused.status)

typed = dynamic.DynamicClient(client.ApiClient())
found = typed.resources.get(api_version="kubevirt.io/v1", kind="VirtualMachine")
said(found.get(name="one", namespace="default").spec.runStrategy)

review = client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(
    resource_attributes=client.V1ResourceAttributes(verb="create", resource="pods", namespace="snake")))
said(client.AuthorizationV1Api().create_self_subject_access_review(review).status.allowed)
core.create_namespaced_event("snake", client.CoreV1Event(
    metadata=client.V1ObjectMeta(name="happened"), reason="Because", message="it did", type="Normal",
    involved_object=client.V1ObjectReference(kind="ConfigMap", name="settings", namespace="snake")))
said(client.EventsV1Api().list_namespaced_event("snake").items[0].note)
core.delete_namespace("snake")
