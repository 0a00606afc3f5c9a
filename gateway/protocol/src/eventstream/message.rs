//! One message.

use super::{FrameError, HeaderValue, Headers, MAX_HEADERS_BYTES, MAX_PAYLOAD_BYTES, OVERHEAD_BYTES, PRELUDE_BYTES};

/// One message: a view into the frame it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    headers: Headers<'a>,
    payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads `frame`, the whole of one that begins with `prelude`.
    pub(super) fn parse(frame: &'a [u8], prelude: Prelude) -> Result<Self, FrameError> {
        let (body, checksum) = frame.split_last_chunk().ok_or(FrameError::CutHeader)?;
        let (found, expected) = (u32::from_be_bytes(*checksum), crc32fast::hash(body));
        if found != expected {
            return Err(FrameError::MessageChecksum { expected, found });
        }
        let content = body.get(PRELUDE_BYTES..).ok_or(FrameError::CutHeader)?;
        let (headers, payload) = content.split_at_checked(prelude.headers).ok_or(FrameError::CutHeader)?;
        Ok(Self { headers: Headers::parse(headers)?, payload })
    }

    /// Its headers, in order.
    #[must_use]
    pub const fn headers(&self) -> Headers<'a> {
        self.headers
    }

    /// The header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<HeaderValue<'a>> {
        self.headers.into_iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The header of that name, where it is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'a str> {
        match self.header(name) {
            Some(HeaderValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// What it carries.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// The lengths at the start of a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prelude {
    /// Of the whole frame.
    pub(super) total: usize,
    /// Of the headers.
    pub(super) headers: usize,
}

impl Prelude {
    /// Reads the start of a frame; none while too little of it is there.
    pub(super) fn read(start: &[u8]) -> Result<Option<Self>, FrameError> {
        let Some((lengths, rest)) = start.split_first_chunk::<8>() else { return Ok(None) };
        let Some(checksum) = rest.first_chunk() else { return Ok(None) };
        let (found, expected) = (u32::from_be_bytes(*checksum), crc32fast::hash(lengths));
        if found != expected {
            return Err(FrameError::PreludeChecksum { expected, found });
        }
        let [t0, t1, t2, t3, h0, h1, h2, h3] = *lengths;
        let (total, headers) = (u32::from_be_bytes([t0, t1, t2, t3]), u32::from_be_bytes([h0, h1, h2, h3]));
        let contradiction = FrameError::Lengths { total, headers };
        let lengths = usize::try_from(total).ok().zip(usize::try_from(headers).ok()).ok_or(contradiction)?;
        let (total, headers) = lengths;
        let payload = total.checked_sub(OVERHEAD_BYTES).and_then(|content| content.checked_sub(headers)).ok_or(contradiction)?;
        if headers > MAX_HEADERS_BYTES || payload > MAX_PAYLOAD_BYTES {
            return Err(FrameError::TooLarge);
        }
        Ok(Some(Self { total, headers }))
    }
}
