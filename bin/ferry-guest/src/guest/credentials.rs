//! Objects that are made at run time: certificates for the TLS of migrations.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ferry_qmp::WireError;
use ferry_qmp::words::{ObjectAdd, ObjectDel, ObjectKind, TlsCredsX509Properties, TlsEndpoint};
use thiserror::Error;

/// Certificates for TLS, by the names that `object-add` gave them.
#[derive(Debug, Default)]
pub struct Credentials {
    objects: Mutex<BTreeMap<String, TlsCredsX509Properties>>,
}

/// Why an object is not made, or not let go. Each prints as QEMU says it.
#[derive(Debug, Error)]
pub enum ObjectError {
    /// A name that none can have.
    // PARITY: qom/object_interfaces.c#user_creatable_add_type
    #[error("Parameter 'id' expects an identifier")]
    Name,
    /// There is one of that name.
    // PARITY: qom/object.c#object_property_try_add
    #[error("attempt to add duplicate property '{id}' to object (type 'container')")]
    Duplicate {
        /// The name.
        id: String,
    },
    /// There is none of that name.
    // PARITY: qom/object_interfaces.c#user_creatable_del
    #[error("object '{id}' not found")]
    NotFound {
        /// The name.
        id: String,
    },
    /// It does not say where its files are.
    // PARITY: crypto/tlscredsx509.c#qcrypto_tls_creds_x509_load
    #[error("Missing 'dir' property value")]
    NoFolder,
    /// A file that it needs cannot be read.
    // PARITY: crypto/tlscreds.c#qcrypto_tls_creds_get_path
    #[error("Unable to access credentials {path}: {}", said(.source))]
    File {
        /// The file.
        path: String,
        /// What Linux said.
        source: io::Error,
    },
}

impl Credentials {
    /// Makes an object.
    ///
    /// # Errors
    /// [`ObjectError`], with nothing made.
    pub fn add(&self, command: &ObjectAdd) -> Result<(), ObjectError> {
        let ObjectAdd { id, object: ObjectKind::TlsCredsX509(properties) } = command;
        if !is_identifier(id) {
            return Err(ObjectError::Name);
        }
        let mut objects = self.lock();
        if objects.contains_key(id) {
            return Err(ObjectError::Duplicate { id: id.clone() });
        }
        check_files(properties)?;
        objects.insert(id.clone(), properties.clone());
        Ok(())
    }

    /// Lets go of an object. A migration that uses it goes on with what it has read.
    ///
    /// # Errors
    /// [`ObjectError::NotFound`].
    pub fn remove(&self, command: &ObjectDel) -> Result<(), ObjectError> {
        match self.lock().remove(&command.id) {
            Some(_) => Ok(()),
            None => Err(ObjectError::NotFound { id: command.id.clone() }),
        }
    }

    /// The certificates of that name.
    pub fn get(&self, id: &str) -> Option<TlsCredsX509Properties> {
        self.lock().get(id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, TlsCredsX509Properties>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<ObjectError> for WireError {
    fn from(error: ObjectError) -> Self {
        Self::generic(error.to_string())
    }
}

/// A letter, then letters, digits, `-`, `.` and `_`.
// PARITY: util/id.c#id_wellformed
fn is_identifier(id: &str) -> bool {
    let mut bytes = id.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|each| each.is_ascii_alphanumeric() || b"-._".contains(&each))
}

/// A server shows a certificate, a client need not. What is in them is for whoever uses them.
// PARITY: crypto/tlscredsx509.c#qcrypto_tls_creds_x509_load
fn check_files(properties: &TlsCredsX509Properties) -> Result<(), ObjectError> {
    let dir = properties.dir.as_deref().ok_or(ObjectError::NoFolder)?;
    let files: &[&str] = match properties.endpoint.unwrap_or(TlsEndpoint::Client) {
        TlsEndpoint::Server => &["ca-cert.pem", "server-cert.pem", "server-key.pem"],
        TlsEndpoint::Client => &["ca-cert.pem"],
    };
    for file in files {
        let path = Path::new(dir).join(file);
        File::open(&path)
            .map_err(|source| ObjectError::File { path: path.display().to_string(), source })?;
    }
    Ok(())
}

/// What Linux said, without the number that Rust adds.
fn said(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(id: &str, dir: Option<&Path>, endpoint: TlsEndpoint) -> ObjectAdd {
        let object = ObjectKind::TlsCredsX509(TlsCredsX509Properties {
            dir: dir.map(|dir| dir.display().to_string()),
            endpoint: Some(endpoint),
            ..TlsCredsX509Properties::default()
        });
        ObjectAdd { object, id: id.to_owned() }
    }

    #[test]
    fn parity_objects_are_refused_in_qemus_words() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Some(folder.path());
        let credentials = Credentials::default();
        let refused = |command: &ObjectAdd| credentials.add(command).unwrap_err().to_string();

        let client = object("tls0", dir, TlsEndpoint::Client);
        let missing = folder.path().join("ca-cert.pem");
        let text = format!(
            "Unable to access credentials {}: No such file or directory",
            missing.display()
        );
        assert_eq!(refused(&client), text);
        std::fs::write(&missing, "").unwrap();
        credentials.add(&client).unwrap();
        assert_eq!(
            refused(&client),
            "attempt to add duplicate property 'tls0' to object (type 'container')"
        );
        assert_eq!(
            refused(&object("tls1", None, TlsEndpoint::Client)),
            "Missing 'dir' property value"
        );
        for id in ["", "0", "a/b", "-", "ä"] {
            let text = refused(&object(id, dir, TlsEndpoint::Client));
            assert_eq!(text, "Parameter 'id' expects an identifier", "{id}");
        }
        let server = refused(&object("tls1", dir, TlsEndpoint::Server));
        assert!(server.contains("server-cert.pem"), "{server}");

        let gone = ObjectDel { id: "tls0".to_owned() };
        credentials.remove(&gone).unwrap();
        assert_eq!(credentials.get("tls0"), None);
        assert_eq!(credentials.remove(&gone).unwrap_err().to_string(), "object 'tls0' not found");
        credentials.add(&client).unwrap();
    }
}
