//! A guest for machines that boot: 512 bytes that walk over their memory for ever and change every page,
//! so that it can be told afterwards whether any page was lost on a migration.
//!
//! The idea is that of the guest in QEMU's own migration tests (`tests/migration/i386/a-b-bootblock.S`).
//! This one stays with the processor's 16-bit mode, has one segment that reaches everything, and can be
//! told how fast to walk.

/// The size of a disk's sector.
const SECTOR: usize = 512;

/// Where the code ends and its data begins.
const DATA: usize = 0x76;

/// What firmware looks for at the end of a sector that can be started.
const SIGNATURE: [u8; 2] = [0x55, 0xaa];

/// What firmware loads at 0x7c00 and jumps to.
#[rustfmt::skip]
const CODE: [u8; DATA] = [
    // Segments and a stack, below ourselves.
    0xfa,                                       // 00  cli
    0x31, 0xc0,                                 // 01  xor   ax, ax
    0x8e, 0xd8,                                 // 03  mov   ds, ax
    0x8e, 0xd0,                                 // 05  mov   ss, ax
    0xbc, 0x00, 0x7c,                           // 07  mov   sp, 0x7c00
    // The address line 20, without which every other MiB is its neighbour.
    0xe4, 0x92,                                 // 0a  in    al, 0x92
    0x0c, 0x02,                                 // 0c  or    al, 2
    0xe6, 0x92,                                 // 0e  out   0x92, al
    // A look into protected mode gives fs a limit of 4 GiB, which it keeps.
    0x0f, 0x01, 0x16, 0x76, 0x7c,               // 10  lgdt  [0x7c76]
    0x0f, 0x20, 0xc0,                           // 15  mov   eax, cr0
    0x0c, 0x01,                                 // 18  or    al, 1
    0x0f, 0x22, 0xc0,                           // 1a  mov   cr0, eax
    0xbb, 0x08, 0x00,                           // 1d  mov   bx, 8
    0x8e, 0xe3,                                 // 20  mov   fs, bx
    0x24, 0xfe,                                 // 22  and   al, 0xfe
    0x0f, 0x22, 0xc0,                           // 24  mov   cr0, eax
    // The timer ticks a thousand times a second: 1,193,182 Hz / 1193.
    0xb0, 0x34,                                 // 27  mov   al, 0x34
    0xe6, 0x43,                                 // 29  out   0x43, al
    0xb0, 0xa9,                                 // 2b  mov   al, 1193 & 0xff
    0xe6, 0x40,                                 // 2d  out   0x40, al
    0xb0, 0x04,                                 // 2f  mov   al, 1193 >> 8
    0xe6, 0x40,                                 // 31  out   0x40, al
    // Its interrupt is ours: firmware's own handler would take fs away. No other gets through.
    0xc7, 0x06, 0x20, 0x00, 0x6f, 0x7c,         // 33  mov   word [0x20], 0x7c6f
    0xc7, 0x06, 0x22, 0x00, 0x00, 0x00,         // 39  mov   word [0x22], 0
    0xb0, 0xfe,                                 // 3f  mov   al, 0xfe
    0xe6, 0x21,                                 // 41  out   0x21, al
    0xfb,                                       // 43  sti
    0x8b, 0x0e, 0x94, 0x7c,                     // 44  mov   cx, [pages in a tick]
    // Once over everything …
    0x66, 0x8b, 0x3e, 0x8c, 0x7c,               // 48  mov   edi, [first]
    0x64, 0x67, 0xfe, 0x07,                     // 4d  inc   byte [fs:edi]
    0x66, 0x81, 0xc7, 0x00, 0x10, 0x00, 0x00,   // 51  add   edi, 4096
    // … and so many pages at a time, then rest until the next tick …
    0x49,                                       // 58  dec   cx
    0x75, 0x05,                                 // 59  jnz   0x60
    0xf4,                                       // 5b  hlt
    0x8b, 0x0e, 0x94, 0x7c,                     // 5c  mov   cx, [pages in a tick]
    0x66, 0x3b, 0x3e, 0x90, 0x7c,               // 60  cmp   edi, [end]
    0x72, 0xe6,                                 // 65  jb    0x4d
    // … then a letter to the first serial port, and over it again.
    0xb0, b'A',                                 // 67  mov   al, 'A'
    0xba, 0xf8, 0x03,                           // 69  mov   dx, 0x3f8
    0xee,                                       // 6c  out   dx, al
    0xeb, 0xd9,                                 // 6d  jmp   0x48
    // The timer's interrupt has only to be acknowledged.
    0x50,                                       // 6f  push  ax
    0xb0, 0x20,                                 // 70  mov   al, 0x20
    0xe6, 0x20,                                 // 72  out   0x20, al
    0x58,                                       // 74  pop   ax
    0xcf,                                       // 75  iret
];

