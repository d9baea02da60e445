//! What all of ferry's own kinds share: how an object is written, and what it keeps.
//!
//! A kind is a struct with `metadata`, a `spec` and mostly a `status`; its `apiVersion` and `kind`
//! are constants of the type. The macro below gives such a struct everything that `kube` and
//! `k8s-openapi` ask for, so that `kube::Api<VirtualMachineInstanceMigration>` works as for any
//! built-in kind.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An object's labels, by key.
pub type Labels = BTreeMap<String, String>;

/// Fields that were written and that this crate does not model. They are kept as they are and
/// written back where they were.
///
/// Each open part of the object model ends in one. Where the model is complete (the settings of
/// migrations), such a field is still kept, and [`crate::Schema::check`] reports it by name.
pub type Unmodelled = BTreeMap<String, Value>;

/// A field whose `null` means "not written", as everywhere in Kubernetes.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A document whose `apiVersion` or `kind` belong to another type.
pub(crate) fn wrong_type(
    expected: (&str, &str),
    api_version: Option<&str>,
    kind: Option<&str>,
) -> String {
    format!(
        "expected a {} of {}, found a {} of {}",
        expected.1,
        expected.0,
        kind.unwrap_or(expected.1),
        api_version.unwrap_or(expected.0),
    )
}

/// Defines a kind: `kubernetes_object!(doc, Name, group, version, plural, scope, Spec, Status?)`.
///
/// An object that names another `apiVersion` or `kind` does not deserialize; one that names none
/// (an item of a list) does.
macro_rules! kubernetes_object {
    (
        $(#[$doc:meta])*
        $name:ident in $group:literal, $version:literal, $plural:literal, $scope:ident
        $(, also served as $older:literal)?;
        $(#[serde $serde:tt])?
        $(#[schemars $schemars:tt])?
        spec: $spec:ty
        $(; status: $status:ty)?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, ::schemars::JsonSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            /// Name, labels and the other metadata of every Kubernetes object.
            pub metadata: ::k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
            /// What is wanted.
            $(#[serde $serde])?
            $(#[schemars $schemars])?
            pub spec: $spec,
            $(
                /// What is.
                pub status: Option<$status>,
            )?
        }

        impl ::k8s_openapi::Resource for $name {
            const API_VERSION: &'static str = concat!($group, "/", $version);
            const GROUP: &'static str = $group;
            const KIND: &'static str = stringify!($name);
            const VERSION: &'static str = $version;
            const URL_PATH_SEGMENT: &'static str = $plural;
            type Scope = ::k8s_openapi::$scope;
        }

        impl ::k8s_openapi::Metadata for $name {
            type Ty = ::k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

            fn metadata(&self) -> &Self::Ty {
                &self.metadata
            }

            fn metadata_mut(&mut self) -> &mut Self::Ty {
                &mut self.metadata
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                #[derive(::serde::Serialize)]
                #[serde(rename_all = "camelCase")]
                struct Wire<'a> {
                    api_version: &'static str,
                    kind: &'static str,
                    metadata: &'a ::k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
                    spec: &'a $spec,
                    $(
                        #[serde(skip_serializing_if = "Option::is_none")]
                        status: &'a Option<$status>,
                    )?
                }
                let wire = Wire {
                    api_version: <Self as ::k8s_openapi::Resource>::API_VERSION,
                    kind: <Self as ::k8s_openapi::Resource>::KIND,
                    metadata: &self.metadata,
                    spec: &self.spec,
                    $( status: &self.status as &Option<$status>, )?
                };
                ::serde::Serialize::serialize(&wire, serializer)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                #[derive(::serde::Deserialize)]
                #[serde(rename_all = "camelCase")]
                struct Wire {
                    api_version: Option<String>,
                    kind: Option<String>,
                    #[serde(default, deserialize_with = "crate::object::null_as_default")]
                    metadata: ::k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
                    $(#[serde $serde])?
                    spec: $spec,
                    $( status: Option<$status>, )?
                }
                let wire = <Wire as ::serde::Deserialize>::deserialize(deserializer)?;
                let kind = <Self as ::k8s_openapi::Resource>::KIND;
                let api_version = <Self as ::k8s_openapi::Resource>::API_VERSION;
                let right_version = wire.api_version.as_deref().is_none_or(|found| {
                    found == api_version $(|| found == concat!($group, "/", $older))?
                });
                if !right_version || wire.kind.as_deref().is_some_and(|found| found != kind) {
                    return Err(::serde::de::Error::custom($crate::object::wrong_type(
                        (api_version, kind),
                        wire.api_version.as_deref(),
                        wire.kind.as_deref(),
                    )));
                }
                Ok(Self {
                    metadata: wire.metadata,
                    spec: wire.spec,
                    $( status: wire.status as Option<$status>, )?
                })
            }
        }
    };
}

pub(crate) use kubernetes_object;
