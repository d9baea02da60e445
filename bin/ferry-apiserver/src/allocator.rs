//! Memory that goes back to the system.
//!
//! glibc gives a large block of memory back when it is freed, until one has been: from then on it
//! keeps blocks of that size, between which the small ones of the next minutes settle. The journal's
//! buffers of half a megabyte make 30 MiB of holes that way, half as much as the server needs for ten
//! thousand objects. A threshold that was set stays as it is; glibc reads it before `main`, so the
//! process starts itself once more.
//!
//! It also gives nearly every thread a heap of its own, each with free space that no other thread gets.
//! Only those that work all the time need one.

use std::env;
use std::hint::black_box;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

/// The variable by which glibc knows which blocks are large. See mallopt(3), `M_MMAP_THRESHOLD`.
const THRESHOLD: &str = "MALLOC_MMAP_THRESHOLD_";

/// What glibc begins with.
const BYTES: &str = "131072";

/// The variable by which glibc knows how many heaps there may be. See mallopt(3), `M_ARENA_MAX`.
const HEAPS: &str = "MALLOC_ARENA_MAX";

/// The threads that allocate all the time, beside those that serve connections: what decides and what
/// commits. Their heaps are theirs because they are the first to ask (`writer::Standby`).
const WRITERS: usize = 2;

/// What is before them: the program's first thread, and the one that hears signals. All others share
/// what there is.
const BEFORE: usize = 2;

/// How much room [`make_room`] makes: less than what is a large block, and than the room at the end of
/// a heap that glibc gives back (`M_TRIM_THRESHOLD`, which it begins with as well).
const ROOM: usize = 96 << 10;

/// Lets the heap of this thread grow by more than it needs at once. By itself glibc asks the kernel for
/// each page or two, which for objects that are kept is every third time.
pub(crate) fn make_room() {
    drop(black_box(Vec::<u8>::with_capacity(ROOM)));
}

/// Starts the program once more, in the same process, with an allocator that gives memory back.
/// Returns where that is done, not wanted or not possible.
pub(crate) fn settle() {
    if cfg!(not(target_env = "gnu")) || env::var_os(THRESHOLD).is_some() {
        return;
    }
    let Ok(program) = env::current_exe() else { return };
    let mut again = Command::new(program);
    again.args(env::args_os().skip(1)).env(THRESHOLD, BYTES);
    if env::var_os(HEAPS).is_none() {
        let servers = thread::available_parallelism().map_or(1, usize::from);
        again.env(HEAPS, (BEFORE + servers + WRITERS).to_string());
    }
    // It only returns if there is no other program; then this one serves, with a few holes more.
    let _why = again.exec();
}
