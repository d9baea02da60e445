//! Objects that are made at run time: here, credentials for TLS.

use crate::qapi::{qapi_enum, qapi_struct, qapi_union};

qapi_enum! {
    /// What an object is. QEMU has dozens; these are the ones that a migration needs.
    pub enum ObjectType: "ObjectType" {
        /// Certificates for TLS.
        TlsCredsX509 => "tls-creds-x509",
    }
}

qapi_enum! {
    /// Which side of a connection somebody is.
    pub enum TlsEndpoint: "QCryptoTLSCredsEndpoint" {
        /// The one that connects.
        Client => "client",
        /// The one that listens.
        Server => "server",
    }
}

qapi_struct! {
    /// Makes an object.
    #[derive(Eq)]
    pub struct ObjectAdd: "ObjectOptions" {
        /// What it is.
        pub object: ObjectKind => flat,
        /// What to call it.
        pub id: String => "id",
    }
}

qapi_union! {
    /// What an object is.
    #[derive(Eq)]
    pub enum ObjectKind: "ObjectKind" by "qom-type": ObjectType {
        /// Certificates for TLS.
        TlsCredsX509(TlsCredsX509Properties),
    }
}

qapi_struct! {
    /// Certificates for TLS.
    #[derive(Default, Eq)]
    pub struct TlsCredsX509Properties: "TlsCredsX509Properties" {
        /// Whether the other side has to show one; it does if it is not said.
        pub verify_peer: Option<bool> => "verify-peer",
        /// Where they are: `ca-cert.pem`, `server-cert.pem`, `server-key.pem` and so on.
        pub dir: Option<String> => "dir",
        /// Which side this is; the client if it is not said.
        pub endpoint: Option<TlsEndpoint> => "endpoint",
        /// Which algorithms, in the words of GnuTLS.
        pub priority: Option<String> => "priority",
        /// Whether to look at them before they are used; that is done if it is not said.
        pub sanity_check: Option<bool> => "sanity-check",
        /// The secret that opens the key, an object's name.
        pub passwordid: Option<String> => "passwordid",
    }
}

qapi_struct! {
    /// Lets go of an object.
    #[derive(Eq)]
    pub struct ObjectDel: "q_obj_object-del-arg" {
        /// What it is called.
        pub id: String => "id",
    }
}
