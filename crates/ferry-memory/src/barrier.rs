//! A fence on behalf of everybody.
//!
//! A guest stores to its memory and then looks whether the page is marked. An engine takes marks
//! and then reads memory. Between the two steps of each stands a fence, or both may miss the other:
//! the guest sees a mark that is about to be taken, the engine reads bytes that are still in the
//! guest's store buffer. The guest passes its fence some hundred million times a second, the engine
//! some hundred times. So the guest's is none at all, only an order to the compiler, and the
//! engine's makes every thread of the process pass a full one: `membarrier(2)`,
//! `MEMBARRIER_CMD_PRIVATE_EXPEDITED` (Linux 4.14; about 10 µs here while another core is busy).
//! The C++ committee's paper P1202 calls such a pair asymmetric fences, and has them order like two
//! `fence(SeqCst)`.
//!
//! Where the system call is not to be had, such as under a strict seccomp filter, all vCPUs pass
//! through the gate's mutex once, which takes as long as the slowest needs to reach its next
//! checkpoint.

use rustix::thread::{MembarrierCommand, membarrier};

use crate::gate::Gate;

/// How to make every vCPU pass a full fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Barrier {
    /// Ask Linux.
    Membarrier,
    /// Stop the vCPUs for a moment.
    Rendezvous,
}

impl Barrier {
    /// The cheapest that there is.
    pub(crate) fn choose() -> Self {
        // A process says once that it is going to ask. Saying it twice does nothing.
        match membarrier(MembarrierCommand::RegisterPrivateExpedited) {
            Ok(()) => Self::Membarrier,
            Err(_) => Self::Rendezvous,
        }
    }

    /// Returns when each thread that runs between the [`light_fence`](crate::sync::light_fence)s
    /// of its accesses, inside of `gate`, has passed a full fence since the call.
    pub(crate) fn pass(self, gate: &Gate) {
        let passed = match self {
            Self::Membarrier => membarrier(MembarrierCommand::PrivateExpedited).is_ok(),
            Self::Rendezvous => false,
        };
        if !passed {
            gate.stop();
            gate.resume();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_return_while_nobody_runs() {
        let gate = Gate::open();
        for barrier in [Barrier::choose(), Barrier::Membarrier, Barrier::Rendezvous] {
            barrier.pass(&gate);
        }
    }
}
