//! `ferry-apiserver kubeconfig` and `ferry-apiserver certificates`: credentials for whoever is named.

use std::io::{self, Write};

use anyhow::{Context, bail};
use ferry_runtime::{Clock, entropy};

use super::data_dir::{existing_pki, last_url};
use crate::access::{Holder, Tokens};
use crate::cli::{CertificatesArguments, KubeconfigArguments};
use crate::http::wall_time;
use crate::kubeconfig::{Kubeconfig, Login};
use crate::tls::{Authority, NodeIdentity};

/// What the name of a service account's user begins with.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

/// Makes a kubeconfig and writes it where it is wanted.
pub(crate) fn kubeconfig(arguments: &KubeconfigArguments, clock: Clock) -> anyhow::Result<()> {
    let dir = &arguments.data_dir;
    let pki = existing_pki(dir)?;
    let server = match &arguments.server {
        Some(server) => server.clone(),
        None => last_url(dir)?.with_context(|| {
            format!("the server in {} has not listened yet; give --server", dir.display())
        })?,
    };
    let authority = Authority::open(&pki, wall_time(clock))?;
    let login = login(arguments, &authority, &pki, clock)?;
    let (user, authority) = (&arguments.user, authority.pem());
    let kubeconfig = Kubeconfig { server: &server, authority, user, login: &login };
    if let Some(path) = &arguments.output {
        return kubeconfig.write(path).map_err(Into::into);
    }
    let text = kubeconfig.to_yaml();
    io::stdout().write_all(text.as_bytes()).context("cannot print the kubeconfig")
}

/// Makes a node's certificates and writes them where they are wanted.
pub(crate) fn certificates(arguments: &CertificatesArguments, clock: Clock) -> anyhow::Result<()> {
    let CertificatesArguments { data_dir, node, addresses, lifetime, output } = arguments;
    let now = wall_time(clock);
    let authority = Authority::open(&existing_pki(data_dir)?, now)?;
    let identity = NodeIdentity::issue(&authority, node, addresses, *lifetime, now)?;
    identity.write(output).map_err(Into::into)
}

fn login(
    arguments: &KubeconfigArguments,
    authority: &Authority,
    pki: &std::path::Path,
    clock: Clock,
) -> anyhow::Result<Login> {
    let KubeconfigArguments { user, groups, lifetime, .. } = arguments;
    let now = wall_time(clock);
    if !arguments.token {
        let credentials = authority.issue_client(user, groups, *lifetime, now)?;
        return Ok(Login::Certificate(credentials));
    }
    if user.is_empty() {
        bail!("a user has a name: give one with --user");
    }
    if user.starts_with(SERVICE_ACCOUNT) {
        bail!("tokens of service accounts end with the account: use kubectl create token");
    }
    let tokens = Tokens::open(pki, entropy::bytes)?;
    let holder = Holder::User { name: user.clone(), groups: groups.clone() };
    let issued = tokens.issue(&holder, &[], *lifetime, now, entropy::bytes());
    Ok(Login::Token(issued.token))
}
