//! The typed headers of a message.

use super::{FrameError, MAX_HEADERS};

/// The value of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderValue<'a> {
    /// Types 0 (true) and 1 (false).
    Bool(bool),
    /// Type 2.
    Byte(i8),
    /// Type 3.
    Short(i16),
    /// Type 4.
    Int(i32),
    /// Type 5.
    Long(i64),
    /// Type 6: up to 65,535 bytes.
    Bytes(&'a [u8]),
    /// Type 7: up to 65,535 bytes of UTF-8.
    Text(&'a str),
    /// Type 8: milliseconds since 1970.
    Timestamp(i64),
    /// Type 9.
    Uuid([u8; 16]),
}

/// The headers of a message, in order. They were checked when the message was read, so that looking at them cannot fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Headers<'a>(&'a [u8]);

impl<'a> Headers<'a> {
    /// Checks all headers in `bytes`.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let (mut rest, mut count) = (bytes, 0);
        while !rest.is_empty() {
            count += 1;
            if count > MAX_HEADERS {
                return Err(FrameError::TooManyHeaders);
            }
            let before = bytes.get(..bytes.len() - rest.len()).unwrap_or_default();
            let (name, _) = take_header(&mut rest)?;
            if Headers(before).any(|(other, _)| other == name) {
                return Err(FrameError::DuplicateHeader);
            }
        }
        Ok(Self(bytes))
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, HeaderValue<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() { None } else { take_header(&mut self.0).ok() }
    }
}

fn take_header<'a>(rest: &mut &'a [u8]) -> Result<(&'a str, HeaderValue<'a>), FrameError> {
    let [length] = take_array(rest)?;
    let name = take(rest, usize::from(length))?;
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty()).ok_or(FrameError::HeaderName)?;
    let [kind] = take_array(rest)?;
    let value = match kind {
        0 => HeaderValue::Bool(true),
        1 => HeaderValue::Bool(false),
        2 => HeaderValue::Byte(i8::from_be_bytes(take_array(rest)?)),
        3 => HeaderValue::Short(i16::from_be_bytes(take_array(rest)?)),
        4 => HeaderValue::Int(i32::from_be_bytes(take_array(rest)?)),
        5 => HeaderValue::Long(i64::from_be_bytes(take_array(rest)?)),
        6 => HeaderValue::Bytes(take_sized(rest)?),
        7 => HeaderValue::Text(std::str::from_utf8(take_sized(rest)?).map_err(|_| FrameError::HeaderText)?),
        8 => HeaderValue::Timestamp(i64::from_be_bytes(take_array(rest)?)),
        9 => HeaderValue::Uuid(take_array(rest)?),
        unknown => return Err(FrameError::HeaderType(unknown)),
    };
    Ok((name, value))
}

fn take_sized<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], FrameError> {
    let length = u16::from_be_bytes(take_array(rest)?);
    take(rest, usize::from(length))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], FrameError> {
    rest.split_off(..length).ok_or(FrameError::CutHeader)
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], FrameError> {
    let (array, tail) = rest.split_first_chunk().ok_or(FrameError::CutHeader)?;
    *rest = tail;
    Ok(*array)
}
