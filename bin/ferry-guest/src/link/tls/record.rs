//! Records of TLS, as far as one can see them from outside.

use rustls::{Error, InvalidMessage};

/// The most plaintext of a record.
pub(super) const PLAINTEXT: usize = 1 << 14;

/// The most that a record is longer than its plaintext here: a header, the type, and a tag.
pub(super) const OVERHEAD: usize = 5 + 1 + 16;

/// Bytes of a record before its contents.
const HEADER: usize = 5;

/// The most contents that RFC 8446 allows a sealed record.
const SEALED: usize = PLAINTEXT + 256;

/// How long the record is that `bytes` begin with; `None` if it is not here to its end.
///
/// Records go to rustls one by one. So at the end of each it is known whether rustls is done with
/// it, and it can be refused to keep some of it: the positions that it would remember are in a
/// buffer that whoever sends does not have.
pub(super) fn first_record(bytes: &[u8]) -> Result<Option<usize>, Error> {
    // Who does not speak TLS is not waited for to the end of what would be its record.
    match bytes {
        [20..=23, 3, ..] | [20..=23] | [] => {}
        [20..=23, ..] => return Err(InvalidMessage::UnknownProtocolVersion.into()),
        [_, ..] => return Err(InvalidMessage::InvalidContentType.into()),
    }
    let Some(&[_, _, _, high, low]) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
    let contents = usize::from(u16::from_be_bytes([high, low]));
    if contents > SEALED {
        return Err(Error::PeerSentOversizedRecord);
    }
    let length = HEADER + contents;
    Ok((length <= bytes.len()).then_some(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_here_when_its_last_byte_is() {
        for (bytes, length) in [
            (&[][..], None),
            (&[22], None),
            (&[22, 3], None),
            (&[23, 3, 3, 0], None),
            (&[23, 3, 3, 0, 0], Some(5)),
            (&[23, 3, 3, 0, 2, 9], None),
            (&[23, 3, 3, 0, 2, 9, 9], Some(7)),
            (&[20, 3, 3, 0, 1, 1, 23], Some(6)),
        ] {
            assert_eq!(first_record(bytes).unwrap(), length, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_record_is_refused_at_its_first_wrong_byte() {
        assert!(first_record(b"G").is_err());
        assert!(first_record(&[22, 2]).is_err());
        let sealed = |length: usize| {
            [&[23, 3, 3][..], &u16::try_from(length).unwrap().to_be_bytes()].concat()
        };
        assert!(first_record(&sealed(SEALED)).unwrap().is_none());
        assert!(first_record(&sealed(SEALED + 1)).is_err());
    }
}