/// Descriptors: where they are, none, and data from 0 to 4 GiB.
const DESCRIPTORS: [u8; 22] = [
    15, 0, 0x7c, 0x7c, 0, 0, // 16 bytes, at 0x7c7c
    0, 0, 0, 0, 0, 0, 0, 0, //
    0xff, 0xff, 0, 0, 0, 0x92, 0xcf, 0,
];

/// A guest that adds one to the first byte of each page of a part of its memory, over and over, and says
/// [`LETTER`](Self::LETTER) on its serial port after each round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootSector {
    /// The first address that it changes: a page's. Below 1 MiB are firmware and the guest itself.
    pub first: u32,
    /// The address at which it begins again: a page's.
    pub end: u32,
    /// How many pages it changes each thousandth of a second. 0 is 65,536, which is more than a processor
    /// that is emulated can do.
    pub pages_in_a_tick: u16,
}

impl BootSector {
    /// The size of a page, and the length of a step.
    pub const STEP: u32 = 4 << 10;

    /// What it says after each round.
    pub const LETTER: char = 'A';

    /// The disk to start from.
    pub fn image(&self) -> [u8; SECTOR] {
        let mut image = [0; SECTOR];
        let mut at = 0;
        let numbers = [self.first.to_le_bytes(), self.end.to_le_bytes()].concat();
        let pace = self.pages_in_a_tick.to_le_bytes();
        for part in [&CODE[..], &DESCRIPTORS, &numbers, &pace] {
            image[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        image[SECTOR - SIGNATURE.len()..].copy_from_slice(&SIGNATURE);
        image
    }

    /// The same as a disk that every firmware starts from: less than a cylinder some do not read.
    pub fn disk(&self) -> Vec<u8> {
        const CYLINDER: usize = 1 << 20;
        let mut disk = self.image().to_vec();
        disk.resize(CYLINDER, 0);
        disk
    }

    /// How many pages it changes.
    pub const fn pages(&self) -> u32 {
        (self.end - self.first) / Self::STEP
    }

    /// The number of the first page that is not as it can have left it, if memory was zero before: it is
    /// somewhere in a round, so pages have been changed once more up to there than behind it.
    ///
    /// `bytes` are the first bytes of all pages, of one moment.
    pub fn lost(bytes: &[u8]) -> Option<usize> {
        let (ahead, behind) = (*bytes.first()?, bytes.first()?.wrapping_sub(1));
        let turn = bytes.iter().position(|&byte| byte != ahead)?;
        let rest = bytes[turn..].iter().position(|&byte| byte != behind)?;
        Some(turn + rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_is_told_is_where_its_code_looks_for_it() {
        let sector = BootSector { first: 0x0010_0000, end: 0x0300_0000, pages_in_a_tick: 25 };
        let image = sector.image();
        // The operands of `mov edi, [first]`, `cmp edi, [end]` and `mov cx, [pages in a tick]`.
        for (operand, expected) in [(0x4b, 0x0010_0000), (0x63, 0x0300_0000)] {
            let at = usize::from(u16::from_le_bytes([image[operand], image[operand + 1]])) - 0x7c00;
            assert_eq!(u32::from_le_bytes(image[at..at + 4].try_into().unwrap()), expected);
        }
        let at = usize::from(u16::from_le_bytes([image[0x46], image[0x47]])) - 0x7c00;
        assert_eq!(u16::from_le_bytes([image[at], image[at + 1]]), 25);
        assert_eq!(&image[510..], [0x55, 0xaa]);
        assert_eq!(sector.pages(), 0x2f00);
    }

    #[test]
    fn a_page_that_missed_a_round_is_found() {
        for (bytes, expected) in [
            (&[][..], None),
            (&[7], None),
            (&[7, 7, 7], None),
            (&[7, 7, 6], None),
            (&[0, 255, 255], None),
            (&[7, 6, 7], Some(2)),
            (&[7, 7, 5], Some(2)),
            (&[7, 8, 8], Some(1)),
            (&[7, 6, 6, 5, 6], Some(3)),
        ] {
            assert_eq!(BootSector::lost(bytes), expected, "{bytes:?}");
        }
    }
}
