//! Disks that move with their guests, and disks that stay.
