//! The versions of a kind, as far as ownership tells them apart.

use ferry_api::{Kind, KindVersion, Schema};

use crate::convert;
use crate::fields::Versions;
use crate::object::Document;

/// The versions of a kind. Those that have all fields at the same places are taken for the one that
/// the kind is kept in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layouts(Kind);

impl Layouts {
    /// Those of a kind.
    pub(crate) fn of(kind: Kind) -> Self {
        Self(kind)
    }
}

impl Versions for Layouts {
    type Version = KindVersion;

    fn kept(&self) -> KindVersion {
        KindVersion::storage(self.0)
    }

    fn find(&self, api_version: &str) -> Option<KindVersion> {
        let kept = self.kept();
        let found = KindVersion::of_document(api_version, kept.definition().kind)?;
        Some(if convert::moves_fields(self.0) { found } else { kept })
    }

    fn schema(&self, version: KindVersion) -> &Schema {
        version.schema()
    }

    fn convert(&self, from: KindVersion, to: KindVersion, object: &mut Document) {
        convert::document(from, to, object);
    }
}
