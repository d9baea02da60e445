//! Whether a connection is encrypted, and who has to prove what.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};

use super::LinkError;

/// How long a handshake may take, over all its messages. On any network that a migration makes
/// sense on it takes milliseconds.
pub const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// How an end that connects protects its connections.
#[derive(Clone, Debug)]
pub enum ClientSecurity {
    /// Not at all.
    Plain,
    /// By TLS.
    Tls {
        /// Who we are, and whom we trust.
        config: Arc<ClientConfig>,
        /// Whom the server has to prove to be.
        server: ServerName<'static>,
    },
}

/// How an end that listens protects its connections.
#[derive(Clone, Debug)]
pub enum ServerSecurity {
    /// Not at all.
    Plain,
    /// By TLS: who we are, and whether and by whom clients have to be vouched for.
    Tls(Arc<ServerConfig>),
}

impl ClientSecurity {
    /// TLS with a server that proves to be `server`: the name or the number of a host, often the
    /// one that is connected to.
    ///
    /// # Errors
    /// [`LinkError::ServerName`].
    pub fn tls(config: Arc<ClientConfig>, server: &str) -> Result<Self, LinkError> {
        match ServerName::try_from(server.to_owned()) {
            Ok(server) => Ok(Self::Tls { config, server }),
            Err(_) => Err(LinkError::ServerName { given: server.to_owned() }),
        }
    }
}
