//! What is wrong with the files of an identity.

use std::io;
use std::path::PathBuf;

use rustls::pki_types::pem;
use rustls::server::VerifierBuilderError;
use thiserror::Error;

/// Why there is no identity. Each names the file to look at.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// A file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what PEM looks like.
    #[error("{} is no PEM file: {reason}", .path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: pem::Error,
    },
    /// A file has nothing of what it is for.
    #[error("{} contains no {expected}", .path.display())]
    Empty {
        /// Which.
        path: PathBuf,
        /// What it is for.
        expected: &'static str,
    },
    /// A certificate without its key, or the reverse.
    #[error("{} is there and {} is not: put both there, or neither", .present.display(), .missing.display())]
    Half {
        /// What is there.
        present: PathBuf,
        /// What is missing.
        missing: PathBuf,
    },
    /// A certificate of the authority that can be no authority's.
    #[error("{} contains a certificate that is not one of an authority", .path.display())]
    Authority {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The authority's certificates or its list of revoked ones cannot be used.
    #[error("{} cannot be used", .path.display())]
    Verifier {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: VerifierBuilderError,
    },
    /// The certificate or its key cannot be used, or they are not each other's.
    #[error("{} and {} are not a certificate and its key", .certificate.display(), .key.display())]
    Pair {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The library has no TLS 1.3 as we set it up: our bug.
    #[error("TLS 1.3 cannot be set up")]
    Setup(#[source] rustls::Error),
}
