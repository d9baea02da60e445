//! The bytes of protocol buffers: numbers of variable length, and fields with a number and a length.

use super::ProtobufError;

/// Bytes of a message that are still to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

/// What a field holds, before anything is known of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire<'a> {
    /// A number.
    Varint(u64),
    /// Eight bytes. None of Kubernetes' messages that are read here has such a field.
    Fixed64,
    /// Four bytes; likewise.
    Fixed32,
    /// Text, bytes, a message, or several numbers.
    Bytes(&'a [u8]),
}

impl<'a> Reader<'a> {
    /// Reads `bytes`.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next field, or `None` at the end.
    pub(super) fn field(&mut self) -> Result<Option<(u32, Wire<'a>)>, ProtobufError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| ProtobufError::Tag)?;
        if number == 0 {
            return Err(ProtobufError::Tag);
        }
        let wire = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => self.take(8).map(|_| Wire::Fixed64)?,
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| ProtobufError::Cut)?;
                Wire::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Wire::Fixed32)?,
            _ => return Err(ProtobufError::Tag),
        };
        Ok(Some((number, wire)))
    }

    /// The next number.
    pub(super) fn varint(&mut self) -> Result<u64, ProtobufError> {
        let mut value = 0;
        for position in 0..10 {
            let (&byte, rest) = self.rest.split_first().ok_or(ProtobufError::Cut)?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            if position == 9 && bits > 1 {
                return Err(ProtobufError::Number);
            }
            value |= bits << (7 * position);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ProtobufError::Number)
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], ProtobufError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(ProtobufError::Cut)?;
        self.rest = rest;
        Ok(taken)
    }
}
