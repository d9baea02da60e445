//! How both ends of a migration are told how to migrate.

use std::net::SocketAddr;
use std::path::Path;

use ferry_config::{Bandwidth, MigrationSettings, Tls};
use ferry_qmp::qapi::StrOrNull;
use ferry_qmp::words::{
    Migrate, MigrateIncoming, MigrateRecover, MigrateSetCapabilities, MigrateSetParameters,
    MigrationCapability, MigrationCapabilityStatus, Milliseconds, ObjectAdd, ObjectDel, ObjectKind,
    TlsCredsX509Properties, TlsEndpoint,
};
use ferry_reconcile::guest::{self, Disk};
use ferry_units::{BytesPerSecond, Downtime};

use super::{Machine, qemu};
use crate::guests::qmp::{Qmp, QmpError};

/// The machine's name for its certificates.
pub(super) const CREDENTIALS: &str = "migration";

/// How long a guest may stand still if nobody says.
// PARITY: migration/options.c#DEFAULT_MIGRATE_SET_DOWNTIME
const DOWNTIME: Milliseconds = Milliseconds(300);

/// What a machine says when somebody else listens there.
const IN_USE: &str = "in use";

/// An argument that machines know which can do what it says.
const EXIT_ON_ERROR: &str = "exit-on-error";

/// As good as no limit, for a machine that would take none for its own: no link carries a PiB in a
/// second.
const UNLIMITED: BytesPerSecond = BytesPerSecond::new(1 << 50);

/// How a guest crosses, as far as both ends have to know.
#[derive(Clone, Copy, Debug)]
pub(in crate::guests) struct Link<'a> {
    /// As hand-off has fixed it.
    pub(in crate::guests) settings: &'a MigrationSettings,
    /// Connections that carry memory.
    pub(in crate::guests) channels: u8,
    /// Where this node's certificates are.
    pub(in crate::guests) identity: &'a Path,
    /// The guest's disks.
    pub(in crate::guests) disks: &'a [Disk],
}

/// Whether a machine listens where it was told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::guests) enum Listens {
    /// It does.
    Yes,
    /// Somebody else does.
    Taken,
}

/// Where to listen, or to connect to, as QEMU writes it.
pub(in crate::guests) fn listen_uri(address: SocketAddr) -> String {
    format!("tcp:{address}")
}

impl Machine {
    /// Tells the machine that a guest leaves to send it.
    pub(in crate::guests) async fn send(
        self,
        qmp: &Qmp,
        link: Link<'_>,
        order: &guest::Migrate,
    ) -> Result<(), QmpError> {
        self.prepare_source(qmp, link, &order.target_node).await?;
        match self {
            Self::Ferry => migrate(qmp, order).await,
            Self::Qemu => qemu::send(qmp, link, order).await,
        }
    }

    /// Does what a migration that is under way needs next from whoever drives it.
    pub(in crate::guests) async fn drive(
        self,
        qmp: &Qmp,
        link: Link<'_>,
        order: &guest::Migrate,
    ) -> Result<(), QmpError> {
        match self {
            // It needs nothing.
            Self::Ferry => Ok(()),
            Self::Qemu => qemu::drive(qmp, link, order).await,
        }
    }

    async fn prepare_source(
        self,
        qmp: &Qmp,
        link: Link<'_>,
        target_node: &str,
    ) -> Result<(), QmpError> {
        let settings = link.settings;
        self.capabilities(qmp, link).await?;
        credentials(qmp, link, TlsEndpoint::Client).await?;
        let limit = match settings.bandwidth {
            Bandwidth::AtMost(rate) => Some(rate),
            Bandwidth::Unlimited | Bandwidth::BelowZero => None,
        };
        let unlimited = match self {
            Self::Ferry => BytesPerSecond::new(0),
            Self::Qemu => UNLIMITED,
        };
        let downtime = |limit: Downtime| Milliseconds(limit.millis().into());
        let tls_hostname = match settings.tls {
            Tls::Required => target_node,
            Tls::Disabled => "",
        };
        qmp.execute(&MigrateSetParameters {
            max_bandwidth: Some(limit.unwrap_or(unlimited)),
            // The limit is the migration's, whichever way its memory crosses.
            max_postcopy_bandwidth: Some(limit.unwrap_or(BytesPerSecond::new(0))),
            downtime_limit: Some(settings.max_downtime.map_or(DOWNTIME, downtime)),
            tls_hostname: Some(StrOrNull::from(tls_hostname)),
            ..self.parameters(link)
        })
        .await?;
        Ok(())
    }

