//! JSON Web Tokens with one algorithm, HS256. No token can ask for another.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::TokenError;
use crate::secret::Secret;

/// The head of every token, `{"alg":"HS256","typ":"JWT"}`. One that says anything else is none of
/// ours.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// The most bytes of a token. Ours have fewer than 2,000; whoever sends more is not worth reading.
const MOST_BYTES: usize = 16 * 1024;

/// Signs what `claims` says.
pub(super) fn sign(key: &hmac::Key, claims: &impl Serialize) -> Secret {
    let claims = serde_json::to_vec(claims).expect("claims are texts and numbers");
    let signed = format!("{HEADER}.{}", BASE64_URL_SAFE_NO_PAD.encode(claims));
    let signature = hmac::sign(key, signed.as_bytes());
    Secret::new(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
}

/// What a token says, if `key` has signed it. The comparison takes the same time for every wrong
/// signature.
pub(super) fn read<T: DeserializeOwned>(key: &hmac::Key, token: &str) -> Result<T, TokenError> {
    if token.len() > MOST_BYTES {
        return Err(TokenError::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
    if header != HEADER {
        return Err(TokenError::Malformed);
    }
    let decode = |text| BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError::Malformed);
    hmac::verify(key, signed.as_bytes(), &decode(signature)?).map_err(|_| TokenError::Signature)?;
    serde_json::from_slice(&decode(claims)?).map_err(|_| TokenError::Malformed)
}
