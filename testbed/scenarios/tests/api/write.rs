//! create, replace, patch, edit, label, annotate: what changes, what does not, and what is refused.

use anyhow::Result;
use expect_test::expect;

use crate::common::{Cluster, NODE, WEB, field};

#[test]
fn a_created_object_has_what_the_server_gives_it() -> Result<()> {
    let cluster = Cluster::start()?;
    let said = cluster.shell.ok_with("kubectl create -f -", WEB)?;
    assert_eq!(said, "virtualmachine.kubevirt.io/web created\n");
    let uid = field(&cluster.shell, "vm web", "metadata.uid")?;
    assert_eq!(uid.len(), 36, "{uid}");
    assert_eq!(field(&cluster.shell, "vm web", "metadata.generation")?, "1");
    assert_eq!(field(&cluster.shell, "vm web", "metadata.namespace")?, "default");
    let again = cluster.shell.fails_with("kubectl create -f -", WEB)?;
    expect![[r#"
        Error from server (AlreadyExists): error when creating "STDIN": virtualmachines.kubevirt.io "web" already exists
    "#]]
    .assert_eq(&again);
    Ok(())
}

#[test]
fn a_generated_name_is_the_prefix_and_five_letters() -> Result<()> {
    let cluster = Cluster::start()?;
    let manifest = WEB.replace("name: web\n  labels", "generateName: web-\n  labels");
    let names: Result<Vec<_>> =
        (0..3).map(|_| cluster.shell.ok_with("kubectl create -o name -f -", &manifest)).collect();
    for name in names? {
        let suffix =
            name.trim().strip_prefix("virtualmachine.kubevirt.io/web-").unwrap_or_default();
        assert_eq!(suffix.len(), 5, "{name}");
    }
    Ok(())
}

#[test]
fn unknown_fields_are_refused_warned_of_or_dropped_as_the_client_asks() -> Result<()> {
    let cluster = Cluster::start()?;
    let policy = "\
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata: {name: careful}
spec: {allowPostcopy: true, selectors: {}}
";
    let strict = cluster.shell.fails_with("kubectl create -f - --validate=strict", policy)?;
    expect![[r#"
        Error from server (BadRequest): error when creating "STDIN": MigrationPolicy in version "v1alpha1" cannot be handled as a MigrationPolicy: strict decoding error: unknown field "spec.allowPostcopy"
    "#]]
    .assert_eq(&strict);
    let warned = cluster.shell.run_with("kubectl create -f - --validate=warn", policy)?;
    assert_eq!(warned.stderr, "Warning: unknown field \"spec.allowPostcopy\"\n");
    assert_eq!(field(&cluster.shell, "migrationpolicy careful", "spec.allowPostcopy")?, "");
    let ignored = cluster.shell.run_with("kubectl replace -f - --validate=ignore", policy)?;
    assert_eq!((ignored.stderr.as_str(), ignored.code), ("", 0));
    Ok(())
}

#[test]
fn any_machine_of_the_real_system_comes_back_whole() -> Result<()> {
    let cluster = Cluster::start()?;
    let manifest = WEB.replace(
        "devices:\n",
        "features: {acpi: {}, hyperv: {vapic: {}}}\n        firmware: {bootloader: {efi: {secureBoot: false}}}\n        devices:\n          someDayInvented: {depth: [1, {a: b}]}\n",
    );
    cluster.shell.ok_with("kubectl create -f - --validate=strict", &manifest)?;
    let domain = "spec.template.spec.domain";
    let invented = field(&cluster.shell, "vm web", &format!("{domain}.devices.someDayInvented"))?;
    assert_eq!(invented, r#"{"depth":[1,{"a":"b"}]}"#);
    let boot =
        field(&cluster.shell, "vm web", &format!("{domain}.firmware.bootloader.efi.secureBoot"))?;
    assert_eq!(boot, "false");
    Ok(())
}

#[test]
fn patches_of_each_type_change_what_they_say() -> Result<()> {
    let cluster = Cluster::with(&[WEB, NODE])?;
    for (command, object, path, value) in [
        (
            r#"kubectl patch vm web --type=merge -p '{"spec":{"runStrategy":"Halted"}}'"#,
            "vm web",
            "spec.runStrategy",
            "Halted",
        ),
        (
            r#"kubectl patch vm web --type=json -p '[{"op":"replace","path":"/spec/runStrategy","value":"Manual"}]'"#,
            "vm web",
            "spec.runStrategy",
            "Manual",
        ),
        (
            r#"kubectl patch vm web --type=merge -p '{"metadata":{"labels":{"tier":null}}}'"#,
            "vm web",
            "metadata.labels",
            r#"{"app":"shop"}"#,
        ),
        (
            r#"kubectl patch node node-1 -p '{"metadata":{"labels":{"zone":"a"}},"spec":{"unschedulable":true}}'"#,
            "node node-1",
            "spec.unschedulable",
            "true",
        ),
        (
            r#"kubectl patch node node-1 --subresource=status -p '{"status":{"conditions":[{"type":"MemoryPressure","status":"False"}]}}'"#,
            "node node-1",
            "status.conditions[*].type",
            "MemoryPressure Ready",
        ),
    ] {
        cluster.ok(command)?;
        assert_eq!(field(&cluster.shell, object, path)?, value, "{command}");
    }
    let strategic = cluster.fails(r#"kubectl patch vm web -p '{"spec":{"running":null}}'"#)?;
    expect![[r#"
        error: application/strategic-merge-patch+json is not supported by kubevirt.io/v1, Kind=VirtualMachine: the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml
    "#]].assert_eq(&strategic);
    let test = r#"kubectl patch vm web --type=json -p '[{"op":"test","path":"/spec/runStrategy","value":"Always"}]'"#;
    expect![[r#"
        The request is invalid: the server rejected our request due to an error in our request
    "#]]
    .assert_eq(&cluster.fails(test)?);
    Ok(())
}

#[test]
fn generation_counts_changes_of_the_spec_and_nothing_else() -> Result<()> {
    let cluster = Cluster::with(&[WEB])?;
    for (command, generation) in [
        ("kubectl label vm web new=label", "1"),
        ("kubectl annotate vm web some=thing", "1"),
        (r#"kubectl patch vm web --type=merge -p '{"spec":{"runStrategy":"Halted"}}'"#, "2"),
        (r#"kubectl patch vm web --type=merge -p '{"spec":{"runStrategy":"Halted"}}'"#, "2"),
        (r#"kubectl patch vm web --type=merge -p '{"status":{"created":true}}'"#, "2"),
        (
            r#"kubectl patch vm web --subresource=status --type=merge -p '{"status":{"created":true},"spec":{"runStrategy":"Always"}}'"#,
            "2",
        ),
    ] {
        cluster.ok(command)?;
        assert_eq!(
            field(&cluster.shell, "vm web", "metadata.generation")?,
            generation,
            "{command}"
        );
    }
    assert_eq!(field(&cluster.shell, "vm web", "status.created")?, "true");
    assert_eq!(field(&cluster.shell, "vm web", "spec.runStrategy")?, "Halted");
    Ok(())
}

#[test]
fn replace_wants_the_version_that_it_replaces() -> Result<()> {
    let cluster = Cluster::with(&[WEB])?;
    cluster.ok("kubectl get vm web -o yaml > old.yaml; kubectl label vm web changed=meanwhile")?;
    let stale = cluster.fails("kubectl replace -f old.yaml")?;
    expect![[r#"
        Error from server (Conflict): error when replacing "old.yaml": Operation cannot be fulfilled on virtualmachines.kubevirt.io "web": the object has been modified; please apply your changes to the latest version and try again
    "#]].assert_eq(&stale);
    cluster.ok("kubectl get vm web -o yaml | sed 's/Always/Halted/' | kubectl replace -f -")?;
    assert_eq!(field(&cluster.shell, "vm web", "spec.runStrategy")?, "Halted");
    let uid = field(&cluster.shell, "vm web", "metadata.uid")?;
    cluster.shell.ok_with("kubectl replace --force -f -", WEB)?;
    assert_ne!(field(&cluster.shell, "vm web", "metadata.uid")?, uid);
    Ok(())
}

#[test]
fn an_editor_changes_an_object() -> Result<()> {
    let cluster = Cluster::with(&[WEB])?;
    let said = cluster.ok("KUBE_EDITOR=\"sed -i s/1Gi/2Gi/\" kubectl edit vm web")?;
    assert_eq!(said, "virtualmachine.kubevirt.io/web edited\n");
    let guest = field(&cluster.shell, "vm web", "spec.template.spec.domain.memory.guest")?;
    assert_eq!(guest, "2Gi");
    let said = cluster.shell.run("KUBE_EDITOR=true kubectl edit vm web")?;
    assert!(said.stderr.contains("Edit cancelled, no changes made."), "{said:?}");
    Ok(())
}

#[test]
fn a_dry_run_answers_as_if_and_does_nothing() -> Result<()> {
    let cluster = Cluster::with(&[WEB])?;
    let other = WEB.replace("name: web\n  labels", "name: other\n  labels");
    let created = cluster.shell.ok_with("kubectl create --dry-run=server -o json -f -", &other)?;
    assert!(created.contains("\"uid\""), "{created}");
    assert!(!created.contains("resourceVersion"), "{created}");
    cluster.fails("kubectl get vm other")?;
    cluster.ok("kubectl label vm web --dry-run=server dry=run")?;
    cluster.ok("kubectl delete vm web --dry-run=server")?;
    assert_eq!(field(&cluster.shell, "vm web", "metadata.labels.dry")?, "");
    let twice = cluster.shell.fails_with("kubectl create --dry-run=server -f -", WEB)?;
    assert!(twice.contains("AlreadyExists"), "{twice}");
    Ok(())
}

#[test]
fn an_object_that_cannot_be_is_refused_with_every_field() -> Result<()> {
    let cluster = Cluster::start()?;
    let policy = "\
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata: {name: careful}
spec:
  allowPostCopy: 'yes'
  completionTimeoutPerGiB: soon
  selectors:
    virtualMachineInstanceSelector: {size: 3}
";
    let refused = cluster.shell.fails_with("kubectl create -f - --validate=false", policy)?;
    for field in [
        "spec.allowPostCopy",
        "spec.completionTimeoutPerGiB",
        "spec.selectors.virtualMachineInstanceSelector[size]",
        "The MigrationPolicy \"careful\" is invalid",
    ] {
        assert!(refused.contains(field), "{field} in {refused}");
    }
    Ok(())
}

#[test]
fn every_kind_of_small_object_can_be_created_by_its_own_command() -> Result<()> {
    let cluster = Cluster::start()?;
    cluster.ok("\
kubectl create namespace team
kubectl create configmap settings --from-literal=a=b -n team
kubectl create secret generic key --from-literal=password=hunter2 -n team
kubectl create serviceaccount robot -n team
kubectl create role reader --verb=get,list --resource=virtualmachines.kubevirt.io -n team
kubectl create rolebinding robots --role=reader --serviceaccount=team:robot -n team
kubectl create clusterrole looker --verb=get --resource=nodes
kubectl create clusterrolebinding lookers --clusterrole=looker --user=alice
kubectl create service clusterip front --tcp=80:8080 -n team")?;
    assert_eq!(field(&cluster.shell, "cm settings -n team", "data.a")?, "b");
    assert_eq!(field(&cluster.shell, "secret key -n team", "data.password")?, "aHVudGVyMg==");
    assert_eq!(field(&cluster.shell, "ns team", "status.phase")?, "Active");
    let token = cluster.ok("kubectl create token robot -n team")?;
    assert_eq!(token.trim().split('.').count(), 3, "a JSON web token: {token}");
    Ok(())
}
