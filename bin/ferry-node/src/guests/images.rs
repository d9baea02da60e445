//! The files of claims: which of them no guest here needs, and their end.

use std::io;

use ferry_reconcile::claims::Image;
use ferry_reconcile::guest::{DiskPlace, GuestState};

use super::Guests;

impl Guests {
    /// The claims whose files this node sees and that none of its guests has.
    pub(crate) fn unused_images(&self) -> io::Result<Vec<Image>> {
        let mut images = self.inner.world.machines.places().images()?;
        let guests = self.present();
        let alive = guests.iter().filter(|it| !matches!(it.report().state, GuestState::Ended(_)));
        for disk in alive.flat_map(|guest| &guest.spec.disks) {
            match &disk.place {
                DiskPlace::Claim(used) | DiskPlace::SharedClaim(used) => {
                    images.retain(|image| image != used);
                }
                DiskPlace::Ephemeral | DiskPlace::Host { .. } | DiskPlace::SharedHost { .. } => {}
            }
        }
        Ok(images)
    }

    /// Removes the file of a claim that is no more.
    pub(crate) fn remove_image(&self, image: &Image) -> io::Result<()> {
        self.inner.world.machines.places().remove(image)
    }
}
