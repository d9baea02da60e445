//! Whether the guest that is offered is the one that this side was started for.

use ferry_units::{Bytes, PageCount, PageSize};

use crate::error::Mismatch;
use crate::layout::Layout;
use crate::wire::{DiskOffer, Offer};

/// What this side was started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hardware {
    /// The guest's identity.
    pub uuid: String,
    /// Its memory.
    pub memory: Bytes,
    /// How many vCPUs it has.
    pub cpus: u32,
    /// Its disks.
    pub disks: Vec<DiskOffer>,
}

impl Hardware {
    /// What this guest offers to a destination.
    pub fn offer(&self, channels: u8, post_copy: bool) -> Offer {
        Offer {
            uuid: self.uuid.clone(),
            memory: self.memory,
            page: PageSize::KIB_4.bytes(),
            cpus: self.cpus,
            channels,
            post_copy,
            disks: self.disks.clone(),
        }
    }

    /// What crosses, on so many channels.
    pub fn layout(&self, channels: u8) -> Layout {
        let blocks = |disk: &DiskOffer| {
            if disk.shared { PageCount(0) } else { PageSize::KIB_4.pages_in(disk.size) }
        };
        let disks: Vec<_> = self.disks.iter().map(blocks).collect();
        Layout::new(PageSize::KIB_4.pages_in(self.memory), &disks, channels)
    }

    /// Compares it with an offer: what crosses if it is the same guest.
    ///
    /// # Errors
    /// [`Mismatch`], the first that there is.
    pub fn compare(&self, offer: &Offer) -> Result<Layout, Mismatch> {
        if offer.uuid != self.uuid {
            let (theirs, ours) = (offer.uuid.clone(), self.uuid.clone());
            return Err(Mismatch::Uuid { theirs, ours });
        }
        if offer.memory != self.memory {
            return Err(Mismatch::Memory { theirs: offer.memory, ours: self.memory });
        }
        let page = PageSize::KIB_4.bytes();
        if offer.page != page {
            return Err(Mismatch::PageSize { theirs: offer.page, ours: page });
        }
        if offer.cpus != self.cpus {
            return Err(Mismatch::Cpus { theirs: offer.cpus, ours: self.cpus });
        }
        if offer.disks.len() != self.disks.len() {
            let (theirs, ours) = (offer.disks.len(), self.disks.len());
            return Err(Mismatch::DiskCount { theirs, ours });
        }
        for (theirs, ours) in offer.disks.iter().zip(&self.disks) {
            if theirs != ours {
                let (id, theirs, ours) = (theirs.id.clone(), describe(theirs), describe(ours));
                return Err(Mismatch::Disk { id, theirs, ours });
            }
        }
        Ok(self.layout(offer.channels))
    }
}

fn describe(disk: &DiskOffer) -> String {
    let kind = if disk.shared { "shared" } else { "local" };
    format!("{} bytes, {kind}, and is called {}", disk.size.get(), disk.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hardware() -> Hardware {
        let disk =
            |id: &str, shared| DiskOffer { id: id.to_owned(), size: Bytes::from_mib(8), shared };
        Hardware {
            uuid: "a".to_owned(),
            memory: Bytes::from_mib(64),
            cpus: 2,
            disks: vec![disk("disk0", false), disk("disk1", true)],
        }
    }

    #[test]
    fn the_same_guest_fits_and_shared_disks_do_not_cross() {
        let layout = hardware().compare(&hardware().offer(2, false)).unwrap();
        assert_eq!(layout.bytes(), Bytes::from_mib(72));
        assert_eq!(layout.channel_count(), 2);
    }

    #[test]
    fn another_guest_is_refused_in_words() {
        let mut other = hardware();
        other.disks[1].shared = false;
        let fewer = Hardware { disks: vec![], ..hardware() };
        for (offered, text) in [
            (
                Hardware { uuid: "b".to_owned(), ..hardware() },
                "the guest's uuid is b, the destination was started for a",
            ),
            (
                Hardware { memory: Bytes::from_mib(32), ..hardware() },
                "the guest has 33554432 bytes of memory, the destination 67108864",
            ),
            (Hardware { cpus: 4, ..hardware() }, "the guest has 4 vCPUs, the destination 2"),
            (fewer, "the guest has 0 disks, the destination 2"),
            (
                other,
                "disk disk1 of the guest has 8388608 bytes, local, and is called disk1, the \
                 destination's has 8388608 bytes, shared, and is called disk1",
            ),
        ] {
            let refused = hardware().compare(&offered.offer(1, true)).unwrap_err();
            assert_eq!(refused.to_string(), text);
        }
        let huge = Offer { page: Bytes::from_mib(2), ..hardware().offer(1, false) };
        assert!(matches!(hardware().compare(&huge), Err(Mismatch::PageSize { .. })));
    }
}
