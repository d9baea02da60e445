//! What a QEMU guest executes in tests: a boot sector that walks over its memory for ever, and the
//! check that a copy of that memory is of one moment.
//!
//! Each pass adds one to the first byte of each page, from the first page to the last. So whenever it is
//! stopped, the pages that the pass has been at are one ahead of those that it has not: along memory the
//! number falls once, by one, or never. A page that was lost, or that is older than its neighbours,
//! breaks that.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// A disk's first sector, which firmware loads to [`ORIGIN`] and executes.
const SECTOR: usize = 512;

/// The smallest disk that firmware reads: less is no whole cylinder.
const DISK: usize = 1 << 20;

/// Where that is.
const ORIGIN: u16 = 0x7c00;

/// How it ends.
const SIGNATURE: [u8; 2] = [0x55, 0xaa];

/// Pages are of this size.
const PAGE: usize = 4096;

/// The selectors of the code and data segments that [`GLOBAL_TABLE`] describes.
const CODE: u8 = 8;
const DATA: u8 = 16;

/// Segments of 4 GiB that begin at 0: none, one of code, and one of data.
const GLOBAL_TABLE: [u8; 24] = [
    0, 0, 0, 0, 0, 0, 0, 0, //
    0xff, 0xff, 0, 0, 0, 0x9a, 0xcf, 0, //
    0xff, 0xff, 0, 0, 0, 0x92, 0xcf, 0,
];

/// A guest that walks over its memory.
#[derive(Clone, Copy, Debug)]
pub struct Payload {
    /// Where the memory begins that it walks over, in bytes.
    pub start: u32,
    /// Where that memory ends. Firmware keeps things at the very end of memory.
    pub end: u32,
    /// How long it counts between two passes, so that a link can keep up with it.
    pub delay: u32,
}

impl Default for Payload {
    fn default() -> Self {
        Self { start: 1 << 20, end: 24 << 20, delay: 1 << 22 }
    }
}

impl Payload {
    /// The sector.
    pub fn sector(self) -> [u8; SECTOR] {
        let mut code = Code::default();
        // In real mode: no interrupts, and data where the sector says.
        code.put(&[0xfa]); // cli
        code.put(&[0x31, 0xc0]); // xor ax, ax
        code.put(&[0x8e, 0xd8]); // mov ds, ax
        // The 21st address line.
        code.put(&[0xe4, 0x92]); // in al, 0x92
        code.put(&[0x0c, 0x02]); // or al, 2
        code.put(&[0xe6, 0x92]); // out 0x92, al
        // To protected mode.
        code.put(&[0x0f, 0x01, 0x16]); // lgdt [table]
        let table = code.hole();
        code.put(&[0x0f, 0x20, 0xc0]); // mov eax, cr0
        code.put(&[0x0c, 0x01]); // or al, 1
        code.put(&[0x0f, 0x22, 0xc0]); // mov cr0, eax
        code.put(&[0xea]); // jmp CODE:protected
        let protected = code.hole();
        code.put(&[CODE, 0]);
        code.fill(protected, code.here());
        code.put(&[0x66, 0xb8, DATA, 0]); // mov ax, DATA
        code.put(&[0x8e, 0xd8]); // mov ds, ax
        code.put(&[0x66, 0xba, 0xf8, 0x03]); // mov dx, the serial port
        // It has begun.
        code.put(&[0xb0, b'A']); // mov al, 'A'
        code.put(&[0xee]); // out dx, al
        // All pages are equal at first.
        code.put(&[0xbb]); // mov ebx, start
        code.put(&self.start.to_le_bytes());
        let clear = code.mark();
        code.put(&[0xc6, 0x03, 0x00]); // mov byte [ebx], 0
        self.next_page(&mut code, clear);
        // For ever: a pass, a letter, and a rest.
        let pass = code.mark();
        code.put(&[0xbb]); // mov ebx, start
        code.put(&self.start.to_le_bytes());
        let page = code.mark();
        code.put(&[0xfe, 0x03]); // inc byte [ebx]
        self.next_page(&mut code, page);
        code.put(&[0xb0, b'B']); // mov al, 'B'
        code.put(&[0xee]); // out dx, al
        code.put(&[0xb9]); // mov ecx, delay
        code.put(&self.delay.max(1).to_le_bytes());
        let rest = code.mark();
        code.put(&[0x49]); // dec ecx
        code.jump(&[0x75], rest); // jnz rest
        code.jump(&[0xeb], pass); // jmp pass
        // The table, and where it is.
        let descriptors = code.here();
        code.put(&GLOBAL_TABLE);
        code.fill(table, code.here());
        let limit = u16::try_from(GLOBAL_TABLE.len() - 1).expect("three entries");
        code.put(&limit.to_le_bytes());
        code.put(&u32::from(descriptors).to_le_bytes());
        code.sector()
    }

