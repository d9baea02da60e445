//! How both ends of a migration are told how to migrate.

use std::net::SocketAddr;
use std::path::Path;

use ferry_config::{Bandwidth, MigrationSettings, Tls};
use ferry_qmp::qapi::StrOrNull;
use ferry_qmp::words::{
    MigrateSetCapabilities, MigrateSetParameters, MigrationCapability, MigrationCapabilityStatus,
    Milliseconds, ObjectAdd, ObjectDel, ObjectKind, TlsCredsX509Properties, TlsEndpoint,
};
use ferry_units::{BytesPerSecond, Downtime};

use crate::guests::qmp::{Qmp, QmpError};

/// The machine's name for its certificates.
const CREDENTIALS: &str = "migration";

/// How long a guest may stand still if nobody says.
// PARITY: migration/options.c#DEFAULT_MIGRATE_SET_DOWNTIME
const DOWNTIME: Milliseconds = Milliseconds(300);

/// How a guest crosses, as far as both ends have to know.
#[derive(Clone, Copy, Debug)]
pub(in crate::guests) struct Link<'a> {
    /// As hand-off has fixed it.
    pub(in crate::guests) settings: &'a MigrationSettings,
    /// Connections that carry memory.
    pub(in crate::guests) channels: u8,
    /// Where this node's certificates are.
    pub(in crate::guests) identity: &'a Path,
}

/// Where to listen, or to connect to, as QEMU writes it.
pub(in crate::guests) fn listen_uri(address: SocketAddr) -> String {
    format!("tcp:{address}")
}

/// Tells the machine that a guest leaves how to send it, to the node of that name.
pub(in crate::guests) async fn prepare_source(
    qmp: &Qmp,
    link: Link<'_>,
    target_node: &str,
) -> Result<(), QmpError> {
    let settings = link.settings;
    capabilities(qmp, link).await?;
    credentials(qmp, link, TlsEndpoint::Client).await?;
    let rate = match settings.bandwidth {
        Bandwidth::AtMost(rate) => rate,
        Bandwidth::Unlimited | Bandwidth::BelowZero => BytesPerSecond::new(0),
    };
    let downtime = |limit: Downtime| Milliseconds(limit.millis().into());
    let tls_hostname = match settings.tls {
        Tls::Required => target_node,
        Tls::Disabled => "",
    };
    qmp.execute(&MigrateSetParameters {
        max_bandwidth: Some(rate),
        // The limit is the migration's, whichever way its memory crosses.
        max_postcopy_bandwidth: Some(rate),
        downtime_limit: Some(settings.max_downtime.map_or(DOWNTIME, downtime)),
        tls_hostname: Some(StrOrNull::from(tls_hostname)),
        ..parameters(link)
    })
    .await?;
    Ok(())
}

/// Tells the machine that awaits a guest how to receive it.
pub(in crate::guests) async fn prepare_target(qmp: &Qmp, link: Link<'_>) -> Result<(), QmpError> {
    capabilities(qmp, link).await?;
    credentials(qmp, link, TlsEndpoint::Server).await?;
    qmp.execute(&parameters(link)).await?;
    Ok(())
}

/// All that matter, whatever was on before.
async fn capabilities(qmp: &Qmp, link: Link<'_>) -> Result<(), QmpError> {
    use MigrationCapability as C;
    let settings = link.settings;
    let capabilities = [
        (C::Events, true),
        (C::ReturnPath, true),
        (C::ValidateUuid, true),
        (C::AutoConverge, settings.auto_converge.is_allowed()),
        (C::PostcopyRam, settings.post_copy.is_allowed()),
        (C::Multifd, link.channels > 1),
    ];
    let capabilities = capabilities
        .into_iter()
        .map(|(capability, state)| MigrationCapabilityStatus { capability, state })
        .collect();
    qmp.execute(&MigrateSetCapabilities { capabilities }).await?;
    Ok(())
}

/// Makes the certificates anew: they may have been renewed since the last migration.
async fn credentials(qmp: &Qmp, link: Link<'_>, endpoint: TlsEndpoint) -> Result<(), QmpError> {
    match link.settings.tls {
        Tls::Disabled => return Ok(()),
        Tls::Required => {}
    }
    let id = CREDENTIALS.to_owned();
    match qmp.execute(&ObjectDel { id: id.clone() }).await {
        Ok(_) => {}
        // There were none.
        Err(error) if error.refusal().is_some() => {}
        Err(error) => return Err(error),
    }
    let object = ObjectKind::TlsCredsX509(TlsCredsX509Properties {
        dir: Some(link.identity.display().to_string()),
        endpoint: Some(endpoint),
        ..TlsCredsX509Properties::default()
    });
    qmp.execute(&ObjectAdd { object, id }).await?;
    Ok(())
}

fn parameters(link: Link<'_>) -> MigrateSetParameters {
    let tls_creds = match link.settings.tls {
        Tls::Required => CREDENTIALS,
        Tls::Disabled => "",
    };
    MigrateSetParameters {
        multifd_channels: Some(link.channels.max(1)),
        tls_creds: Some(StrOrNull::from(tls_creds)),
        ..MigrateSetParameters::default()
    }
}
