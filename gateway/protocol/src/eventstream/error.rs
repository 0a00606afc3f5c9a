//! Why bytes are no event stream.

use super::{MAX_HEADERS, MAX_HEADERS_BYTES, MAX_PAYLOAD_BYTES};

/// Why bytes are no event stream. Nothing after such a fault can be trusted: where the next message begins is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The lengths were damaged.
    #[error("the checksum of a frame's lengths is {found:08x} and should be {expected:08x}")]
    PreludeChecksum {
        /// What the bytes sum up to.
        expected: u32,
        /// What stands there.
        found: u32,
    },
    /// The message was damaged.
    #[error("the checksum of a frame is {found:08x} and should be {expected:08x}")]
    MessageChecksum {
        /// What the bytes sum up to.
        expected: u32,
        /// What stands there.
        found: u32,
    },
    /// The lengths contradict each other.
    #[error("a frame of {total} bytes cannot hold {headers} bytes of headers")]
    Lengths {
        /// Of the whole frame.
        total: u32,
        /// Of the headers.
        headers: u32,
    },
    /// More than the specification allows.
    #[error("a frame is larger than {MAX_HEADERS_BYTES} bytes of headers and {MAX_PAYLOAD_BYTES} bytes of payload")]
    TooLarge,
    /// A header goes on past the headers' end.
    #[error("a header is cut off")]
    CutHeader,
    /// A header has an empty name, or one that is not UTF-8.
    #[error("the name of a header is empty or not UTF-8")]
    HeaderName,
    /// A header's text is not UTF-8.
    #[error("the text of a header is not UTF-8")]
    HeaderText,
    /// A header has a type that the specification does not know.
    #[error("a header has the unknown type {0}")]
    HeaderType(u8),
    /// Two headers have the same name.
    #[error("two headers have the same name")]
    DuplicateHeader,
    /// More than anybody sends.
    #[error("a frame has more than {MAX_HEADERS} headers")]
    TooManyHeaders,
}
