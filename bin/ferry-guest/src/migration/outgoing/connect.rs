//! The connections of a migration that is sent, from the first word to where pages may follow.

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ferry_transfer::wire::{
    DecodeError, Envelope, Hello, Offer, Purpose, Role, SessionId, SourceMessage, TargetMessage,
    Welcome,
};
use ferry_transfer::{Channel, Layout};
use ferry_units::{PageCount, PageSet};
use thiserror::Error;

use crate::link::{ClientSecurity, Connection, Endpoint, LinkError};
use crate::migration::threads::spawn;

/// How long a peer may say nothing: between its words while connections are made, and for ever
/// after, since each side is asked every second whether it is there.
pub(in crate::migration) const SILENCE: Duration = Duration::from_secs(10);

/// Where the destination is, and what to make of a connection to it.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) endpoint: Endpoint,
    pub(super) security: ClientSecurity,
}

/// All connections of a migration.
#[derive(Clone)]
pub(super) struct Links {
    pub(super) control: Arc<Connection>,
    pub(super) data: Vec<(Channel, Arc<Connection>)>,
    pub(super) urgent: Option<Arc<Connection>>,
}

/// Every connection that was made, to be cut from any thread at any time.
#[derive(Default)]
pub(in crate::migration) struct Made {
    connections: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_cut: bool,
    made: Vec<Arc<Connection>>,
    /// Where to say that they are cut, for one who waits for a connection to be made.
    waits: Option<Sender<Result<Connection, ConnectError>>>,
}