    /// `ebx` to the next page, and back to `again` as long as that is in the memory walked over.
    fn next_page(self, code: &mut Code, again: usize) {
        code.put(&[0x81, 0xc3]); // add ebx, PAGE
        code.put(&u32::try_from(PAGE).expect("a page is small").to_le_bytes());
        code.put(&[0x81, 0xfb]); // cmp ebx, end
        code.put(&self.end.to_le_bytes());
        code.jump(&[0x72], again); // jb again
    }

    /// Writes a disk that holds nothing else.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(self, path: &Path) -> Result<()> {
        let mut disk = self.sector().to_vec();
        disk.resize(DISK, 0);
        std::fs::write(path, disk).with_context(|| format!("writing {}", path.display()))
    }

    /// How much memory it walks over.
    pub fn length(self) -> u64 {
        u64::from(self.end - self.start)
    }

    /// Checks a copy of the memory walked over, taken while the guest stood still. Says which number
    /// its first page had.
    ///
    /// # Errors
    /// Which page is not of the same moment as the one before it.
    pub fn check(self, memory: &[u8]) -> Result<u8> {
        let length = usize::try_from(self.length())?;
        ensure!(memory.len() == length, "{} bytes of {length}", memory.len());
        let first = *memory.first().context("no memory")?;
        let mut before = first;
        let mut falls = 0;
        for (index, page) in memory.chunks(PAGE).enumerate() {
            let now = page[0];
            match before.wrapping_sub(now) {
                0 => {}
                1 => falls += 1,
                _ => bail!("page {index} has {now} behind {before}"),
            }
            ensure!(falls <= 1, "page {index} falls behind a second time, to {now}");
            ensure!(page[1..].iter().all(|byte| *byte == 0), "page {index} has more than a number");
            before = now;
        }
        Ok(first)
    }
}

/// Machine code that grows.
#[derive(Default)]
struct Code(Vec<u8>);

impl Code {
    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Leaves room for an address that is not known yet.
    fn hole(&mut self) -> usize {
        self.put(&[0, 0]);
        self.0.len() - 2
    }

    fn fill(&mut self, hole: usize, address: u16) {
        self.0[hole..hole + 2].copy_from_slice(&address.to_le_bytes());
    }

    /// The address of what is put next.
    fn here(&self) -> u16 {
        ORIGIN + u16::try_from(self.0.len()).expect("it fits into a sector")
    }

    /// A place to jump back to.
    fn mark(&self) -> usize {
        self.0.len()
    }

    /// A short jump back.
    fn jump(&mut self, opcode: &[u8], to: usize) {
        self.put(opcode);
        let distance = self.0.len() + 1 - to;
        let distance = i8::try_from(distance).expect("loops are short");
        self.put(&(-distance).to_le_bytes());
    }

    fn sector(mut self) -> [u8; SECTOR] {
        assert!(self.0.len() <= SECTOR - SIGNATURE.len(), "it fits into a sector");
        self.0.resize(SECTOR - SIGNATURE.len(), 0);
        self.put(&SIGNATURE);
        self.0.try_into().expect("that is how long it is")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_one_moment_falls_once_at_most() {
        let payload = Payload { start: 1 << 20, end: (1 << 20) + 4 * 4096, delay: 1 };
        let memory = |numbers: [u8; 4]| {
            let pages = numbers.iter().flat_map(|number| {
                let mut page = vec![0; PAGE];
                page[0] = *number;
                page
            });
            pages.collect::<Vec<u8>>()
        };
        for (numbers, is_sound) in [
            ([7, 7, 7, 7], true),
            ([7, 7, 6, 6], true),
            ([0, 255, 255, 255], true),
            ([7, 6, 6, 5], false),
            ([7, 6, 7, 6], false),
            ([7, 5, 5, 5], false),
            ([6, 7, 7, 7], false),
        ] {
            assert_eq!(payload.check(&memory(numbers)).is_ok(), is_sound, "{numbers:?}");
        }
        assert!(payload.check(&memory([1; 4])[1..]).is_err());
        let mut dirty = memory([1; 4]);
        dirty[4097] = 1;
        assert!(payload.check(&dirty).is_err());
    }

    #[test]
    fn the_sector_is_one_that_firmware_boots() {
        let sector = Payload::default().sector();
        assert_eq!((sector[0], &sector[510..]), (0xfa, &SIGNATURE[..]));
    }
}
