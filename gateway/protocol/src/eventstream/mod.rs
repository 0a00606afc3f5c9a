//! `application/vnd.amazon.eventstream`: the binary frames in which AWS streams.
//!
//! A message is `[u32 total length][u32 headers length][u32 CRC of these 8 bytes][headers][payload][u32 CRC of all before]`, big-endian,
//! with the CRC-32 of zlib. Unlike server-sent events it carries exceptions, typed headers and checksums, so a frame that was damaged on
//! its way is noticed here and never reaches a caller.
//!
//! Source: the Smithy specification, "Amazon Event Stream", and the test cases of `aws-smithy-eventstream`.

mod decoder;
mod encoder;
mod error;
mod header;
mod kind;
mod message;

pub use decoder::Decoder;
pub use encoder::{EncodeError, encode};
pub use error::FrameError;
pub use header::{HeaderValue, Headers};
pub use kind::Kind;
pub use message::Message;

/// The content type of such a body.
pub const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// The most bytes of headers in a message, by the specification.
pub const MAX_HEADERS_BYTES: usize = 128 * 1024;

/// The most bytes of payload in a message, by the specification.
pub const MAX_PAYLOAD_BYTES: usize = 24 * 1024 * 1024;

/// The most headers in a message. The specification sets no bound; AWS sends three, and without one the search for duplicates would
/// let an upstream buy quadratic work.
pub const MAX_HEADERS: usize = 128;

/// Both lengths and their checksum.
const PRELUDE_BYTES: usize = 12;

/// What a message has beside headers and payload: the prelude and the checksum at the end.
const OVERHEAD_BYTES: usize = PRELUDE_BYTES + 4;
