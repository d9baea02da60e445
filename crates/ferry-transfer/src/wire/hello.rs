//! How a connection begins: who is there, for which migration, and what the connection is for.
//!
//! Both are of a fixed length and come before anything else, so that a peer that is none (another
//! program, another version, a port scanner) is told apart by its first bytes.

use std::fmt;

use super::bytes::{Reader, Writer};
use super::error::DecodeError;
use crate::layout::{Channel, MAX_CHANNELS};

/// The version of the protocol. It changes whenever a byte on the wire does.
pub const VERSION: u32 = 1;

/// "ferrymig", read as a number.
const MAGIC: u64 = u64::from_le_bytes(*b"ferrymig");

/// Names one migration, at both of its ends. Drawn by the source, at random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub [u8; 16]);

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Messages of both sides.
    Control,
    /// Pages.
    Data(Channel),
    /// Pages that a vCPU of the destination waits for.
    Urgent,
}

/// Whether a migration begins or goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// It begins.
    Migrate,
    /// It goes on after its connections were lost in post-copy.
    Recover,
}

/// The source's first words on every connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Which migration.
    pub session: SessionId,
    /// What for.
    pub role: Role,
    /// Whether it begins or goes on.
    pub purpose: Purpose,
}

/// The destination's answer: the connection is known and in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome;

impl Hello {
    /// How many bytes it has.
    pub const LENGTH: usize = 32;

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let (role, channel) = match self.role {
            Role::Control => (0, 0),
            Role::Data(channel) => (1, channel.0),
            Role::Urgent => (2, 0),
        };
        let purpose = match self.purpose {
            Purpose::Migrate => 0,
            Purpose::Recover => 1,
        };
        let mut writer = Writer::default();
        writer.u64(MAGIC).u32(VERSION).put(&self.session.0);
        writer.u8(role).u8(channel).u8(purpose).u8(0).done()
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`DecodeError`], which first of all tells other programs and other versions.
    pub fn decode(bytes: &[u8; Self::LENGTH]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes, "a hello");
        read_version(&mut reader)?;
        let session = SessionId(reader.id()?);
        let (role, channel) = (reader.u8()?, reader.u8()?);
        let role = match role {
            0 => Role::Control,
            1 if channel < MAX_CHANNELS => Role::Data(Channel(channel)),
            1 => return Err(DecodeError::Word { what: "channel", value: u64::from(channel) }),
            2 => Role::Urgent,
            other => return Err(DecodeError::Word { what: "role", value: u64::from(other) }),
        };
        let purpose = match reader.u8()? {
            0 => Purpose::Migrate,
            1 => Purpose::Recover,
            other => return Err(DecodeError::Word { what: "purpose", value: u64::from(other) }),
        };
        Ok(Self { session, role, purpose })
    }
}

impl Welcome {
    /// How many bytes it has.
    pub const LENGTH: usize = 12;

    /// Its bytes.
    pub fn encode(self) -> Vec<u8> {
        Writer::default().u64(MAGIC).u32(VERSION).done()
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8; Self::LENGTH]) -> Result<Self, DecodeError> {
        read_version(&mut Reader::new(bytes, "a welcome"))?;
        Ok(Self)
    }
}

fn read_version(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let found = reader.u64()?;
    if found != MAGIC {
        return Err(DecodeError::Magic { found });
    }
    match reader.u32()? {
        VERSION => Ok(()),
        found => Err(DecodeError::Version { found, expected: VERSION }),
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_hello() -> impl Strategy<Value = Hello> {
        let role = prop_oneof![
            Just(Role::Control),
            (0..MAX_CHANNELS).prop_map(|channel| Role::Data(Channel(channel))),
            Just(Role::Urgent),
        ];
        let purpose = prop_oneof![Just(Purpose::Migrate), Just(Purpose::Recover)];
        (any::<[u8; 16]>(), role, purpose).prop_map(|(session, role, purpose)| Hello {
            session: SessionId(session),
            role,
            purpose,
        })
    }

    proptest! {
        #[test]
        fn a_hello_arrives_as_it_was_said(hello in any_hello()) {
            let bytes = hello.encode().try_into().unwrap();
            prop_assert_eq!(Hello::decode(&bytes), Ok(hello));
        }

        #[test]
        fn any_bytes_are_a_hello_or_refused(bytes: [u8; Hello::LENGTH], at in 0..Hello::LENGTH, byte: u8) {
            let _refused = Hello::decode(&bytes);
            let mut almost: [u8; Hello::LENGTH] = any_one().encode().try_into().unwrap();
            almost[at] = byte;
            let _either = Hello::decode(&almost);
        }
    }

    fn any_one() -> Hello {
        Hello {
            session: SessionId([7; 16]),
            role: Role::Data(Channel(3)),
            purpose: Purpose::Migrate,
        }
    }

    #[test]
    fn other_programs_and_other_versions_are_told_apart() {
        let bytes = any_one().encode();
        let with = |at: usize, byte| {
            let mut bytes: [u8; Hello::LENGTH] = bytes.clone().try_into().unwrap();
            bytes[at] = byte;
            Hello::decode(&bytes).unwrap_err()
        };
        assert!(matches!(with(0, b'G'), DecodeError::Magic { .. }));
        assert_eq!(with(8, 9), DecodeError::Version { found: 9, expected: VERSION });
        assert_eq!(with(28, 9), DecodeError::Word { what: "role", value: 9 });
        assert_eq!(with(29, 16), DecodeError::Word { what: "channel", value: 16 });
        assert_eq!(with(30, 2), DecodeError::Word { what: "purpose", value: 2 });
        assert!(Welcome::decode(&Welcome.encode().try_into().unwrap()).is_ok());
    }
}
