//! Daemons that were told to end: for a moment they look as if they ran.
//!
//! Who has told them does not matter: a person, a `down` that was killed. They say so themselves, at
//! `/readyz`, for as long as they are there.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::census::ProcessId;
use super::daemons::{Daemons, GRACE};
use super::{Role, ready};

/// What stands in the answer of a daemon that was told to end: the name of the check that fails then.
const SHUTDOWN: &str = "shutdown";

/// How long a daemon may take to answer.
const QUESTION: Duration = Duration::from_millis(500);

/// How long one that does not answer is asked again. It has just begun, or stops listening before it is
/// gone, or hangs, which is for its user to see.
const SILENCE: Duration = Duration::from_secs(1);

/// How often to ask.
const PAUSE: Duration = Duration::from_millis(10);

/// What is heard of a daemon that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Stays,
    Ends,
    Nothing,
}

/// Waits until those are gone that were told to end.
pub(super) async fn farewell(daemons: &Daemons) -> Result<()> {
    farewell_within(daemons, SILENCE).await
}

/// The same, and asks those that do not answer again for that long.
async fn farewell_within(daemons: &Daemons, silence: Duration) -> Result<()> {
    let begun = Instant::now();
    for role in daemons.roles() {
        while let Some(id) = daemons.find(&role)? {
            match heard(daemons, &role).await {
                Heard::Stays => break,
                Heard::Nothing if begun.elapsed() >= silence => break,
                Heard::Ends if begun.elapsed() >= GRACE => {
                    let ProcessId { pid, .. } = id;
                    bail!("{role} (process {pid}) was told to end and does not; `down` ends it")
                }
                Heard::Ends | Heard::Nothing => tokio::time::sleep(PAUSE).await,
            }
        }
    }
    Ok(())
}

async fn heard(daemons: &Daemons, role: &Role) -> Heard {
    let answer = match daemons.dir.status_address(role) {
        Some(file) => ready::status_answer(&file, QUESTION).ok(),
        None if *role == Role::ApiServer => api_answer(daemons).await,
        // A relay has nothing to finish.
        None => return Heard::Stays,
    };
    match answer {
        Some(answer) if answer.contains(SHUTDOWN) => Heard::Ends,
        Some(_) => Heard::Stays,
        None => Heard::Nothing,
    }
}

/// What the API server answers when it is asked whether it is ready, if it answers.
async fn api_answer(daemons: &Daemons) -> Option<String> {
    let asked = async { ready::asked(&ready::client(&daemons.dir).await?).await };
    match tokio::time::timeout(QUESTION, asked).await.ok()? {
        Ok(answer) => Some(answer),
        Err(error) => match error.downcast_ref::<kube::Error>()? {
            kube::Error::Api(status) => Some(status.message.clone()),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::os::unix::process::CommandExt;
    use std::path::Path;
    use std::process::{Child, Command};
    use std::thread::{self, JoinHandle};

    use ferry_config::Semantics;

    use super::*;
    use crate::testbed::census::{IN_ROLE, OF_TESTBED};
    use crate::wait::{LIMIT, wait_until};
    use crate::{Dir, Plan, Programs, Topology};

    /// What becomes of it.
    type Then = fn(&mut Child);

    /// Something that looks like a controller, and whoever gives these answers for it, one after the
    /// other, before `then`.
    fn controller(dir: &Dir, answers: &'static [&str], then: Then) -> JoinHandle<Child> {
        let mut command = Command::new("tail");
        command.arg0("ferry-controller").args(["-f", "/dev/null"]);
        command.env(OF_TESTBED, dir.path()).env(IN_ROLE, Role::Controller.to_string());
        let mut child = command.spawn().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let file = dir.controller_address();
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, listener.local_addr().unwrap().to_string()).unwrap();
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let _request = stream.read(&mut [0; 1024]).unwrap();
                write!(stream, "HTTP/1.0 503 Service Unavailable\r\n\r\n{answer}\n").unwrap();
            }
            then(&mut child);
            child
        })
    }

    fn end(child: &mut Child) {
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[tokio::test]
    async fn who_was_told_to_end_is_waited_for_and_nobody_else() {
        const TOLD: &str = "shutdown: it was told to end";
        // However busy the machine is, it answers within that.
        let busy = LIMIT;
        let cases: [(&'static [&str], Then, bool, Duration); 3] = [
            (&[TOLD, TOLD, TOLD], end, false, busy),
            (&["the objects are not known yet"], |_| {}, true, busy),
            // It listens, and says nothing.
            (&[], |_| {}, true, Duration::ZERO),
        ];
        for (answers, then, stays, silence) in cases {
            let temporary = tempfile::tempdir().unwrap();
            let dir = Dir::make(temporary.path()).unwrap();
            let plan = Plan::new(&dir, Topology::default(), Semantics::default(), None).unwrap();
            let played = controller(&dir, answers, then);
            let daemons = Daemons::new(dir, plan, Programs::in_dir(Path::new("/p")));
            // Linux lets its parent go on a moment before it shows its command line.
            wait_until("it is seen", || daemons.find(&Role::Controller)).unwrap();
            farewell_within(&daemons, silence).await.unwrap();
            let found = daemons.find(&Role::Controller).unwrap();
            assert_eq!(found.is_some(), stays, "{answers:?}");
            end(&mut played.join().unwrap());
        }
    }
}
