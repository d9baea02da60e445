//! What is wrong with a request before anybody asks who sends it: what HTTP itself forbids, and what
//! hyper lets through.

use http::header::{HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{Request, StatusCode, Version};
use serde_json::{Value, json};
use thiserror::Error;

use super::Limits;

/// Why a request is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Fault {
    /// RFC 9112, 3.2: whoever stands between might take it for a request to somebody else.
    #[error("missing required Host header")]
    NoHost,
    /// The same.
    #[error("too many Host headers")]
    ManyHosts,
    /// RFC 9112, 6.1: a body that is packed in a way that nobody here unpacks.
    #[error("unsupported transfer encoding")]
    Encoding,
    /// As HTTP/1.1 refuses them itself.
    #[error("the request has more than {most} headers")]
    ManyHeaders {
        /// How many it may have.
        most: usize,
    },
    /// As HTTP/2 refuses them itself. hyper has read some more than that of HTTP/1.1 by the time it
    /// looks.
    #[error("the headers of the request have more than {most} bytes")]
    LongHeaders {
        /// How many they may have.
        most: usize,
    },
}

impl Fault {
    /// The first of a request.
    pub(super) fn of<B>(request: &Request<B>, limits: &Limits) -> Option<Self> {
        let headers = request.headers();
        if headers.len() > limits.headers {
            return Some(Self::ManyHeaders { most: limits.headers });
        }
        let long = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len();
        if headers.iter().map(long).sum::<usize>() > limits.head_bytes {
            return Some(Self::LongHeaders { most: limits.head_bytes });
        }
        if request.version() != Version::HTTP_11 {
            return None;
        }
        let is_chunked = |value: &[u8]| value.trim_ascii().eq_ignore_ascii_case(b"chunked");
        if !headers.get_all(TRANSFER_ENCODING).iter().all(|value| is_chunked(value.as_bytes())) {
            return Some(Self::Encoding);
        }
        match headers.get_all(HOST).iter().count() {
            0 => Some(Self::NoHost),
            1 => None,
            _ => Some(Self::ManyHosts),
        }
    }

    pub(super) const fn code(self) -> StatusCode {
        match self {
            Self::NoHost | Self::ManyHosts => StatusCode::BAD_REQUEST,
            Self::Encoding => StatusCode::NOT_IMPLEMENTED,
            Self::ManyHeaders { .. } | Self::LongHeaders { .. } => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
        }
    }

    /// The answer.
    pub(super) fn status(self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.to_string(),
            "code": self.code().as_u16(),
        });
        if self.code() == StatusCode::BAD_REQUEST {
            status["reason"] = "BadRequest".into();
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Too long by one byte, beside a host.
    const LONG: &str = "0123456789abcdef0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn what_http_forbids_is_refused_and_nothing_else() {
        let (v10, v11, v2) = (Version::HTTP_10, Version::HTTP_11, Version::HTTP_2);
        let host = ("host", "x");
        let coded = |encoding| [host, ("transfer-encoding", encoding)];
        for (version, headers, expected) in [
            (v11, &[host][..], None),
            (v11, &[], Some(Fault::NoHost)),
            (v10, &[], None),
            (v2, &[], None),
            (v11, &[host, host], Some(Fault::ManyHosts)),
            (v11, &coded("chunked"), None),
            (v11, &coded("Chunked "), None),
            (v11, &coded("gzip, chunked"), Some(Fault::Encoding)),
            (v11, &coded("identity"), Some(Fault::Encoding)),
            (v2, &[("a", "1"); 4], Some(Fault::ManyHeaders { most: 3 })),
            (v2, &[("a", "1"); 3], None),
            (v11, &[host, ("long", &LONG[1..])], None),
            (v11, &[host, ("long", LONG)], Some(Fault::LongHeaders { most: 64 })),
        ] {
            let mut request = Request::builder().version(version);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let limits = Limits { headers: 3, head_bytes: 64, ..Limits::DEFAULT };
            let found = Fault::of(&request.body(()).unwrap(), &limits);
            assert_eq!(found, expected, "{version:?} {headers:?}");
        }
    }
}
