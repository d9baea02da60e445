//! Where a list that was cut into pages goes on.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::object::Revision;
use crate::refusal::Refusal;

const VERSION: &str = "meta.k8s.io/v1";

/// Where a list that was cut into pages goes on: at which revision, and after which object.
///
/// As for Kubernetes, clients get it as text that means nothing to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContinueToken {
    /// The revision of the list; none if it goes on with whatever is newest.
    pub(super) revision: Option<Revision>,
    /// The object before: `namespace/name`, or the name alone in a list of one namespace.
    pub(super) after: String,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    v: String,
    rv: i64,
    start: String,
}

impl ContinueToken {
    /// The token that a client hands back.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] for what this server never gave out.
    // PARITY: apiserver/pkg/storage/continue.go#DecodeContinue
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let refused = |why: &str| Refusal::BadRequest {
            message: format!("continue key is not valid: {why}"),
        };
        let json = URL_SAFE_NO_PAD
            .decode(text)
            .or_else(|_| URL_SAFE.decode(text))
            .map_err(|error| refused(&error.to_string()))?;
        let wire: Wire =
            serde_json::from_slice(&json).map_err(|error| refused(&error.to_string()))?;
        if wire.v != VERSION {
            return Err(refused(&format!(
                "server does not recognize this encoded version {:?}",
                wire.v
            )));
        }
        let revision = match wire.rv {
            0 => {
                return Err(refused(
                    "incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
                ));
            }
            some => u64::try_from(some).ok().map(Revision),
        };
        let Some(after) = wire.start.strip_suffix('\0').filter(|after| !after.is_empty()) else {
            return Err(refused("encoded start key empty (version meta.k8s.io/v1)"));
        };
        Ok(Self { revision, after: after.to_owned() })
    }
}

/// As clients are given it.
impl fmt::Display for ContinueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wire = Wire {
            v: VERSION.to_owned(),
            rv: self.revision.map_or(-1, |Revision(rv)| i64::try_from(rv).unwrap_or(i64::MAX)),
            start: format!("{}\0", self.after),
        };
        let json = serde_json::to_vec(&wire).expect("a token is a plain struct");
        f.write_str(&URL_SAFE_NO_PAD.encode(json))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was_given() {
        for (revision, after) in [(Some(Revision(7)), "a/b"), (None, "b"), (Some(Revision(1)), "ä")]
        {
            let token = ContinueToken { revision, after: after.to_owned() };
            assert_eq!(ContinueToken::parse(&token.to_string()), Ok(token));
        }
    }

    #[test]
    fn a_token_reads_as_that_of_kubernetes() {
        let token = ContinueToken { revision: Some(Revision(5)), after: "a/b".to_owned() };
        let json = URL_SAFE_NO_PAD.decode(token.to_string()).unwrap();
        assert_eq!(
            String::from_utf8(json).unwrap(),
            r#"{"v":"meta.k8s.io/v1","rv":5,"start":"a/b\u0000"}"#
        );
    }

    #[test]
    fn a_token_that_was_tampered_with_is_refused() {
        let encoded = |json: &str| URL_SAFE_NO_PAD.encode(json);
        for token in [
            "!".to_owned(),
            "bm8".to_owned(),
            encoded(r#"{"v":"v2","rv":1,"start":"a\u0000"}"#),
            encoded(r#"{"v":"meta.k8s.io/v1","rv":0,"start":"a\u0000"}"#),
            encoded(r#"{"v":"meta.k8s.io/v1","rv":1,"start":""}"#),
            encoded(r#"{"v":"meta.k8s.io/v1","rv":1,"start":"a"}"#),
            encoded(r#"{"v":"meta.k8s.io/v1","rv":"1","start":"a\u0000"}"#),
            encoded(r#"{"v":"meta.k8s.io/v1","rv":99999999999999999999,"start":"a\u0000"}"#),
        ] {
            let refusal = ContinueToken::parse(&token).unwrap_err();
            assert!(matches!(refusal, Refusal::BadRequest { .. }), "{token}: {refusal}");
        }
    }
}
