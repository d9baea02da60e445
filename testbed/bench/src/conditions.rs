//! Under which conditions the figures were taken. A reader who does not know them is misled.

/// What holds for every run.
pub(crate) const CONDITIONS: &[&str] = &[
    "GB/s are 10^9 bytes of guest memory a second, from the state 'setup' to 'completed' at both sides, by the events' times.",
    "The destination's memory is populated before the clock starts, in huge pages where Linux gives them, except where the \
     case says 'populating' and in QEMU's default configurations.",
    "Host memory is warm: before a destination that populates inside the clock starts, as much huge memory was taken, touched \
     and given back. 'yardstick population' is what Linux then takes to hand it out again.",
    "'yardstick tcp' writes one buffer of 1 MiB again and again, which stays in cache; 'memory to memory' writes and reads \
     buffers as large as the guest's memory. Sockets are tuned as ferry's are. QEMU's are not: they have the congestion \
     control of the system.",
    "Guests are full of what does not compress, ferry's by its generator and QEMU's from outside. After bulk and post-copy \
     every page of ferry's guest is verified, and after a migration of QEMU's stopped guest samples of 1 in 64 are.",
    "'qemu idle' is firmware that found nothing to start: QEMU's least blackout. A guest that stands still has none, so \
     what QEMU says itself is told there.",
    "'by events' is from STOP at the source to RESUME at the destination, which is all that QEMU tells. Other blackouts of \
     ferry are from the last instruction of a vCPU to the first.",
];
