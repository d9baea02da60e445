//! Where each setting comes from.

use crate::common::policy_with;
use expect_test::{Expect, expect};
use ferry_api::FieldPath;
use ferry_api::kubevirt::MigrationConfiguration;
use ferry_config::{
    Bandwidth, OnTimeout, Permission, ProgressTimeout, Semantics, Tls, TransferSize,
};
use ferry_policy::EffectiveConfiguration;
use ferry_units::{Bytes, BytesPerSecond};
use serde_json::{Value, json};

fn cluster(written: Value) -> EffectiveConfiguration {
    let written: MigrationConfiguration = serde_json::from_value(written).unwrap();
    EffectiveConfiguration::of_cluster(&written, &FieldPath::root()).unwrap()
}

/// `key value origin` for each setting that is not a default.
fn changed(configuration: &EffectiveConfiguration) -> String {
    let wire = serde_json::to_value(configuration.to_wire()).unwrap();
    let lines: Vec<_> = configuration
        .origins()
        .into_iter()
        .filter(|(_, origin)| **origin != ferry_policy::Origin::Default)
        .map(|(key, origin)| format!("{key} {} {origin}\n", wire[key]))
        .collect();
    lines.concat()
}

#[test]
fn parity_nothing_configured_gives_the_defaults_of_kubevirt() {
    let configuration = EffectiveConfiguration::default();
    assert_eq!(
        serde_json::to_value(configuration.to_wire()).unwrap(),
        json!({
            "allowAutoConverge": false,
            "allowPostCopy": false,
            "allowWorkloadDisruption": false,
            "bandwidthPerMigration": "0",
            "completionTimeoutPerGiB": 150,
            "nodeDrainTaintKey": "kubevirt.io/drain",
            "parallelMigrationsPerCluster": 5,
            "parallelOutboundMigrationsPerNode": 2,
            "progressTimeout": 150,
            "unsafeMigrationOverride": false,
            "utilityVolumesTimeout": 150,
        })
    );
    assert_eq!(changed(&configuration), "");
    let settings = configuration.settings();
    assert_eq!(settings, ferry_config::MigrationSettings::default());
    assert_eq!(configuration.limits(), ferry_config::ClusterLimits::default());
}

#[test]
fn every_setting_of_the_cluster_arrives() {
    let written = json!({
        "allowAutoConverge": true,
        "allowPostCopy": true,
        "allowWorkloadDisruption": false,
        "bandwidthPerMigration": "64Mi",
        "completionTimeoutPerGiB": 800,
        "disableTLS": true,
        "matchSELinuxLevelOnMigration": false,
        "maxDowntimeMs": 300,
        "network": "migration-net",
        "nodeDrainTaintKey": "example.com/leave",
        "parallelMigrationsPerCluster": 9,
        "parallelOutboundMigrationsPerNode": 3,
        "progressTimeout": 20,
        "unsafeMigrationOverride": true,
        "utilityVolumesTimeout": 30,
    });
    let configuration = cluster(written.clone());
    assert_eq!(serde_json::to_value(configuration.to_wire()).unwrap(), written);
    assert!(configuration.origins().values().all(|origin| origin.to_string() == "cluster"));
    assert_eq!(configuration.origins().len(), 15);
    let settings = configuration.settings();
    assert_eq!(settings.bandwidth, Bandwidth::AtMost(BytesPerSecond::from_mib(64)));
    assert_eq!(settings.progress_timeout, ProgressTimeout::After(20));
    assert_eq!(settings.max_downtime.map(ferry_units::Downtime::millis), Some(300));
    assert_eq!(settings.network.as_deref(), Some("migration-net"));
    assert_eq!(settings.tls, Tls::Disabled);
    assert_eq!(settings.unsafe_override, Permission::Allowed);
    assert_eq!(settings.auto_converge, Permission::Allowed);
}

