//! One channel at the destination: what arrives on it, and where it goes.

use ferry_units::{PageCount, PageRun};

use crate::error::TransferError;
use crate::layout::{Channel, Layout, Volume};

/// Checks what arrives on one connection. It belongs to the thread that reads it.
#[derive(Clone, Debug)]
pub struct Receiver {
    lane: Lane,
    layout: Layout,
    received: PageCount,
    awaits: Awaits,
}

/// What a connection carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    Data(Channel),
    Urgent,
}

/// What may arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaits {
    Everything,
    Memory,
}

impl Receiver {
    /// For a data connection, before the guest runs.
    pub fn new(layout: Layout, channel: Channel) -> Self {
        let (lane, received) = (Lane::Data(channel), PageCount(0));
        Self { lane, layout, received, awaits: Awaits::Everything }
    }

    /// For the urgent connection, on which any page of memory may arrive.
    pub fn urgent(layout: Layout) -> Self {
        Self { lane: Lane::Urgent, layout, received: PageCount(0), awaits: Awaits::Memory }
    }

    /// The guest runs, or is about to: from now on only memory that it lacks may arrive.
    pub fn guest_runs(&mut self) {
        self.awaits = Awaits::Memory;
    }

    /// A frame has these pages, which are counted.
    ///
    /// # Errors
    /// [`TransferError::Misplaced`] for pages that are not there or do not belong on this channel,
    /// and [`TransferError::TooLate`] for blocks after the guest has begun to run.
    pub fn frame(&mut self, volume: Volume, runs: &[PageRun]) -> Result<(), TransferError> {
        if self.awaits == Awaits::Memory && volume != Volume::Memory {
            return Err(TransferError::TooLate { volume });
        }
        for run in runs {
            let run = *run;
            let channel = match self.lane {
                Lane::Data(channel) => channel,
                Lane::Urgent => self.layout.channel_of(volume, run.first()),
            };
            if run.is_empty() || !self.layout.carries(channel, volume, run) {
                return Err(TransferError::Misplaced { channel, volume, run });
            }
            self.received = PageCount(self.received.0.saturating_add(run.count().0));
        }
        Ok(())
    }

    /// A fence says that so many pages were sent before it.
    ///
    /// # Errors
    /// [`TransferError::Miscounted`] if others have come.
    pub fn fence(&self, named: PageCount) -> Result<(), TransferError> {
        let channel = match self.lane {
            Lane::Data(channel) => channel,
            Lane::Urgent => Channel(0),
        };
        if named == self.received {
            Ok(())
        } else {
            Err(TransferError::Miscounted { channel, named, received: self.received })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_units::PageIndex;

    #[test]
    fn what_does_not_belong_there_is_refused() {
        let layout = Layout::new(PageCount(1024), &[PageCount(8)], 2);
        let run = |first, count| PageRun::new(PageIndex(first), PageCount(count));
        let data = Receiver::new(layout.clone(), Channel(1));
        let mut running = data.clone();
        running.guest_runs();
        for (receiver, volume, pages, is_taken) in [
            (&data, Volume::Memory, run(512, 512), true),
            (&data, Volume::Memory, run(0, 1), false),
            (&data, Volume::Memory, run(1023, 2), false),
            (&data, Volume::Memory, run(512, 0), false),
            (&data, Volume::Disk(0), run(0, 8), true),
            (&data, Volume::Disk(0), run(0, 9), false),
            (&data, Volume::Disk(1), run(0, 1), false),
            (&running, Volume::Memory, run(512, 1), true),
            (&running, Volume::Disk(0), run(0, 1), false),
            (&Receiver::urgent(layout), Volume::Memory, run(0, 16), true),
        ] {
            let frame = receiver.clone().frame(volume, &[pages]);
            assert_eq!(frame.is_ok(), is_taken, "{volume:?} {pages}: {frame:?}");
        }
    }

    #[test]
    fn a_fence_tells_what_is_missing() {
        let mut receiver = Receiver::new(Layout::new(PageCount(512), &[], 1), Channel(0));
        receiver.frame(Volume::Memory, &[PageRun::new(PageIndex(0), PageCount(3))]).unwrap();
        assert!(receiver.fence(PageCount(3)).is_ok());
        assert!(matches!(receiver.fence(PageCount(4)), Err(TransferError::Miscounted { .. })));
    }
}
