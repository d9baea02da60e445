//! Kubeconfigs: all that `kubectl` needs to reach the server as somebody.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use crate::files::{self, FileError};
use crate::secret::Secret;
use crate::tls::Credentials;

/// What the cluster and the context are called in a kubeconfig.
const CLUSTER: &str = "ferry";

/// By what a kubeconfig makes somebody known.
#[derive(Clone, Debug)]
pub enum Login {
    /// A certificate.
    Certificate(Credentials),
    /// A token.
    Token(Secret),
}

/// A kubeconfig with one cluster, one user and one context.
#[derive(Clone, Copy, Debug)]
pub struct Kubeconfig<'a> {
    /// Where the server is: `https://127.0.0.1:6443`.
    pub server: &'a str,
    /// The certificate of the authority, in PEM.
    pub authority: &'a str,
    /// What the user is called in it.
    pub user: &'a str,
    /// By what the user is known.
    pub login: &'a Login,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Config<'a> {
    #[serde(rename = "apiVersion")]
    api_version: &'a str,
    kind: &'a str,
    clusters: [NamedCluster<'a>; 1],
    users: [NamedUser<'a>; 1],
    contexts: [NamedContext<'a>; 1],
    current_context: &'a str,
    preferences: Nothing,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct NamedCluster<'a> {
    name: &'a str,
    cluster: Cluster<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster<'a> {
    server: &'a str,
    certificate_authority_data: String,
}

#[derive(Serialize)]
struct NamedUser<'a> {
    name: &'a str,
    user: User<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum User<'a> {
    #[serde(rename_all = "kebab-case")]
    Certificate {
        client_certificate_data: String,
        client_key_data: String,
    },
    Token {
        token: &'a str,
    },
}

#[derive(Serialize)]
struct NamedContext<'a> {
    name: &'a str,
    context: Context<'a>,
}

#[derive(Serialize)]
struct Context<'a> {
    cluster: &'a str,
    user: &'a str,
}

impl Kubeconfig<'_> {
    /// Its text.
    pub fn to_yaml(&self) -> String {
        let user = match self.login {
            Login::Certificate(credentials) => User::Certificate {
                client_certificate_data: BASE64_STANDARD.encode(&credentials.certificate),
                client_key_data: BASE64_STANDARD.encode(credentials.key.expose()),
            },
            Login::Token(token) => User::Token { token: token.expose() },
        };
        let config = Config {
            api_version: "v1",
            kind: "Config",
            clusters: [NamedCluster {
                name: CLUSTER,
                cluster: Cluster {
                    server: self.server,
                    certificate_authority_data: BASE64_STANDARD.encode(self.authority),
                },
            }],
            users: [NamedUser { name: self.user, user }],
            contexts: [NamedContext {
                name: CLUSTER,
                context: Context { cluster: CLUSTER, user: self.user },
            }],
            current_context: CLUSTER,
            preferences: Nothing {},
        };
        serde_saphyr::to_string(&config).expect("texts can be written as YAML")
    }

    /// Writes it, for its owner only and all at once.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        files::write_private(path, self.to_yaml().as_bytes())
    }
}

/// Where clients on this machine find a server that listens at `address`.
pub fn server_url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("https://{}", SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn yaml(user: &str, login: &Login) -> String {
        let server = "https://127.0.0.1:6443";
        Kubeconfig { server, authority: "ca\n", user, login }.to_yaml()
    }

    #[test]
    fn a_kubeconfig_carries_everything_in_itself() {
        let credentials =
            Credentials { certificate: "cert\n".to_owned(), key: Secret::new("key\n") };
        expect![[r#"
            apiVersion: v1
            kind: Config
            clusters:
            - name: ferry
              cluster:
                server: https://127.0.0.1:6443
                certificate-authority-data: Y2EK
            users:
            - name: ferry-admin
              user:
                client-certificate-data: Y2VydAo=
                client-key-data: a2V5Cg==
            contexts:
            - name: ferry
              context:
                cluster: ferry
                user: ferry-admin
            current-context: ferry
            preferences: {}
        "#]]
        .assert_eq(&yaml("ferry-admin", &Login::Certificate(credentials)));
        expect![[r#"
            apiVersion: v1
            kind: Config
            clusters:
            - name: ferry
              cluster:
                server: https://127.0.0.1:6443
                certificate-authority-data: Y2EK
            users:
            - name: "true: #x"
              user:
                token: to.k.en
            contexts:
            - name: ferry
              context:
                cluster: ferry
                user: "true: #x"
            current-context: ferry
            preferences: {}
        "#]]
        .assert_eq(&yaml("true: #x", &Login::Token(Secret::new("to.k.en"))));
    }

    #[test]
    fn kube_reads_what_is_written_and_its_names_are_what_they_were() {
        for user in ["system:node:node-1", "no", "a: b", "\"", "-", "1e3", "ü"] {
            let text = yaml(user, &Login::Token(Secret::new("to.k.en")));
            let config = kube::config::Kubeconfig::from_yaml(&text).unwrap();
            assert_eq!(config.current_context.as_deref(), Some("ferry"));
            assert_eq!(config.auth_infos[0].name, user);
            let context = config.contexts[0].context.as_ref().unwrap();
            assert_eq!(context.user.as_deref(), Some(user));
        }
    }

    #[test]
    fn the_address_is_one_that_clients_can_reach() {
        for (address, url) in [
            ("127.0.0.1:6443", "https://127.0.0.1:6443"),
            ("0.0.0.0:6443", "https://127.0.0.1:6443"),
            ("[::]:6443", "https://[::1]:6443"),
            ("192.0.2.7:443", "https://192.0.2.7:443"),
        ] {
            assert_eq!(server_url(address.parse().unwrap()), url);
        }
    }
}
