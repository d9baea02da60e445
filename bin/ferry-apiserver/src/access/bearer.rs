//! `Authorization: Bearer …`.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::AccessError;

/// The token that a request carries, if any.
// PARITY: apiserver/pkg/authentication/request/bearertoken/bearertoken.go#AuthenticateRequest
pub(super) fn token(headers: &HeaderMap) -> Result<Option<&str>, AccessError> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    // A header that is no text is no token of ours.
    let text = value.to_str().map_err(|_| AccessError::Unauthorized)?.trim();
    let mut words = text.split(' ');
    match (words.next(), words.next()) {
        (Some(scheme), Some(token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(Some(token).filter(|token| !token.is_empty()))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn parity_a_token_is_the_second_word_after_bearer() {
        for (header, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer abc", Some("abc")),
            ("  BEARER abc  ", Some("abc")),
            ("Bearer abc def", Some("abc")),
            ("Bearer", None),
            ("Bearer ", None),
            ("Bearer  abc", None),
            ("Basic YTpi", None),
            ("abc", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_str(header).unwrap());
            assert_eq!(token(&headers).unwrap(), expected, "{header:?}");
        }
        assert_eq!(token(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn a_header_that_is_no_text_is_refused() {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_bytes(b"Bearer \xff").unwrap());
        assert_eq!(token(&headers), Err(AccessError::Unauthorized));
    }
}
