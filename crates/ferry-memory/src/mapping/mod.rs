//! A memfd and its mapping: the memory itself, and one of the two modules that are `unsafe`.
//!
//! Everything that makes the rest of the crate safe is established here, once:
//!
//! - the file's size is sealed, so no part of the mapping can ever fault for being beyond its end;
//! - the mapping lives as long as the [`Mapping`], which nobody can copy;
//! - the memory is only ever seen as words of [`AtomicU64`], never as bytes behind a reference; long
//!   copies in and out of those words, which a compiler does badly, are in [`strings`].
//!
//! The kernel writes to it too, when bytes are received. That is to Rust what a device's DMA is:
//! something outside of the program, which an atomic load may meet at any time.

mod strings;

use std::ffi::CString;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::AtomicU64;

use ferry_units::{Bytes, PageSize};
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

use crate::error::{MemoryError, Task};
use crate::words::WORD;
pub(crate) use strings::Strings;

/// What a huge page is aligned to, in the file and in the address space. Both have to agree, or
/// Linux never maps it as one.
pub(crate) const HUGE: usize = 2 << 20;

/// The longest name that `memfd_create(2)` takes.
const LONGEST_NAME: usize = 249;

/// Guest memory: a file without a name in any directory, mapped shared, readable and writable.
#[derive(Debug)]
pub(crate) struct Mapping {
    file: OwnedFd,
    /// Aligned to [`HUGE`].
    start: NonNull<AtomicU64>,
    /// In bytes; a whole number of pages, at least one.
    length: usize,
}

/// What Linux may be told about pages. None of it changes what they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Use huge pages where the host's settings let programs choose.
    Huge,
    /// Make this one huge page, whatever the settings say (Linux 6.1).
    Collapse,
    /// Have memory behind them now (Linux 5.14).
    PopulateWrite,
    /// Leave them out of a core dump: it would hold the guest's secrets, and be as large as it is.
    DontDump,
}

// SAFETY: a `Mapping` owns its pages as a `Box<[AtomicU64]>` would own its words, and hands out
// nothing but shared references to atomics. Which thread unmaps them does not matter.
unsafe impl Send for Mapping {}

// SAFETY: as above: through a shared reference there are atomics, which are `Sync`, and advice,
// which Linux takes from any thread.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// New memory of `size`, all zero and not backed by anything yet.
    pub(crate) fn create(name: &str, size: Bytes) -> Result<Self, MemoryError> {
        let length = usize::try_from(size.get())
            .ok()
            // Rust wants objects to be half as large as the address space at most.
            .filter(|length| isize::try_from(*length).is_ok() && *length > 0)
            .filter(|length| (*length as u64).is_multiple_of(PageSize::KIB_4.bytes().get()))
            .ok_or(MemoryError::Size { size })?;
        let file = sealed_memfd(name, size)?;
        let start = map(file.as_fd(), length).map_err(|errno| Task::MapMemory.failed(errno))?;
        let mapping = Self { file, start, length };
        // Both are wishes; a kernel that lacks them has memory as good.
        for wish in [Advice::Huge, Advice::DontDump] {
            mapping.advise(0..length, wish).or_else(|error| match error.raw_os_error() {
                Some(libc::EINVAL) => Ok(()),
                _ => Err(Task::MapMemory.failed(error)),
            })?;
        }
        Ok(mapping)
    }

    /// The memory.
    pub(crate) fn words(&self) -> &[AtomicU64] {
        // SAFETY: `start` is aligned to 2 MiB and begins `length` mapped bytes, a whole number of
        // words, that stay mapped as long as `self` is borrowed. All bit patterns are valid. The
        // file cannot shrink, so each of them can be accessed. Only atomics of this size access
        // them within the program: this is the one place that makes references to them.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.length / WORD) }
    }

    /// In bytes.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// The file that is mapped, for `sendfile` and `lseek`.
    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Where the byte `offset` is, for a system call that takes an address.
    pub(crate) fn address(&self, offset: usize) -> *mut libc::c_void {
        self.start.as_ptr().cast::<u8>().wrapping_add(offset).cast()
    }

    /// Tells Linux something about the pages that hold the bytes of `range`.
    pub(crate) fn advise(&self, range: Range<usize>, advice: Advice) -> io::Result<()> {
        let advice = match advice {
            Advice::Huge => libc::MADV_HUGEPAGE,
            Advice::Collapse => libc::MADV_COLLAPSE,
            Advice::PopulateWrite => libc::MADV_POPULATE_WRITE,
            Advice::DontDump => libc::MADV_DONTDUMP,
        };
        let range = range.start.min(self.length)..range.end.min(self.length);
        // SAFETY: the range lies within the mapping, and none of the four kinds of advice changes
        // what a page holds or takes it away.
        let result = unsafe { libc::madvise(self.address(range.start), range.len(), advice) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is the mapping that `map` made for this value alone, and no reference
        // to it outlives the value.
        let result = unsafe { rustix::mm::munmap(self.address(0), self.length) };
        debug_assert_eq!(result, Ok(()), "a mapping of its own can be unmapped");
    }
}

