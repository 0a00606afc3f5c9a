//! `upstream.frames.jsonl` as event stream bytes, for providers of AWS. A line is one of
//!
//! - `["EVENT", {…}]`: an event with a JSON payload; `{"event": "EVENT", "raw": "…"}`: with any;
//! - `{"chunk": {…}}`: an event of InvokeModel, the JSON in base64; `{"part": "…"}`: bytes of a SageMaker container;
//! - `{"exception": "NAME", "payload": {…}}` and `{"error": "CODE", "message": "…"}`;
//! - `{"damaged": LINE}`: with a bit of the payload flipped; `{"cut": LINE}`: without its last byte; `{"hex": "…"}`: bytes as they are.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on says where and why")]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tradewind_protocol::eventstream::{HeaderValue, encode};

/// The bytes of all lines.
pub(crate) fn frames(lines: &str) -> Vec<u8> {
    lines.lines().flat_map(|line| frame(&serde_json::from_str(line).unwrap())).collect()
}

fn frame(line: &Value) -> Vec<u8> {
    let text = |name: &str| line[name].as_str().unwrap();
    let Some(line) = line.as_object() else {
        return event(line[0].as_str().unwrap(), "application/json", line[1].to_string().as_bytes());
    };
    match line.keys().next().map(String::as_str) {
        Some("event") => event(text("event"), "application/json", text("raw").as_bytes()),
        Some("chunk") => {
            let bytes = STANDARD.encode(line["chunk"].to_string());
            event("chunk", "application/json", json!({ "bytes": bytes, "p": "abcdef" }).to_string().as_bytes())
        }
        Some("part") => event("PayloadPart", "application/octet-stream", text("part").as_bytes()),
        Some("exception") => message(
            &[(":exception-type", text("exception")), (":content-type", "application/json"), (":message-type", "exception")],
            line["payload"].to_string().as_bytes(),
        ),
        Some("error") => {
            message(&[(":message-type", "error"), (":error-code", text("error")), (":error-message", text("message"))], b"")
        }
        Some("damaged") => {
            let mut bytes = frame(&line["damaged"]);
            let place = bytes.len() - 6;
            bytes[place] ^= 1;
            bytes
        }
        Some("cut") => {
            let mut bytes = frame(&line["cut"]);
            bytes.pop();
            bytes
        }
        Some("hex") => {
            let digits: Vec<char> = text("hex").chars().collect();
            digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
        }
        other => panic!("unknown frame {other:?}"),
    }
}

fn event(name: &str, kind: &str, payload: &[u8]) -> Vec<u8> {
    message(&[(":event-type", name), (":content-type", kind), (":message-type", "event")], payload)
}

fn message(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, HeaderValue::Text(value))).collect();
    encode(&headers, payload).unwrap()
}
