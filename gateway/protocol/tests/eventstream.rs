//! Event stream frames: AWS's own cases, frames checked against botocore's decoder, and bytes cut and damaged everywhere.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper that cannot go on fails its test")]

use tradewind_protocol::eventstream::{Decoder, EncodeError, FrameError, HeaderValue, Kind, MAX_HEADERS, Message, encode};

const DELTA: &str = "0000009400000057b4ab9aee0b3a6576656e742d74797065070011636f6e74656e74426c6f636b44656c74610d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b22636f6e74656e74426c6f636b496e646578223a302c2264656c7461223a7b2274657874223a224869227d7d1f944657";
const THROTTLED: &str = "0000008800000061de0175f40f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074696f6e0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070009657863657074696f6e7b226d657373616765223a22736c6f7720646f776e227d832ee072";
const CHUNK: &str = "000000870000004b87ea2bf30b3a6576656e742d747970650700056368756e6b0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b226279746573223a2265794a306558426c496a6f696257567a6332466e5a56397a64473977496e303d227dba48ab22";
const PART: &str = "0000007800000059be379d370b3a6576656e742d7479706507000b5061796c6f6164506172740d3a636f6e74656e742d747970650700186170706c69636174696f6e2f6f637465742d73747265616d0d3a6d6573736167652d747970650700056576656e74646174613a207b2278223a317d0a0a3da38c34";
const EMPTY: &str = "000000100000000005c248eb7d98c8ff";

macro_rules! case {
    ($name:literal) => {
        include_bytes!(concat!("eventstream/", $name)).as_slice()
    };
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit)).collect()
}

fn decode(frame: &[u8]) -> Result<(), FrameError> {
    let mut rest = frame;
    Decoder::new().next_message(&mut rest).map(|_| ())
}

/// The kind and the payload of every message.
fn read(pieces: &[&[u8]]) -> Vec<(String, Vec<u8>)> {
    let (mut decoder, mut messages) = (Decoder::new(), Vec::new());
    for piece in pieces {
        let mut rest = *piece;
        while let Some(message) = decoder.next_message(&mut rest).unwrap() {
            messages.push((format!("{:?}", message.kind()), message.payload().to_vec()));
        }
    }
    assert!(decoder.is_between_messages());
    messages
}

/// `frame` with both checksums made to fit.
fn mended(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let total = usize::try_from(u32::from_be_bytes(*frame.first_chunk().unwrap())).unwrap();
    frame.truncate(total - 4);
    let prelude = crc32fast::hash(&frame[..8]);
    frame[8..12].copy_from_slice(&prelude.to_be_bytes());
    let checksum = crc32fast::hash(&frame);
    frame.extend(checksum.to_be_bytes());
    frame
}

fn all_kinds() -> Vec<(&'static str, HeaderValue<'static>)> {
    vec![
        ("true", HeaderValue::Bool(true)),
        ("false", HeaderValue::Bool(false)),
        ("byte", HeaderValue::Byte(50)),
        ("short", HeaderValue::Short(20_000)),
        ("int", HeaderValue::Int(500_000)),
        ("long", HeaderValue::Long(50_000_000_000)),
        ("bytes", HeaderValue::Bytes(b"some bytes")),
        ("str", HeaderValue::Text("some str")),
        ("time", HeaderValue::Timestamp(5_000_000_000)),
        ("uuid", HeaderValue::Uuid(0xb79b_c914_de21_4e13_b8b2_bc47_e85b_7f0b_u128.to_be_bytes())),
    ]
}

#[test]
fn reads_and_writes_every_type_of_header() {
    let frame = case!("valid_with_all_headers_and_payload");
    let (mut decoder, mut rest) = (Decoder::new(), frame);
    let message = decoder.next_message(&mut rest).unwrap().unwrap();
    assert_eq!(message.headers().collect::<Vec<_>>(), all_kinds());
    assert_eq!(message.payload(), b"some payload");
    assert_eq!(encode(&all_kinds(), b"some payload").unwrap(), frame);
}

#[test]
fn reads_and_writes_messages_without_headers_or_payload() {
    assert_eq!(encode(&[], b"another test payload").unwrap(), case!("valid_no_headers"));
    assert_eq!(encode(&[("some-header", HeaderValue::Short(500))], b"").unwrap(), case!("valid_empty_payload"));
    assert_eq!(encode(&[], b"").unwrap(), bytes(EMPTY));
    for frame in [case!("valid_no_headers"), case!("valid_empty_payload"), &bytes(EMPTY)] {
        assert_eq!(decode(frame), Ok(()));
    }
}