#[test]
fn an_explicit_zero_or_false_is_kept() {
    let configuration = cluster(json!({
        "bandwidthPerMigration": 0,
        "completionTimeoutPerGiB": 0,
        "parallelMigrationsPerCluster": 0,
        "progressTimeout": 0,
        "disableTLS": false,
    }));
    expect![[r#"
        bandwidthPerMigration "0" cluster
        completionTimeoutPerGiB 0 cluster
        disableTLS false cluster
        parallelMigrationsPerCluster 0 cluster
        progressTimeout 0 cluster
    "#]]
    .assert_eq(&changed(&configuration));
    let settings = configuration.settings();
    assert_eq!(settings.bandwidth, Bandwidth::Unlimited);
    assert_eq!(settings.progress_timeout, ProgressTimeout::Disabled);
    let size = TransferSize { memory: Bytes::from_gib(6), disks: Bytes::ZERO };
    for semantics in Semantics::ALL {
        assert_eq!(settings.completion_timeout(size, semantics).to_string(), "never");
    }
}

#[track_caller]
fn merged(cluster_setting: Value, policy_setting: Value, expected: Expect) {
    let policy = policy_with("p", "a", "", policy_setting);
    expected.assert_eq(&changed(&cluster(cluster_setting).with_policy(&policy)));
}

#[test]
fn a_policy_replaces_only_what_it_sets() {
    merged(
        json!({ "bandwidthPerMigration": "64Mi", "progressTimeout": 10, "allowPostCopy": true }),
        json!({ "bandwidthPerMigration": "1Gi", "completionTimeoutPerGiB": 20 }),
        expect![[r#"
            allowPostCopy true cluster
            allowWorkloadDisruption true cluster
            bandwidthPerMigration "1Gi" policy/p
            completionTimeoutPerGiB 20 policy/p
            progressTimeout 10 cluster
        "#]],
    );
}

#[test]
fn a_policy_can_set_all_six_of_its_settings() {
    merged(
        json!({}),
        json!({
            "allowAutoConverge": true,
            "allowPostCopy": false,
            "allowWorkloadDisruption": true,
            "bandwidthPerMigration": 0,
            "completionTimeoutPerGiB": 0,
            "maxDowntimeMs": 1,
        }),
        expect![[r#"
            allowAutoConverge true policy/p
            allowPostCopy false policy/p
            allowWorkloadDisruption true policy/p
            bandwidthPerMigration "0" policy/p
            completionTimeoutPerGiB 0 policy/p
            maxDowntimeMs 1 policy/p
        "#]],
    );
}

/// Rows: what the cluster and the policy say of post-copy and disruption, and what comes of it.
#[test]
fn parity_allow_post_copy_pulls_allow_workload_disruption_with_it() {
    let rows = [
        (
            "the cluster's post-copy",
            json!({ "allowPostCopy": true }),
            json!({}),
            OnTimeout::PostCopy,
        ),
        (
            "the cluster forbids disruption in so many words",
            json!({ "allowPostCopy": true, "allowWorkloadDisruption": false }),
            json!({}),
            OnTimeout::Abort,
        ),
        (
            "disruption without post-copy",
            json!({ "allowWorkloadDisruption": true }),
            json!({}),
            OnTimeout::Pause,
        ),
        (
            "the policy's post-copy",
            json!({}),
            json!({ "allowPostCopy": true }),
            OnTimeout::PostCopy,
        ),
        (
            "the policy's post-copy brings disruption where the cluster forbade it",
            json!({ "allowWorkloadDisruption": false }),
            json!({ "allowPostCopy": true }),
            OnTimeout::PostCopy,
        ),
        (
            "the policy's refusal of post-copy also takes disruption away",
            json!({ "allowWorkloadDisruption": true }),
            json!({ "allowPostCopy": false }),
            OnTimeout::Abort,
        ),
        (
            "the policy's own word on disruption stands",
            json!({}),
            json!({ "allowPostCopy": true, "allowWorkloadDisruption": false }),
            OnTimeout::Abort,
        ),
        (
            "disruption alone does not bring post-copy",
            json!({}),
            json!({ "allowWorkloadDisruption": true }),
            OnTimeout::Pause,
        ),
        (
            "the policy's disruption joins the cluster's post-copy",
            json!({ "allowPostCopy": true, "allowWorkloadDisruption": false }),
            json!({ "allowWorkloadDisruption": true }),
            OnTimeout::PostCopy,
        ),
    ];
    for (row, cluster_setting, policy_setting, expected) in rows {
        let policy = policy_with("p", "a", "", policy_setting);
        let settings = cluster(cluster_setting).with_policy(&policy).settings();
        assert_eq!(settings.on_timeout(), expected, "{row}");
    }
}

/// Rows: what is written, its canonical form, and what the hypervisor is given in MiB/s.
#[test]
fn parity_bandwidth_is_kept_canonical_and_given_in_whole_mib() {
    for (written, canonical, mib) in [
        (json!("2048Mi"), "2Gi", Some(2048)),
        (json!("1024Ki"), "1Mi", Some(1)),
        (json!("0Mi"), "0", None),
        (json!("0.5Gi"), "512Mi", Some(512)),
        (json!("1.5Mi"), "1536Ki", Some(2)),
        (json!("1.4Mi"), "1468006400m", Some(1)),
        (json!("217Ki"), "217Ki", Some(1)),
        (json!("2500Ki"), "2500Ki", Some(2)),
        (json!("64M"), "64M", Some(61)),
        (json!("1000M"), "1G", Some(954)),
        (json!("100m"), "100m", None),
        (json!("1500m"), "1500m", Some(1)),
        (json!(64), "64", Some(1)),
        (json!(67_108_864), "67108864", Some(64)),
    ] {
        let configuration = cluster(json!({ "bandwidthPerMigration": written }));
        let setting = configuration.bandwidth_per_migration.value;
        assert_eq!(setting.quantity().to_string(), canonical);
        let expected = mib
            .map_or(Bandwidth::Unlimited, |mib| Bandwidth::AtMost(BytesPerSecond::from_mib(mib)));
        assert_eq!(setting.limit(), expected, "{canonical}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_its_field() {
    let errors = |written: Value| {
        let written: MigrationConfiguration = serde_json::from_value(written).unwrap();
        let path = FieldPath::of("spec.configuration.migrations");
        let errors = EffectiveConfiguration::of_cluster(&written, &path).unwrap_err();
        errors.iter().map(|error| format!("{error}\n")).collect::<String>()
    };
    expect![[r#"
        spec.configuration.migrations.bandwidthPerMigration: Invalid value: "20E": 20E is too large: it does not fit 64 bits
        spec.configuration.migrations.maxDowntimeMs: Invalid value: 0: a downtime of 0 ms is outside 1 to 2000000 ms
    "#]]
    .assert_eq(&errors(json!({ "bandwidthPerMigration": "20E", "maxDowntimeMs": 0 })));
}

#[test]
fn parity_a_policy_may_not_be_negative_and_the_cluster_may() {
    let parse = |settings: Value| {
        let mut spec = settings;
        spec["selectors"] = json!({});
        let policy =
            serde_json::from_value(json!({ "metadata": { "name": "p" }, "spec": spec })).unwrap();
        let errors = ferry_policy::Policy::parse(&policy).unwrap_err();
        errors.iter().map(|error| format!("{error}\n")).collect::<String>()
    };
    expect![[r#"
        spec.completionTimeoutPerGiB: Invalid value: -1: must not be negative
        spec.bandwidthPerMigration: Invalid value: "-100m": must not be negative
    "#]]
    .assert_eq(&parse(json!({ "completionTimeoutPerGiB": -1, "bandwidthPerMigration": "-100m" })));

    let settings =
        cluster(json!({ "completionTimeoutPerGiB": -1, "progressTimeout": -1 })).settings();
    assert_eq!(settings.progress_timeout, ProgressTimeout::After(-1));
    assert_eq!(settings.completion_timeout_per_gib.get(), -1);
    for written in ["-1Mi", "-100m", "-20E"] {
        let configuration = cluster(json!({ "bandwidthPerMigration": written }));
        let setting = configuration.bandwidth_per_migration.value;
        assert_eq!(
            (setting.quantity().to_string().as_str(), setting.limit()),
            (written, Bandwidth::BelowZero)
        );
        assert_eq!(configuration.settings().bandwidth, Bandwidth::BelowZero);
    }
}
