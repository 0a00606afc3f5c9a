//! `application/vnd.amazon.eventstream`: frames of a stream, written by the crate that the AWS SDK reads with.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;

/// The media type of a stream of frames.
pub(crate) const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// An event whose payload is JSON.
pub(crate) fn event(kind: &str, payload: &serde_json::Value) -> Bytes {
    frame(&[(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")], payload.to_string())
}

/// An event whose payload is bytes as they are.
pub(crate) fn raw_event(kind: &str, payload: impl Into<Bytes>) -> Bytes {
    let headers = [(":event-type", kind), (":content-type", "application/octet-stream"), (":message-type", "event")];
    frame(&headers, payload)
}

/// An exception: the last frame of a stream that failed.
pub(crate) fn exception(kind: &str, payload: &serde_json::Value) -> Bytes {
    let headers = [(":exception-type", kind), (":content-type", "application/json"), (":message-type", "exception")];
    frame(&headers, payload.to_string())
}

fn frame(headers: &[(&str, &str)], payload: impl Into<Bytes>) -> Bytes {
    let header =
        |(name, value): &(&str, &str)| Header::new(String::from(*name), HeaderValue::String(String::from(*value).into()));
    let message = Message::new_from_parts(headers.iter().map(header).collect(), payload);
    let mut written = Vec::new();
    #[expect(clippy::expect_used, reason = "the writer only refuses names, values and sums of 64 KiB and more")]
    write_message_to(&message, &mut written).expect("headers of a few bytes, and a payload made here, fit a frame");
    written.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Frames that botocore's decoder was seen to read.
    #[test]
    fn frames_are_those_that_aws_writes() {
        let hex = |frame: Bytes| frame.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let delta = event("contentBlockDelta", &json!({ "contentBlockIndex": 0, "delta": { "text": "Hi" } }));
        assert_eq!(
            hex(delta),
            "0000009400000057b4ab9aee0b3a6576656e742d74797065070011636f6e74656e74426c6f636b44656c74610d3a636f6e74656e742d747970\
             650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b22636f6e74656e74426c6f636b49\
             6e646578223a302c2264656c7461223a7b2274657874223a224869227d7d1f944657"
        );
        let throttled = exception("throttlingException", &json!({ "message": "slow down" }));
        assert_eq!(
            hex(throttled),
            "0000008800000061de0175f40f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074696f6e0d3a636f6e7465\
             6e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070009657863657074696f6e7b226d6573\
             73616765223a22736c6f7720646f776e227d832ee072"
        );
        let part = raw_event("PayloadPart", "data: {\"x\":1}\n\n");
        assert_eq!(
            hex(part),
            "0000007800000059be379d370b3a6576656e742d7479706507000b5061796c6f6164506172740d3a636f6e74656e742d747970650700186170\
             706c69636174696f6e2f6f637465742d73747265616d0d3a6d6573736167652d747970650700056576656e74646174613a207b2278223a317d\
             0a0a3da38c34"
        );
    }
}
