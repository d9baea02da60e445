//! Values of options: each function reads one, or says what it accepts.

use std::fmt::Write;
use std::path::PathBuf;

use ferry_qmp::words::{MigrationAddress, Workload};
use ferry_units::{Bytes, PageSize};

use crate::guest::Origin;
use crate::machine::{DiskKind, DiskSpec};

/// Sizes, by what their number is followed by.
const UNITS: [(&str, u64); 5] =
    [("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("Ti", 1 << 40), ("", 1)];

/// A size in bytes.
pub(super) fn size(text: &str) -> Result<Bytes, String> {
    let (number, unit) = UNITS
        .iter()
        .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, *unit)))
        .unwrap_or((text, 1));
    let is_number = !number.is_empty() && number.bytes().all(|each| each.is_ascii_digit());
    let bytes = number.parse::<u64>().ok().filter(|_| is_number);
    bytes
        .and_then(|number| number.checked_mul(unit))
        .map(Bytes::new)
        .ok_or_else(|| "give a whole number of bytes, or of Ki, Mi, Gi or Ti of them".to_owned())
}

/// The size of a guest's memory.
pub(super) fn memory(text: &str) -> Result<Bytes, String> {
    pages(size(text)?)
}

/// A size that consists of pages, or of blocks of a disk.
fn pages(size: Bytes) -> Result<Bytes, String> {
    if size.is_zero() || !size.get().is_multiple_of(PageSize::KIB_4.bytes().get()) {
        return Err("give a multiple of 4Ki, at least that".to_owned());
    }
    Ok(size)
}

/// What a guest is called: it becomes part of names that Linux shows.
pub(super) fn name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 200 || text.chars().any(char::is_control) {
        return Err("give 1 to 200 bytes without control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// A UUID, in lower case.
pub(super) fn uuid(text: &str) -> Result<String, String> {
    let is_uuid = text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if is_uuid {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("give a UUID such as 123e4567-e89b-42d3-a456-426614174000".to_owned())
    }
}

/// A UUID of version 4 from random bytes.
pub(super) fn new_uuid(mut random: [u8; 16]) -> String {
    random[6] = random[6] & 0x0f | 0x40;
    random[8] = random[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (at, byte) in random.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        write!(text, "{byte:02x}").expect("a string takes everything");
    }
    text
}

/// Where to listen for those who drive the guest. QEMU's `server=on,wait=off` is what always holds
/// here, and may be said.
pub(super) fn qmp(text: &str) -> Result<PathBuf, String> {
    let mut parts = text.split(',');
    let path = parts.next().and_then(|first| first.strip_prefix("unix:"));
    let rest_holds =
        parts.all(|part| matches!(part, "server" | "server=on" | "wait=off" | "nowait"));
    match path {
        Some(path) if !path.is_empty() && rest_holds => Ok(PathBuf::from(path)),
        _ => Err("give unix: and a path, such as unix:/run/guest.qmp".to_owned()),
    }
}

/// A disk.
pub(super) fn disk(text: &str) -> Result<DiskSpec, String> {
    const ACCEPTED: &str = "give PATH[,size=SIZE][,shared], such as /var/guest.img,size=1Gi";
    let mut parts = text.split(',');
    let path = parts.next().filter(|path| !path.is_empty()).ok_or(ACCEPTED)?;
    let mut spec = DiskSpec { path: PathBuf::from(path), size: None, kind: DiskKind::Local };
    for part in parts {
        match part.split_once('=') {
            Some(("size", value)) => {
                let parsed = size(value).and_then(pages);
                spec.size = Some(parsed.map_err(|accepted| format!("size {value:?}: {accepted}"))?);
            }
            None if part == "shared" => spec.kind = DiskKind::Shared,
            _ => return Err(format!("{part:?} is no option of a disk; {ACCEPTED}")),
        }
    }
    Ok(spec)
}

/// What a guest works on.
pub(super) fn workload(text: &str) -> Result<Workload, String> {
    ferry_qmp::parse_workload(text).map_err(|error| error.to_string())
}

/// A number in decimal or, after `0x`, in hexadecimal.
pub(super) fn seed(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(hexadecimal) => u64::from_str_radix(hexadecimal, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("give a number from 0 to {}", u64::MAX))
}

/// Where a guest arrives.
pub(super) fn incoming(text: &str) -> Result<Origin, String> {
    if text == "defer" {
        return Ok(Origin::Deferred);
    }
    let address = MigrationAddress::from_uri(text);
    let socket = address.as_ref().map_err(Clone::clone).and_then(MigrationAddress::socket);
    match socket {
        Ok(_) => Ok(Origin::Incoming(text.to_owned())),
        Err(refusal) => Err(format!("{refusal}; give defer, tcp:HOST:PORT or unix:PATH")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_with_or_without_a_unit() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("4096", Some(4096)),
            ("4Ki", Some(4096)),
            ("1Ti", Some(1 << 40)),
            ("16777215Ti", Some(16_777_215 << 40)),
            ("16777216Ti", None),
            ("", None),
            ("Gi", None),
            ("+1Gi", None),
            ("-1", None),
            ("1.5Gi", None),
            ("1G", None),
            ("1 Gi", None),
        ] {
            assert_eq!(size(text).ok().map(Bytes::get), bytes, "{text}");
        }
    }

    #[test]
    fn memory_consists_of_pages() {
        for (text, fits) in [("4Ki", true), ("4097", false), ("0", false), ("1Gi", true)] {
            assert_eq!(memory(text).is_ok(), fits, "{text}");
        }
    }

    #[test]
    fn a_uuid_has_its_form_and_a_new_one_its_version() {
        let new = new_uuid([0xff; 16]);
        assert_eq!(new, "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid(&new.to_uppercase()), Ok(new));
        for text in ["", "123e4567e89b42d3a456426614174000", "123e4567-e89b-42d3-a456-42661417400g"]
        {
            assert!(uuid(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_socket_is_named_as_for_qemu() {
        for (text, path) in [
            ("unix:/run/q", Some("/run/q")),
            ("unix:q,server=on,wait=off", Some("q")),
            ("unix:q,server,nowait", Some("q")),
            ("unix:q,wait=on", None),
            ("unix:", None),
            ("tcp:localhost:4444", None),
            ("/run/q", None),
        ] {
            assert_eq!(qmp(text).ok(), path.map(PathBuf::from), "{text}");
        }
    }

    #[test]
    fn a_disk_is_a_path_with_options() {
        let spec = |size, kind| Some(DiskSpec { path: PathBuf::from("d"), size, kind });
        for (text, expected) in [
            ("d", spec(None, DiskKind::Local)),
            ("d,shared", spec(None, DiskKind::Shared)),
            ("d,shared,size=1Mi", spec(Some(Bytes::from_mib(1)), DiskKind::Shared)),
            ("d,size=5", None),
            ("d,size", None),
            ("d,shared=on", None),
            (",shared", None),
            ("", None),
        ] {
            assert_eq!(disk(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_guest_arrives_at_a_socket() {
        let at = |uri: &str| Some(Origin::Incoming(uri.to_owned()));
        for (text, expected) in [
            ("defer", Some(Origin::Deferred)),
            ("tcp:0:4444", at("tcp:0:4444")),
            ("unix:/run/m", at("unix:/run/m")),
            ("exec:cat", None),
            ("bogus:1", None),
            ("tcp:nowhere", None),
        ] {
            assert_eq!(incoming(text).ok(), expected, "{text}");
        }
    }
}
