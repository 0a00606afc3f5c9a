//! What the head of an answer says of its body.

use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};

use crate::ReadError;

/// Makes sure that a body is one of server-sent events: a proxy's error page would otherwise be read as an answer that was cut.
pub(crate) fn expect_events(headers: &HeaderMap) -> Result<(), ReadError> {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with(b"text/event-stream")) {
        return Ok(());
    }
    let kind = kind.map_or_else(|| "no type".into(), String::from_utf8_lossy);
    Err(ReadError::Malformed(format!("a stream of `text/event-stream` was asked for, and `{kind}` came")))
}
