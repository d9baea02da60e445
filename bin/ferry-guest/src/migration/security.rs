//! How connections of a migration are protected: what `tls-creds` and its companions say.

use std::path::Path;
use std::sync::Arc;

use ferry_qmp::WireError;
use ferry_qmp::words::{TlsCredsX509Properties, TlsEndpoint};
use ferry_runtime::identity::{Identity, Role, VerifyPeer};

use super::config::Config;
use crate::guest::Credentials;
use crate::link::{ClientSecurity, ServerSecurity};

/// Who a source is, and whom it expects at `host`.
pub(super) fn client(
    config: &Config,
    credentials: &Credentials,
    host: &str,
) -> Result<ClientSecurity, WireError> {
    let parameters = &config.parameters;
    if !parameters.uses_tls() {
        return Ok(ClientSecurity::Plain);
    }
    let identity = identity(credentials, &parameters.tls_creds, Role::Client)?;
    let host = if parameters.tls_hostname.is_empty() { host } else { &parameters.tls_hostname };
    let config = identity.client().ok_or_else(|| wrong_side(&parameters.tls_creds))?;
    ClientSecurity::tls(Arc::clone(config), host)
        .map_err(|error| WireError::generic(error.to_string()))
}

/// Who a destination is, and whose word it takes for its peers.
pub(super) fn server(
    config: &Config,
    credentials: &Credentials,
) -> Result<ServerSecurity, WireError> {
    let parameters = &config.parameters;
    if !parameters.uses_tls() {
        return Ok(ServerSecurity::Plain);
    }
    let identity = identity(credentials, &parameters.tls_creds, Role::Server)?;
    let config = identity.server().ok_or_else(|| wrong_side(&parameters.tls_creds))?;
    Ok(ServerSecurity::Tls(Arc::clone(config)))
}

// PARITY: migration/tls.c#migration_tls_get_creds
fn identity(credentials: &Credentials, id: &str, role: Role) -> Result<Identity, WireError> {
    let properties = credentials
        .get(id)
        .ok_or_else(|| WireError::generic(format!("No TLS credentials with id '{id}'")))?;
    let endpoint = properties.endpoint.unwrap_or(TlsEndpoint::Client);
    match (role, endpoint) {
        (Role::Client, TlsEndpoint::Client) | (Role::Server, TlsEndpoint::Server) => {}
        (Role::Client, TlsEndpoint::Server) | (Role::Server, TlsEndpoint::Client) => {
            return Err(wrong_side(id));
        }
    }
    load(&properties, role).map_err(WireError::generic)
}

fn load(properties: &TlsCredsX509Properties, role: Role) -> Result<Identity, String> {
    let directory = properties.dir.as_deref().unwrap_or_default();
    let verify = match properties.verify_peer {
        Some(false) => VerifyPeer::No,
        Some(true) | None => VerifyPeer::Yes,
    };
    Identity::load(Path::new(directory), role, verify).map_err(|error| super::in_words(&error))
}

fn wrong_side(id: &str) -> WireError {
    WireError::generic(format!(
        "Expected TLS credentials for another endpoint than those of '{id}'"
    ))
}
