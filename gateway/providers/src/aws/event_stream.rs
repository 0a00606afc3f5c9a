//! That a body is an event stream.

use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use tradewind_protocol::eventstream::CONTENT_TYPE as EVENT_STREAM;

use crate::ReadError;

/// Fails unless the head says that the body is an event stream.
pub(crate) fn expect_event_stream(headers: &HeaderMap) -> Result<(), ReadError> {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    if kind.to_ascii_lowercase().starts_with(EVENT_STREAM.as_bytes()) {
        return Ok(());
    }
    let kind = String::from_utf8_lossy(kind);
    Err(ReadError::Malformed(format!("a stream of `{EVENT_STREAM}` was asked for, and `{kind}` came")))
}
