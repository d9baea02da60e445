//! Numbers as bytes, little-endian, and back: what the device state is made of.

use thiserror::Error;

/// Why bytes are not the state of a device of this guest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StateError {
    /// They end too early.
    #[error("it ends too early")]
    Truncated,

    /// Something is there that no guest writes.
    #[error("{what} is malformed")]
    Malformed {
        /// What.
        what: &'static str,
    },

    /// It is of a version that this program does not know.
    #[error("it has version {found}; this program reads version {known}")]
    Version {
        /// Its version.
        found: u32,
        /// The only one that is known.
        known: u32,
    },

    /// It is of a guest that is made differently.
    #[error("{what}: {found} there, {expected} here; give both guests the same")]
    Different {
        /// In what they differ.
        what: &'static str,
        /// What the state says.
        found: u64,
        /// What this guest has.
        expected: u64,
    },
}

/// Appends to bytes.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    into: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(into: &'a mut Vec<u8>) -> Self {
        Self { into }
    }

    /// Makes room for so many bytes at once.
    pub(crate) fn expect(&mut self, bytes: usize) {
        self.into.reserve(bytes);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.into.extend_from_slice(bytes);
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.into.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn u16s(&mut self, values: &[u16]) {
        // In place: the compiler makes a plain copy of it.
        let start = self.into.len();
        self.into.resize(start + size_of_val(values), 0);
        let (chunks, _) = self.into[start..].as_chunks_mut();
        for (to, value) in chunks.iter_mut().zip(values) {
            *to = value.to_le_bytes();
        }
    }

    /// A text and its length.
    pub(crate) fn text(&mut self, text: &str) {
        self.u32(u32::try_from(text.len()).expect("no text of a guest has 4 GiB"));
        self.bytes(text.as_bytes());
    }
}

/// Takes from the front of bytes. What is not there is an error, never a panic.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_at_its_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], StateError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(StateError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, StateError> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, StateError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, StateError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, StateError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn u16s(&mut self, into: &mut [u16]) -> Result<(), StateError> {
        let (chunks, _) = self.take(size_of_val(into))?.as_chunks();
        for (to, chunk) in into.iter_mut().zip(chunks) {
            *to = u16::from_le_bytes(*chunk);
        }
        Ok(())
    }

    /// A text of at most `most` bytes.
    pub(crate) fn text(&mut self, most: u32, what: &'static str) -> Result<&'a str, StateError> {
        let length = self.u32()?;
        let length = usize::try_from(length).ok().filter(|_| length <= most);
        let bytes = self.take(length.ok_or(StateError::Malformed { what })?)?;
        str::from_utf8(bytes).map_err(|_| StateError::Malformed { what })
    }

    /// A number that must be `expected`.
    pub(crate) fn same(&mut self, what: &'static str, expected: u64) -> Result<(), StateError> {
        match self.u64()? {
            found if found == expected => Ok(()),
            found => Err(StateError::Different { what, found, expected }),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StateError> {
        self.take(N).map(|taken| taken.try_into().expect("as many as were taken"))
    }
}