#[test]
fn refuses_each_broken_frame_for_its_reason() {
    let prelude = FrameError::PreludeChecksum { expected: 0x8BB4_95FB, found: 0xDEAD_BEEF };
    assert_eq!(decode(case!("invalid_prelude_checksum")), Err(prelude));
    let message = FrameError::MessageChecksum { expected: 0x01A0_5860, found: 0xDEAD_BEEF };
    assert_eq!(decode(case!("invalid_message_checksum")), Err(message));
    assert_eq!(decode(case!("invalid_headers_length")), Err(FrameError::Lengths { total: 89, headers: 77 }));
    // The others were made by changing a header and leaving the checksum, which is looked at first.
    for (frame, reason) in [
        (case!("invalid_header_string_value_length"), FrameError::CutHeader),
        (case!("invalid_header_string_length_cut_off"), FrameError::CutHeader),
        (case!("invalid_header_value_type"), FrameError::HeaderType(0x60)),
        (case!("invalid_header_name_length"), FrameError::CutHeader),
        (case!("invalid_header_name_length_too_long"), FrameError::CutHeader),
    ] {
        assert!(matches!(decode(frame), Err(FrameError::MessageChecksum { .. })), "{reason}");
        assert_eq!(decode(&mended(frame)), Err(reason));
    }
}

#[test]
fn tells_events_exceptions_and_errors_apart() {
    let frames = [DELTA, THROTTLED, CHUNK, PART].map(bytes);
    let messages = read(&frames.each_ref().map(Vec::as_slice));
    let expected: [(&str, &[u8]); 4] = [
        (r#"Event("contentBlockDelta")"#, br#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#),
        (r#"Exception("throttlingException")"#, br#"{"message":"slow down"}"#),
        (r#"Event("chunk")"#, br#"{"bytes":"eyJ0eXBlIjoibWVzc2FnZV9zdG9wIn0="}"#),
        (r#"Event("PayloadPart")"#, b"data: {\"x\":1}\n\n"),
    ];
    for (message, expected) in messages.iter().zip(expected) {
        assert_eq!((message.0.as_str(), message.1.as_slice()), expected);
    }
    let error = [(":message-type", "error"), (":error-code", "500"), (":error-message", "gone")];
    let frame = encode(&error.map(|(name, value)| (name, HeaderValue::Text(value))), b"").unwrap();
    let (mut decoder, mut rest) = (Decoder::new(), frame.as_slice());
    let message: Message<'_> = decoder.next_message(&mut rest).unwrap().unwrap();
    assert_eq!(message.kind(), Kind::Error { code: "500", message: "gone" });
}

#[test]
fn any_cut_gives_the_same_messages() {
    let body = [DELTA, EMPTY, PART].map(bytes).concat();
    let whole = read(&[&body]);
    assert_eq!(whole.len(), 3);
    for cut in 0..=body.len() {
        for second in cut..=body.len() {
            assert_eq!(read(&[&body[..cut], &body[cut..second], &body[second..]]), whole, "cut at {cut} and {second}");
        }
    }
}

#[test]
fn notices_every_flipped_bit() {
    let frame = bytes(DELTA);
    for bit in 0..frame.len() * 8 {
        let mut damaged = frame.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&damaged).is_err(), "bit {bit}");
    }
}

#[test]
fn knows_that_a_frame_is_missing_its_end() {
    let frame = bytes(DELTA);
    let (mut decoder, mut rest) = (Decoder::new(), &frame[..100]);
    assert_eq!(decoder.next_message(&mut rest), Ok(None));
    assert!(!decoder.is_between_messages());
}

#[test]
fn refuses_what_would_cost_too_much() {
    let prelude = |total: u32, headers: u32| {
        let mut bytes = [total.to_be_bytes(), headers.to_be_bytes()].concat();
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        bytes
    };
    assert_eq!(decode(&prelude(u32::MAX, 0)), Err(FrameError::TooLarge));
    assert_eq!(decode(&prelude(200_000, 140_000)), Err(FrameError::TooLarge));
    assert_eq!(decode(&prelude(15, 0)), Err(FrameError::Lengths { total: 15, headers: 0 }));
    let names: Vec<String> = (0..=MAX_HEADERS).map(|number| format!("{number}")).collect();
    let headers: Vec<_> = names.iter().map(|name| (name.as_str(), HeaderValue::Bool(true))).collect();
    assert_eq!(decode(&encode(&headers, b"").unwrap()), Err(FrameError::TooManyHeaders));
}

#[test]
fn refuses_two_headers_of_one_name_and_headers_that_do_not_fit() {
    let twice = [("a", HeaderValue::Bool(true)), ("b", HeaderValue::Int(1)), ("a", HeaderValue::Bool(false))];
    assert_eq!(decode(&encode(&twice, b"").unwrap()), Err(FrameError::DuplicateHeader));
    assert_eq!(encode(&[("", HeaderValue::Bool(true))], b""), Err(EncodeError::HeaderName(0)));
    assert_eq!(encode(&[("a", HeaderValue::Bytes(&[0; 65_536]))], b""), Err(EncodeError::HeaderValue(65_536)));
}
