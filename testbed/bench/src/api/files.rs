//! Room for a thousand sockets: shells often allow a process 1,024 open files, and as many as it
//! likes up to a harder limit if it asks.

use anyhow::{Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a process has open beside the sockets that it opens on purpose.
const OTHERS: u64 = 64;

/// As long as it is there, this process may open more files. The limit is put back afterwards, or
/// else servers that are started later would inherit it and be measured with what nobody gives them.
pub(super) struct MoreFiles {
    before: Rlimit,
}

impl MoreFiles {
    /// Room for so many sockets.
    ///
    /// # Errors
    /// When the hard limit is below that.
    pub(super) fn allow(sockets: u32) -> Result<Self> {
        let before = getrlimit(Resource::Nofile);
        let needed = u64::from(sockets) + OTHERS;
        let most = before.maximum.unwrap_or(u64::MAX);
        ensure!(needed <= most, "{sockets} sockets, but only {most} files may be open");
        let current = before.current.map(|current| current.max(needed));
        setrlimit(Resource::Nofile, Rlimit { current, maximum: before.maximum })?;
        Ok(Self { before })
    }
}

impl Drop for MoreFiles {
    fn drop(&mut self) {
        // Lowering what may be open is always allowed.
        let _restored = setrlimit(Resource::Nofile, self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_raised_for_a_while_and_never_beyond_the_hard_one() {
        let before = getrlimit(Resource::Nofile);
        assert!(MoreFiles::allow(u32::MAX).is_err() || before.maximum.is_none());
        let lower = Rlimit { current: Some(256), maximum: before.maximum };
        setrlimit(Resource::Nofile, lower).unwrap();
        let raised = MoreFiles::allow(300).unwrap();
        assert_eq!(getrlimit(Resource::Nofile).current, Some(300 + OTHERS));
        drop(raised);
        assert_eq!(getrlimit(Resource::Nofile), lower);
        setrlimit(Resource::Nofile, before).unwrap();
    }
}