/// A file in memory whose size nobody can change any more.
fn sealed_memfd(name: &str, size: Bytes) -> Result<OwnedFd, MemoryError> {
    let c_name = CString::new(name).ok().filter(|name| name.as_bytes().len() <= LONGEST_NAME);
    let c_name = c_name.ok_or_else(|| MemoryError::Name { name: name.to_owned() })?;
    let create = || {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        // Before Linux 6.3 there is no such flag, and all memfds can be executed.
        let file = match rustix::fs::memfd_create(&c_name, flags | MemfdFlags::NOEXEC_SEAL) {
            Err(Errno::INVAL) => rustix::fs::memfd_create(&c_name, flags),
            other => other,
        }?;
        rustix::fs::ftruncate(&file, size.get())?;
        rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        Ok(file)
    };
    create().map_err(|errno: Errno| Task::CreateMemory.failed(errno))
}

/// Maps `length` bytes of `file` at an address that is a multiple of [`HUGE`].
fn map(file: BorrowedFd<'_>, length: usize) -> Result<NonNull<AtomicU64>, Errno> {
    // Linux aligns to what it thinks is useful, and for a memfd while huge pages are off that is a
    // small page. So a range is reserved that must hold an aligned one, and its ends are returned.
    let reserved = length.checked_add(HUGE).ok_or(Errno::NOMEM)?;
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
    // SAFETY: a new mapping, where Linux likes, touches nothing that exists.
    let area = unsafe {
        rustix::mm::mmap_anonymous(ptr::null_mut(), reserved, ProtFlags::empty(), flags)
    }?;
    let before = area.cast::<u8>().align_offset(HUGE);
    let start = area.wrapping_byte_add(before);
    let read_write = ProtFlags::READ | ProtFlags::WRITE;
    let flags = MapFlags::SHARED | MapFlags::FIXED;
    // SAFETY: it replaces a part of what was reserved just now, of which nobody else knows.
    let mapped = unsafe { rustix::mm::mmap(start, length, read_write, flags, file, 0) };
    let surplus = match mapped {
        Ok(_) => [(area, before), (start.wrapping_byte_add(length), HUGE - before)],
        Err(_) => [(area, reserved), (area, 0)],
    };
    for (from, length) in surplus.into_iter().filter(|(_, length)| *length > 0) {
        // SAFETY: what was reserved just now and is not used.
        unsafe { rustix::mm::munmap(from, length) }?;
    }
    mapped.and_then(|start| NonNull::new(start.cast()).ok_or(Errno::NOMEM))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    fn mapping(size: Bytes) -> Mapping {
        Mapping::create("test", size).unwrap()
    }

    #[test]
    fn new_memory_is_zero_from_its_first_to_its_last_word() {
        let mapping = mapping(Bytes::from_kib(12));
        assert_eq!(mapping.words().len(), 12 * 1024 / WORD);
        assert!(mapping.words().iter().all(|word| word.load(Ordering::Relaxed) == 0));
        let last = mapping.words().last().unwrap();
        last.store(7, Ordering::Relaxed);
        assert_eq!(mapping.words().last().unwrap().load(Ordering::Relaxed), 7);
    }

    #[test]
    fn memory_is_aligned_for_huge_pages() {
        for size in [Bytes::from_kib(4), Bytes::from_mib(6), Bytes::from_kib(2052)] {
            let mapping = mapping(size);
            assert!(mapping.address(0).cast::<u8>().align_offset(HUGE) == 0);
            assert_eq!(mapping.address(5).addr() - mapping.address(0).addr(), 5);
        }
    }

    #[test]
    fn nobody_can_change_the_size() {
        let mapping = mapping(Bytes::from_kib(8));
        for size in [0, 4096, 1 << 20] {
            assert_eq!(rustix::fs::ftruncate(mapping.file(), size), Err(Errno::PERM));
        }
        assert_eq!(rustix::fs::fcntl_add_seals(mapping.file(), SealFlags::WRITE), Err(Errno::PERM));
    }

    #[test]
    fn sizes_and_names_that_do_not_fit_are_refused() {
        for size in [0, 1, 4095, 4097, 1 << 63, u64::MAX] {
            let refused = Mapping::create("test", Bytes::new(size));
            assert!(matches!(refused, Err(MemoryError::Size { .. })), "{size}");
        }
        for name in ["a\0b".to_owned(), "x".repeat(LONGEST_NAME + 1)] {
            let refused = Mapping::create(&name, Bytes::from_kib(4));
            assert!(matches!(refused, Err(MemoryError::Name { .. })), "{name:?}");
        }
        assert!(Mapping::create(&"x".repeat(LONGEST_NAME), Bytes::from_kib(4)).is_ok());
    }

    #[test]
    fn memory_larger_than_the_address_space_is_refused_by_linux() {
        let refused = Mapping::create("test", Bytes::new(1 << 62));
        assert!(matches!(refused, Err(MemoryError::Os { .. })), "{refused:?}");
    }

    #[test]
    fn advice_beyond_the_end_is_cut() {
        let mapping = mapping(Bytes::from_kib(4));
        mapping.advise(0..usize::MAX, Advice::PopulateWrite).unwrap();
        mapping.advise(usize::MAX..usize::MAX, Advice::PopulateWrite).unwrap();
    }

    #[test]
    fn memory_goes_when_it_is_dropped() {
        let ours = |start: usize| {
            let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
            maps.contains(&format!("{start:x}-"))
        };
        let mapping = mapping(Bytes::from_kib(4));
        let start = mapping.address(0).addr();
        assert!(ours(start));
        drop(mapping);
        assert!(!ours(start));
    }
}