    /// Tells the machine that awaits a guest how to receive it.
    pub(in crate::guests) async fn prepare_target(
        self,
        qmp: &Qmp,
        link: Link<'_>,
    ) -> Result<(), QmpError> {
        self.capabilities(qmp, link).await?;
        credentials(qmp, link, TlsEndpoint::Server).await?;
        qmp.execute(&self.parameters(link)).await?;
        Ok(())
    }

    /// Tells the machine that awaits a guest where to listen. `last` is the last port that others let
    /// through.
    pub(in crate::guests) async fn listen(
        self,
        qmp: &Qmp,
        link: Link<'_>,
        at: SocketAddr,
        last: u16,
    ) -> Result<Listens, QmpError> {
        let opened = match self {
            Self::Ferry => Listens::Yes,
            Self::Qemu if qemu::is_taken(at) => Listens::Taken,
            Self::Qemu => qemu::open_disks(qmp, link, at, last).await?,
        };
        if opened == Listens::Taken {
            return Ok(opened);
        }
        let mut command = MigrateIncoming {
            uri: Some(listen_uri(at)),
            channels: None,
            // It stays to be asked what went wrong.
            exit_on_error: Some(false),
        };
        let mut told = qmp.execute(&command).await;
        if let Err(error) = &told
            && error.refusal().is_some_and(|text| text.contains(EXIT_ON_ERROR))
        {
            // An older one says so as it ends.
            command.exit_on_error = None;
            told = qmp.execute(&command).await;
        }
        match told {
            Ok(_) => Ok(Listens::Yes),
            Err(error) => {
                match self {
                    Self::Ferry => {}
                    Self::Qemu => qemu::close_disks(qmp).await?,
                }
                taken(error)
            }
        }
    }

    /// Tells the machine where to listen once more for a post-copy whose link has broken.
    pub(in crate::guests) async fn listen_again(
        self,
        qmp: &Qmp,
        at: SocketAddr,
    ) -> Result<Listens, QmpError> {
        match self {
            Self::Qemu if qemu::is_taken(at) => return Ok(Listens::Taken),
            Self::Ferry | Self::Qemu => {}
        }
        match qmp.execute_out_of_band(&MigrateRecover { uri: listen_uri(at) }).await {
            Ok(_) => Ok(Listens::Yes),
            Err(error) => taken(error),
        }
    }

    /// All that matter, whatever was on before.
    async fn capabilities(self, qmp: &Qmp, link: Link<'_>) -> Result<(), QmpError> {
        use MigrationCapability as C;
        let settings = link.settings;
        let mut capabilities = vec![
            (C::Events, true),
            (C::ReturnPath, true),
            (C::ValidateUuid, true),
            (C::AutoConverge, settings.auto_converge.is_allowed()),
            (C::PostcopyRam, settings.post_copy.is_allowed()),
            (C::Multifd, self.connections(link) > 1),
        ];
        match self {
            Self::Ferry => {}
            Self::Qemu => capabilities.extend(qemu::capabilities(link)),
        }
        let capabilities = capabilities
            .into_iter()
            .map(|(capability, state)| MigrationCapabilityStatus { capability, state })
            .collect();
        qmp.execute(&MigrateSetCapabilities { capabilities }).await?;
        Ok(())
    }

    /// Connections that carry memory.
    fn connections(self, link: Link<'_>) -> u8 {
        match self {
            Self::Ferry => link.channels.max(1),
            Self::Qemu => qemu::connections(link),
        }
    }

    /// What both ends are told.
    fn parameters(self, link: Link<'_>) -> MigrateSetParameters {
        let tls_creds = match link.settings.tls {
            Tls::Required => CREDENTIALS,
            Tls::Disabled => "",
        };
        MigrateSetParameters {
            multifd_channels: Some(self.connections(link)),
            tls_creds: Some(StrOrNull::from(tls_creds)),
            ..MigrateSetParameters::default()
        }
    }
}

/// Tells a machine to send its guest's memory.
pub(super) async fn migrate(qmp: &Qmp, order: &guest::Migrate) -> Result<(), QmpError> {
    let uri = Some(listen_uri(SocketAddr::new(order.address, order.port)));
    qmp.execute(&Migrate { uri, ..Migrate::default() }).await?;
    Ok(())
}

/// What it means that a machine does not listen.
pub(super) fn taken(error: QmpError) -> Result<Listens, QmpError> {
    match error.refusal() {
        Some(text) if text.contains(IN_USE) => Ok(Listens::Taken),
        Some(_) | None => Err(error),
    }
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
