//! AWS's frames.

use tradewind_protocol::eventstream::{Decoder, HeaderValue, encode};

use super::sizes_of_pieces;

/// Frames: how they are cut makes no difference, and what was read is written the same.
pub(crate) fn frames(bytes: &[u8]) {
    reread(bytes);
    // No fuzzer guesses a checksum: the same bytes once more, as the headers and the payload of a frame. The first says how many are headers.
    if let Some((length, content)) = bytes.split_first() {
        let (headers, payload) = content.split_at_checked(usize::from(*length)).unwrap_or((content, &[]));
        let frame = sealed(headers, payload);
        reread(&frame);
        reread(&[&*frame, &*frame].concat());
    }
}

fn reread(bytes: &[u8]) {
    let [whole, bytewise, sevens] = sizes_of_pieces(bytes.len()).map(|size| decode(bytes, size));
    assert_eq!(bytewise, whole);
    assert_eq!(sevens, whole);
    let written: Vec<u8> = whole.into_iter().flatten().flatten().collect();
    assert!(bytes.starts_with(&written), "what was read is written in another way");
}

/// The messages, each written again, and the fault that ended them.
fn decode(bytes: &[u8], size: usize) -> Vec<Result<Vec<u8>, String>> {
    let mut decoder = Decoder::new();
    let mut seen = Vec::new();
    for mut piece in bytes.chunks(size) {
        loop {
            match decoder.next_message(&mut piece) {
                Ok(Some(message)) => {
                    let headers: Vec<(&str, HeaderValue<'_>)> = message.headers().collect();
                    for (name, value) in &headers {
                        assert_eq!(message.header(name), Some(*value));
                    }
                    let _kind = message.kind();
                    seen.push(Ok(encode(&headers, message.payload()).expect("what was read can be written")));
                }
                Ok(None) => break,
                Err(error) => {
                    seen.push(Err(error.to_string()));
                    return seen;
                }
            }
        }
    }
    seen
}

/// The frame that holds these headers, whether or not they are any.
fn sealed(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    /// Two lengths, their checksum, and that of the whole.
    const OVERHEAD: usize = 16;
    let length = |bytes: usize| u32::try_from(bytes).expect("no input has 4 GB").to_be_bytes();
    let mut frame = [length(OVERHEAD + headers.len() + payload.len()), length(headers.len())].concat();
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.extend_from_slice(headers);
    frame.extend_from_slice(payload);
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}
