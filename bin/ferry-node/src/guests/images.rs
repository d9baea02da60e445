//! The files of claims: which there are that no guest here needs, and their end.

use std::io;

use ferry_reconcile::claims::{Image, unused};

use super::Guests;

impl Guests {
    /// The claims whose files this node sees and that none of its guests has.
    pub(crate) fn unused_images(&self) -> io::Result<Vec<Image>> {
        // First, since a guest that comes meanwhile may make one.
        let images = self.inner.world.machines.places().images()?;
        let guests = self.present();
        let disks = guests.iter().map(|it| (it.report().state, it.spec.disks.as_slice()));
        Ok(unused(images, disks))
    }

    /// Removes the file of a claim that is no more.
    pub(crate) fn remove_image(&self, image: &Image) -> io::Result<()> {
        self.inner.world.machines.places().remove(image)
    }
}
