//! The connections of a migration that is awaited.
//!
//! Whoever connects has to say who it is within a time limit, on a thread of its own: a stranger, or
//! one who says nothing, keeps nobody else waiting and is forgotten.

use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use ferry_runtime::Clock;
use ferry_transfer::Channel;
use ferry_transfer::wire::{Hello, Purpose, Role, SessionId, Welcome};

use super::news::{Line, News};
use super::strangers::Strangers;
use crate::link::{Connection, LinkError, Listener, Pending, ServerSecurity};
use crate::migration::outgoing::{Made, SILENCE};
use crate::migration::threads::spawn;

/// All connections of a migration.
pub(super) struct Links {
    pub(super) control: Arc<Connection>,
    pub(super) data: Vec<(Channel, Arc<Connection>)>,
    pub(super) urgent: Option<Arc<Connection>>,
}

/// Listens until the listener is closed; whoever connects and says who it is, is news.
pub(super) fn listen(
    listener: &Arc<Listener>,
    security: &ServerSecurity,
    news: &Sender<News>,
) -> std::io::Result<()> {
    let (listener, security, news) = (Arc::clone(listener), security.clone(), news.clone());
    let strangers = Strangers::default();
    spawn("mig/dst/listen".to_owned(), move || {
        loop {
            let pending = match listener.accept() {
                Ok(pending) => pending,
                Err(LinkError::ListenerClosed) => return,
                Err(error) => {
                    tracing::warn!(%error, "nobody can connect any more");
                    let _nobody_listens = news.send(News::Lost(Line::Listener, error.to_string()));
                    return;
                }
            };
            let Some(stranger) = strangers.admit(&pending) else { continue };
            let (news, security) = (news.clone(), security.clone());
            // Without a thread it is turned away.
            let _greeted = spawn("mig/dst/hello".to_owned(), move || {
                match hear(pending, &security) {
                    // Nobody listens when another migration has begun.
                    Ok((hello, connection)) => {
                        drop(stranger);
                        drop(news.send(News::Arrived(hello, connection)));
                    }
                    Err(why) => tracing::info!(%why, "somebody has connected who is no source"),
                }
            });
        }
    })
    .map(drop)
}

/// Hears who has connected.
fn hear(pending: Pending, security: &ServerSecurity) -> Result<(Hello, Connection), String> {
    let hear = || -> Result<_, LinkError> {
        let connection = pending.establish(security)?;
        connection.set_read_limit(Some(SILENCE));
        let mut hello = [0; Hello::LENGTH];
        connection.read(&mut hello)?;
        Ok((hello, connection))
    };
    let (hello, connection) = hear().map_err(|error| error.to_string())?;
    let hello = Hello::decode(&hello).map_err(|error| error.to_string())?;
    Ok((hello, connection))
}

/// Welcomes a connection: it is in its place.
pub(super) fn welcome(connection: Connection, made: &Made) -> Result<Arc<Connection>, LinkError> {
    let connection = Arc::new(connection);
    made.add(&connection);
    connection.write(&Welcome.encode())?;
    Ok(connection)
}

/// Awaits the first connection of a migration.
pub(super) fn first(
    news: &mpsc::Receiver<News>,
    purpose: Purpose,
    session: Option<SessionId>,
) -> Result<(SessionId, Connection), String> {
    loop {
        match news.recv() {
            Ok(News::Arrived(hello, connection)) => {
                let is_ours = session.is_none_or(|session| session == hello.session);
                if hello.role == Role::Control && hello.purpose == purpose && is_ours {
                    return Ok((hello.session, connection));
                }
            }
            Ok(News::Lost(Line::Listener, why)) => return Err(why),
            // Of connections that are gone already.
            Ok(
                News::Lost(Line::Migration, _)
                | News::Said(_)
                | News::Fenced(_)
                | News::AllHere
                | News::Pause(_)
                | News::Recover(_),
            ) => {}
            Err(mpsc::RecvError) => return Err("nobody listens".to_owned()),
        }
    }
}

/// Awaits the other connections.
pub(super) fn rest(
    news: &mpsc::Receiver<News>,
    control: Arc<Connection>,
    expected: &Expected,
    made: &Made,
    clock: Clock,
) -> Result<Links, String> {
    let until = clock.now() + SILENCE;
    let mut links = Links { control, data: Vec::new(), urgent: None };
    while !expected.is_met_by(&links) {
        let left = until.since(clock.now());
        match news.recv_timeout(left.max(Duration::from_millis(1))) {
            Ok(News::Arrived(hello, connection)) => {
                if hello.session != expected.session || hello.purpose != expected.purpose {
                    continue;
                }
                let welcomed = || welcome(connection, made).map_err(|error| error.to_string());
                match hello.role {
                    Role::Data(channel) if expected.wants(&links, channel) => {
                        let connection = welcomed()?;
                        connection.set_read_limit(None);
                        links.data.push((channel, connection));
                    }
                    Role::Urgent if expected.urgent && links.urgent.is_none() => {
                        let connection = welcomed()?;
                        connection.set_read_limit(None);
                        links.urgent = Some(connection);
                    }
                    Role::Data(_) | Role::Urgent | Role::Control => {}
                }
            }
            Ok(News::Lost(_, why) | News::Pause(why)) => return Err(why),
            Ok(News::Said(_) | News::Fenced(_) | News::AllHere | News::Recover(_)) => {}
            Err(RecvTimeoutError::Timeout) if clock.now() < until => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                return Err("the source has not made all of its connections".to_owned());
            }
        }
    }
    Ok(links)
}

/// Which connections are expected.
pub(super) struct Expected {
    pub(super) session: SessionId,
    pub(super) purpose: Purpose,
    pub(super) channels: usize,
    pub(super) urgent: bool,
}

impl Expected {
    fn is_met_by(&self, links: &Links) -> bool {
        links.data.len() == self.channels && links.urgent.is_some() == self.urgent
    }

    fn wants(&self, links: &Links, channel: Channel) -> bool {
        usize::from(channel.0) < self.channels
            && links.data.iter().all(|(made, _)| *made != channel)
    }
}
