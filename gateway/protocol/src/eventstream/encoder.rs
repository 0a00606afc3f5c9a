//! Writes messages.

use super::{HeaderValue, MAX_HEADERS_BYTES, MAX_PAYLOAD_BYTES, OVERHEAD_BYTES};

/// Why a message cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A header's name is not of 1 to 255 bytes.
    #[error("the name of a header must have 1 to 255 bytes, not {0}")]
    HeaderName(usize),
    /// A header's value is longer than 65,535 bytes.
    #[error("the value of a header must have 65535 bytes at most, not {0}")]
    HeaderValue(usize),
    /// More than the specification allows.
    #[error("a message must have {MAX_HEADERS_BYTES} bytes of headers and {MAX_PAYLOAD_BYTES} bytes of payload at most")]
    TooLarge,
}

/// The frame of a message.
///
/// # Errors
/// [`EncodeError`], where it would be none.
pub fn encode(headers: &[(&str, HeaderValue<'_>)], payload: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let mut head = Vec::with_capacity(128);
    for (name, value) in headers {
        let length = u8::try_from(name.len()).ok().filter(|length| *length > 0).ok_or(EncodeError::HeaderName(name.len()))?;
        head.push(length);
        head.extend_from_slice(name.as_bytes());
        put_value(&mut head, *value)?;
    }
    if head.len() > MAX_HEADERS_BYTES || payload.len() > MAX_PAYLOAD_BYTES {
        return Err(EncodeError::TooLarge);
    }
    let length = |bytes: usize| u32::try_from(bytes).map_err(|_| EncodeError::TooLarge);
    let total = OVERHEAD_BYTES + head.len() + payload.len();
    let mut frame = Vec::with_capacity(total);
    frame.extend_from_slice(&length(total)?.to_be_bytes());
    frame.extend_from_slice(&length(head.len())?.to_be_bytes());
    seal(&mut frame);
    frame.extend_from_slice(&head);
    frame.extend_from_slice(payload);
    seal(&mut frame);
    Ok(frame)
}

/// Puts the checksum of all bytes so far behind them.
fn seal(bytes: &mut Vec<u8>) {
    let checksum = crc32fast::hash(bytes);
    bytes.extend_from_slice(&checksum.to_be_bytes());
}

fn put_value(bytes: &mut Vec<u8>, value: HeaderValue<'_>) -> Result<(), EncodeError> {
    let mut put = |kind: u8, value: &[u8]| {
        bytes.push(kind);
        bytes.extend_from_slice(value);
    };
    match value {
        HeaderValue::Bool(true) => put(0, &[]),
        HeaderValue::Bool(false) => put(1, &[]),
        HeaderValue::Byte(value) => put(2, &value.to_be_bytes()),
        HeaderValue::Short(value) => put(3, &value.to_be_bytes()),
        HeaderValue::Int(value) => put(4, &value.to_be_bytes()),
        HeaderValue::Long(value) => put(5, &value.to_be_bytes()),
        HeaderValue::Bytes(value) => put_sized(bytes, 6, value)?,
        HeaderValue::Text(value) => put_sized(bytes, 7, value.as_bytes())?,
        HeaderValue::Timestamp(value) => put(8, &value.to_be_bytes()),
        HeaderValue::Uuid(value) => put(9, &value),
    }
    Ok(())
}

fn put_sized(bytes: &mut Vec<u8>, kind: u8, value: &[u8]) -> Result<(), EncodeError> {
    let length = u16::try_from(value.len()).map_err(|_| EncodeError::HeaderValue(value.len()))?;
    bytes.push(kind);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(value);
    Ok(())
}
