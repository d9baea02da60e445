//! Little-endian numbers and short texts, to and from bytes.

use super::error::DecodeError;

/// Takes bytes apart, front to back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

/// Puts bytes together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`, which are called `what` when they are wrong.
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or(DecodeError::Short { what: self.what })?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let taken = self.take(N)?;
        Ok(taken.try_into().expect("as many were taken"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn id(&mut self) -> Result<[u8; 16], DecodeError> {
        self.array()
    }

    pub(crate) fn text(&mut self) -> Result<String, DecodeError> {
        let length = self.u16()?;
        let bytes = self.take(usize::from(length))?;
        String::from_utf8(bytes.to_vec()).map_err(|_| DecodeError::Text)
    }

    /// Everything was read.
    pub(crate) fn end(self) -> Result<(), DecodeError> {
        match self.rest.len() as u64 {
            0 => Ok(()),
            left => Err(DecodeError::Long { what: self.what, left }),
        }
    }
}

impl Writer {
    pub(crate) fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub(crate) fn u8(&mut self, value: u8) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    pub(crate) fn u16(&mut self, value: u16) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// A text, cut at a character where it is longer than a length of 16 bits can say.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        let text = &text[..text.floor_char_boundary(usize::from(u16::MAX))];
        self.u16(u16::try_from(text.len()).expect("it was cut")).put(text.as_bytes())
    }

    pub(crate) fn done(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}
