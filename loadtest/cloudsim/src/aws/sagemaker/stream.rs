//! The container's bytes in frames. SageMaker cuts them where it likes: in an event, in a line, in a character.

use bytes::Bytes;

use super::super::frame;
use crate::cloud::{Content, Framing};

/// The same content, cut and framed: each part in two frames, the cut one byte behind the middle.
pub(super) fn framed(content: Content) -> Content {
    let cut = |part: Bytes| {
        let mut first = part;
        let second = first.split_off((first.len() / 2 + 1).min(first.len()));
        [first, second].into_iter().filter(|piece| !piece.is_empty())
    };
    let parts = content.parts.into_iter().flat_map(cut).map(|piece| frame::raw_event("PayloadPart", piece)).collect();
    let mut headers = content.headers;
    headers.push(("x-amzn-sagemaker-content-type", content.content_type.to_owned()));
    Content { content_type: frame::CONTENT_TYPE, headers, framing: Framing::Stream, parts }
}
