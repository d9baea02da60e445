//! What is wrong with the certificates and keys in the data directory.

use std::path::PathBuf;

use ferry_units::WallTime;
use thiserror::Error;

use crate::files::FileError;

/// Why there are no certificates. Each names the file to look at and says what to do.
#[derive(Debug, Error)]
pub enum PkiError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The authority's certificate without its key.
    #[error(
        "{} is there and {} is not: put the key back, or remove the certificate to begin with a \
         new authority, whose clients all need new credentials",
        .certificate.display(), .key.display()
    )]
    NoKey {
        /// What is there.
        certificate: PathBuf,
        /// What is missing.
        key: PathBuf,
    },
    /// A file is not what it should be.
    #[error("{} is no {expected} in PEM: restore it from a copy, or remove it and {}", .path.display(), .partner.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// The file that belongs to it.
        partner: PathBuf,
    },
    /// The certificate is of another key.
    #[error(
        "{} is not the key of {}: restore both from the same copy",
        .key.display(), .certificate.display()
    )]
    NotAPair {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// The authority's certificate is too old.
    #[error(
        "{} has expired at {at}: remove it, keep the key beside it, and hand out new kubeconfigs",
        .path.display()
    )]
    Expired {
        /// Which.
        path: PathBuf,
        /// When.
        at: WallTime,
    },
    /// The authority's certificate is of the future.
    #[error(
        "{} is valid from {at} on and the clock says {now}: set the clock, or, if the certificate was \
         made by a wrong one, remove it, keep the key beside it, and hand out new kubeconfigs",
        .path.display()
    )]
    ToCome {
        /// Which.
        path: PathBuf,
        /// From when on.
        at: WallTime,
        /// What time it is said to be.
        now: WallTime,
    },
    /// A name that a certificate is to have is none.
    #[error("\"{name}\" is neither an IP address nor a DNS name")]
    Name {
        /// What was given.
        name: String,
    },
    /// The user's name or a group's cannot stand in a certificate.
    #[error("a user or a group in a certificate has 1 to {most} bytes")]
    Subject {
        /// The most that one may have.
        most: usize,
    },
    /// The library does not make a certificate or a key as we ask for it: our bug.
    #[error("cannot make a certificate")]
    Make(#[source] rcgen::Error),
    /// The library does not take what we have made: our bug.
    #[error("cannot set up TLS")]
    Setup(#[source] rustls::Error),
    /// The library does not take our authority: our bug.
    #[error("cannot verify clients")]
    Verifier(#[source] rustls::server::VerifierBuilderError),
}
