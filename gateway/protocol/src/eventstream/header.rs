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
            let header = RawHeader::take(&mut rest)?;
            header.name()?;
            header.value()?;
            if Headers(before).raw().any(|other| other.name == header.name) {
                return Err(FrameError::DuplicateHeader);
            }
        }
        Ok(Self(bytes))
    }

    /// The headers as they stand: what looks for a few of them need not read the others.
    pub(super) fn raw(mut self) -> impl Iterator<Item = RawHeader<'a>> {
        std::iter::from_fn(move || if self.0.is_empty() { None } else { RawHeader::take(&mut self.0).ok() })
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, HeaderValue<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let header = RawHeader::take(&mut self.0).ok()?;
        Some((header.name().ok()?, header.value().ok()?))
    }
}

/// A header whose extent is known, and nothing else.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawHeader<'a> {
    pub(super) name: &'a [u8],
    kind: u8,
    value: &'a [u8],
}

impl<'a> RawHeader<'a> {
    /// Takes the header at the front of `rest`.
    fn take(rest: &mut &'a [u8]) -> Result<Self, FrameError> {
        let [length] = take_array(rest)?;
        let name = take(rest, usize::from(length))?;
        let [kind] = take_array(rest)?;
        let length = match kind {
            0 | 1 => 0,
            2 => 1,
            3 => 2,
            4 => 4,
            5 | 8 => 8,
            6 | 7 => usize::from(u16::from_be_bytes(take_array(rest)?)),
            9 => 16,
            unknown => return Err(FrameError::HeaderType(unknown)),
        };
        Ok(Self { name, kind, value: take(rest, length)? })
    }

    fn name(self) -> Result<&'a str, FrameError> {
        std::str::from_utf8(self.name).ok().filter(|name| !name.is_empty()).ok_or(FrameError::HeaderName)
    }

    fn value(self) -> Result<HeaderValue<'a>, FrameError> {
        let mut value = self.value;
        Ok(match self.kind {
            0 => HeaderValue::Bool(true),
            1 => HeaderValue::Bool(false),
            2 => HeaderValue::Byte(i8::from_be_bytes(take_array(&mut value)?)),
            3 => HeaderValue::Short(i16::from_be_bytes(take_array(&mut value)?)),
            4 => HeaderValue::Int(i32::from_be_bytes(take_array(&mut value)?)),
            5 => HeaderValue::Long(i64::from_be_bytes(take_array(&mut value)?)),
            6 => HeaderValue::Bytes(value),
            7 => HeaderValue::Text(std::str::from_utf8(value).map_err(|_| FrameError::HeaderText)?),
            8 => HeaderValue::Timestamp(i64::from_be_bytes(take_array(&mut value)?)),
            9 => HeaderValue::Uuid(take_array(&mut value)?),
            unknown => return Err(FrameError::HeaderType(unknown)),
        })
    }

    /// The value, where it is a text.
    pub(super) fn text(self) -> Option<&'a str> {
        if self.kind == 7 { std::str::from_utf8(self.value).ok() } else { None }
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], FrameError> {
    rest.split_off(..length).ok_or(FrameError::CutHeader)
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], FrameError> {
    let (array, tail) = rest.split_first_chunk().ok_or(FrameError::CutHeader)?;
    *rest = tail;
    Ok(*array)
}
