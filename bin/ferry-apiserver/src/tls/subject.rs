//! A certificate's subject with several organizations: the groups of a user.
//!
//! rcgen keeps one value of each kind in a name, and Kubernetes wants one organization for each
//! group. So a certificate is made without them, and its subject is put in afterwards, before the
//! authority signs it again.

use rcgen::SigningKey;
use x509_parser::prelude::{FromDer, X509Certificate};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const UTF8_STRING: u8 = 0x0c;
const BIT_STRING: u8 = 0x03;
/// `2.5.4.3`, with its tag and length.
const COMMON_NAME: [u8; 5] = [0x06, 3, 0x55, 4, 3];
/// `2.5.4.10`.
const ORGANIZATION: [u8; 5] = [0x06, 3, 0x55, 4, 10];

/// The same certificate with `user` and `groups` as its subject, signed by `signer`, which has
/// signed it before. `None` if it is no certificate.
pub(super) fn resubject(
    certificate: &[u8],
    user: &str,
    groups: &[String],
    signer: &impl SigningKey,
) -> Option<Result<Vec<u8>, rcgen::Error>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let tbs: &[u8] = parsed.tbs_certificate.as_ref();
    let old = parsed.subject().as_raw();
    // The subject is a part of what is signed: where, says its address.
    let start = (old.as_ptr() as usize).checked_sub(tbs.as_ptr() as usize)?;
    let header = header_length(tbs)?;
    let body =
        [tbs.get(header..start)?, &name(user, groups), tbs.get(start + old.len()..)?].concat();
    let tbs = element(SEQUENCE, &[&body]);
    let algorithm = signature_algorithm(certificate, parsed.tbs_certificate.as_ref())?;
    Some(signer.sign(&tbs).map(|signature| {
        element(SEQUENCE, &[&tbs, algorithm, &element(BIT_STRING, &[&[0], &signature])])
    }))
}

fn name(user: &str, groups: &[String]) -> Vec<u8> {
    let mut parts = Vec::with_capacity(groups.len() + 1);
    parts.extend(groups.iter().map(|group| attribute(&ORGANIZATION, group)));
    parts.push(attribute(&COMMON_NAME, user));
    element(SEQUENCE, &parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn attribute(kind: &[u8], value: &str) -> Vec<u8> {
    let value = element(UTF8_STRING, &[value.as_bytes()]);
    element(SET, &[&element(SEQUENCE, &[kind, &value])])
}

/// The signature's algorithm stands between what is signed and the signature.
fn signature_algorithm<'a>(certificate: &'a [u8], tbs: &[u8]) -> Option<&'a [u8]> {
    let start = header_length(certificate)? + tbs.len();
    let rest = certificate.get(start..)?;
    rest.get(..whole_length(rest)?)
}

/// DER: tag, length, content.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    out.push(tag);
    let bytes = length.to_be_bytes();
    let digits = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    match digits {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            // At most eight.
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            out.extend_from_slice(long);
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// How long tag and length of the element at the start of `der` are.
fn header_length(der: &[u8]) -> Option<usize> {
    match *der.get(1)? {
        short if short < 0x80 => Some(2),
        long => Some(2 + usize::from(long & 0x7f)),
    }
}

/// How long the element at the start of `der` is.
fn whole_length(der: &[u8]) -> Option<usize> {
    let header = header_length(der)?;
    if header == 2 {
        return Some(2 + usize::from(*der.get(1)?));
    }
    let digits = der.get(2..header)?;
    let content = digits.iter().fold(0_usize, |sum, digit| (sum << 8) | usize::from(*digit));
    header.checked_add(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_as_der_wants_them_and_read_back() {
        for (length, header) in [
            (0, &[SEQUENCE, 0][..]),
            (127, &[SEQUENCE, 127]),
            (128, &[SEQUENCE, 0x81, 128]),
            (255, &[SEQUENCE, 0x81, 255]),
            (256, &[SEQUENCE, 0x82, 1, 0]),
            (70_000, &[SEQUENCE, 0x83, 1, 0x11, 0x70]),
        ] {
            let der = element(SEQUENCE, &[&vec![7; length]]);
            assert_eq!(&der[..header.len()], header, "{length}");
            assert_eq!(header_length(&der), Some(header.len()));
            assert_eq!(whole_length(&der), Some(der.len()));
        }
        assert_eq!(whole_length(&[SEQUENCE]), None);
        assert_eq!(whole_length(&[SEQUENCE, 0x82, 1]), None);
    }
}
