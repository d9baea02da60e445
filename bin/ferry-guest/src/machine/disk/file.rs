//! Holes in the file of a disk.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use ferry_units::{Bytes, PageCount, PageRun, PageSet, PageSize};
use rustix::fs::{FallocateFlags, SeekFrom, fallocate, seek};
use rustix::io::Errno;

/// Zeros that are written at once where there can be no holes.
const ZEROS: &[u8] = &[0; 64 * 1024];

/// Makes `length` bytes at `offset` zero.
pub(super) fn zero(file: &File, offset: Bytes, length: Bytes) -> io::Result<()> {
    if length.is_zero() {
        return Ok(());
    }
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    match fallocate(file, hole, offset.get(), length.get()) {
        Ok(()) => Ok(()),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => write_zeros(file, offset.get(), length.get()),
        Err(errno) => Err(errno.into()),
    }
}

fn write_zeros(file: &File, mut offset: u64, mut length: u64) -> io::Result<()> {
    while length > 0 {
        let piece = usize::try_from(length).unwrap_or(usize::MAX).min(ZEROS.len());
        file.write_all_at(&ZEROS[..piece], offset)?;
        offset += piece as u64;
        length -= piece as u64;
    }
    Ok(())
}

/// The blocks of a file of `blocks` blocks that are not holes. The file's position, which this moves,
/// is used by nothing else.
pub(super) fn allocated(file: &File, blocks: PageCount) -> io::Result<PageSet> {
    let mut set = PageSet::empty(blocks);
    let (block, end) = (PageSize::KIB_4.bytes().get(), blocks.bytes(PageSize::KIB_4).get());
    let mut at = 0;
    while at < end {
        let data = match seek(file, SeekFrom::Data(at)) {
            Ok(data) => data,
            Err(Errno::NXIO) => break,
            // A file system that knows no holes.
            Err(Errno::INVAL) => return Ok(PageSet::full(blocks)),
            Err(errno) => return Err(errno.into()),
        };
        let hole = seek(file, SeekFrom::Hole(data))?;
        set.insert_run(PageRun::of(data / block..hole.div_ceil(block)));
        at = hole.max(data + 1);
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_written_where_there_can_be_no_holes() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&vec![7; 200_000], 0).unwrap();
        write_zeros(&file, 100, 150_000).unwrap();
        let mut bytes = vec![1; 200_000];
        file.read_exact_at(&mut bytes, 0).unwrap();
        let expected: Vec<u8> =
            (0..200_000).map(|at| if (100..150_100).contains(&at) { 0 } else { 7 }).collect();
        assert!(bytes == expected);
    }
}
