//! How many connections there is room for: as many as Linux gives us files for.

use anyhow::bail;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::http::Limits;

/// Files that are open beside connections: journal, log, epoll, and room for what comes.
const OTHER_FILES: u64 = 128;

/// With fewer connections a controller, a few nodes and somebody who looks at them would take places from
/// each other all the time.
const FEWEST: usize = 16;

/// What clients may take of the server, after taking all the files that Linux gives us.
pub(super) fn limits() -> anyhow::Result<Limits> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    files.map_or(Ok(Limits::DEFAULT), limits_of)
}

fn limits_of(files: u64) -> anyhow::Result<Limits> {
    let room = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX);
    if room < FEWEST {
        let needed = OTHER_FILES + FEWEST as u64;
        bail!("only {files} files may be open, and {needed} are needed: raise ulimit -n");
    }
    if room < Limits::DEFAULT.connections {
        tracing::warn!(
            files,
            "so few files may be open that fewer connections are served: see ulimit -n"
        );
    }
    let connections = room.min(Limits::DEFAULT.connections);
    let strangers = Limits::DEFAULT.strangers * connections / Limits::DEFAULT.connections;
    Ok(Limits { connections, strangers: strangers.max(1), ..Limits::DEFAULT })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_connections_as_files_and_not_too_few() {
        for (files, expected) in [(144, (16, 4)), (1024, (896, 224)), (1 << 20, (4096, 1024))] {
            let limits = limits_of(files).unwrap();
            assert_eq!((limits.connections, limits.strangers), expected, "{files}");
        }
        for files in [0, 64, 143] {
            let message = limits_of(files).unwrap_err().to_string();
            let expected = "files may be open, and 144 are needed: raise ulimit -n";
            assert_eq!(message, format!("only {files} {expected}"));
        }
    }
}