/// Why a migration does not begin, or go on.
#[derive(Debug, Error)]
pub(super) enum ConnectError {
    /// The network.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// What answers there is not what was expected.
    #[error("{0}")]
    Protocol(#[from] DecodeError),
    /// The destination does not take this guest.
    #[error("the destination refuses the guest: {0}")]
    Refused(String),
    /// The destination says something that makes no sense now.
    #[error("the destination has said something else than was expected")]
    OutOfTurn,
    /// It was given up meanwhile.
    #[error("the migration was given up")]
    Cut,
    /// There is no thread to connect.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

impl Made {
    /// Remembers a connection.
    pub(in crate::migration) fn add(&self, connection: &Arc<Connection>) {
        let mut state = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_cut {
            connection.shut_down();
        } else {
            state.made.push(Arc::clone(connection));
        }
    }

    /// Cuts all connections that were made, and all that will be.
    pub(in crate::migration) fn cut(&self) {
        let mut state = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_cut = true;
        for connection in state.made.drain(..) {
            connection.shut_down();
        }
        if let Some(waits) = state.waits.take() {
            // Whoever has its connection already does not wait.
            let _has_it = waits.send(Err(ConnectError::Cut));
        }
    }

    /// Waits for `connect`, but not when all is cut meanwhile: it may take long to find out that
    /// nobody answers.
    fn wait_for(
        &self,
        connect: impl FnOnce() -> Result<Connection, LinkError> + Send + 'static,
    ) -> Result<Connection, ConnectError> {
        let (told, outcome) = mpsc::channel();
        {
            let mut state = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
            if state.is_cut {
                return Err(ConnectError::Cut);
            }
            state.waits = Some(told.clone());
        }
        let connects = move || {
            // Nobody waits if all was cut.
            let _cut = told.send(connect().map_err(ConnectError::from));
        };
        spawn("mig/src/connect".to_owned(), connects).map_err(ConnectError::Thread)?;
        outcome.recv().unwrap_or(Err(ConnectError::Cut))
    }

    /// Cuts all connections that were made, but none that will be.
    pub(in crate::migration) fn hang_up(&self) {
        let state = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        state.made.iter().for_each(|connection| connection.shut_down());
    }

    /// Whether they are cut.
    pub(in crate::migration) fn is_cut(&self) -> bool {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).is_cut
    }

    /// Begins anew.
    pub(in crate::migration) fn renew(&self) {
        *self.connections.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }
}

/// Connects, and has the destination agree to take the guest.
pub(super) fn begin(
    route: &Route,
    session: SessionId,
    offer: &Offer,
    layout: &Layout,
    made: &Made,
) -> Result<Links, ConnectError> {
    let caller = Caller { route, session, purpose: Purpose::Migrate, made };
    let control = caller.call(Role::Control)?;
    control.write(&SourceMessage::Offer(offer.clone()).encode())?;
    match read_message(&control, layout.memory())? {
        TargetMessage::Accept => {}
        TargetMessage::Refuse(why) => return Err(ConnectError::Refused(why)),
        TargetMessage::Pong(_)
        | TargetMessage::Echo(..)
        | TargetMessage::Ready
        | TargetMessage::Resumed { .. }
        | TargetMessage::Complete
        | TargetMessage::Missing(_) => return Err(ConnectError::OutOfTurn),
    }
    caller.rest(control, layout, offer.post_copy)
}

/// Connects again, and hears from the destination what it lacks.
pub(super) fn recover(
    route: &Route,
    session: SessionId,
    layout: &Layout,
    made: &Made,
) -> Result<(Links, PageSet), ConnectError> {
    let caller = Caller { route, session, purpose: Purpose::Recover, made };
    let control = caller.call(Role::Control)?;
    let links = caller.rest(control, layout, true)?;
    match read_message(&links.control, layout.memory())? {
        TargetMessage::Missing(missing) => Ok((links, missing)),
        TargetMessage::Refuse(why) => Err(ConnectError::Refused(why)),
        TargetMessage::Accept
        | TargetMessage::Pong(_)
        | TargetMessage::Echo(..)
        | TargetMessage::Ready
        | TargetMessage::Resumed { .. }
        | TargetMessage::Complete => Err(ConnectError::OutOfTurn),
    }
}

/// Reads what the destination says next.
pub(super) fn read_message(
    control: &Connection,
    memory: PageCount,
) -> Result<TargetMessage, ConnectError> {
    let mut envelope = [0; Envelope::LENGTH];
    control.read(&mut envelope)?;
    let envelope = Envelope::from_target(envelope, memory)?;
    let mut bytes = vec![0; envelope.length()];
    control.read(&mut bytes)?;
    Ok(TargetMessage::decode(envelope, &bytes, memory)?)
}

/// Makes connections.
struct Caller<'a> {
    route: &'a Route,
    session: SessionId,
    purpose: Purpose,
    made: &'a Made,
}

impl Caller<'_> {
    /// A connection that the destination has welcomed.
    fn call(&self, role: Role) -> Result<Arc<Connection>, ConnectError> {
        let Route { endpoint, security } = self.route.clone();
        let connect = move || Connection::connect(&endpoint, &security);
        let connection = Arc::new(self.made.wait_for(connect)?);
        self.made.add(&connection);
        connection.set_read_limit(Some(SILENCE));
        let hello = Hello { session: self.session, role, purpose: self.purpose };
        connection.write(&hello.encode())?;
        let mut welcome = [0; Welcome::LENGTH];
        connection.read(&mut welcome)?;
        Welcome::decode(&welcome)?;
        Ok(connection)
    }

    /// The connections besides that for control. Only that one is always talked on.
    fn rest(
        &self,
        control: Arc<Connection>,
        layout: &Layout,
        post_copy: bool,
    ) -> Result<Links, ConnectError> {
        let mut data = Vec::new();
        for channel in layout.channels() {
            let connection = self.call(Role::Data(channel))?;
            connection.set_read_limit(None);
            data.push((channel, connection));
        }
        let urgent = if post_copy { Some(self.call(Role::Urgent)?) } else { None };
        if let Some(urgent) = &urgent {
            urgent.set_read_limit(None);
        }
        Ok(Links { control, data, urgent })
    }
}
