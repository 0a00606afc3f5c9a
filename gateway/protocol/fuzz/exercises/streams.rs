//! Streamed answers.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tradewind_protocol::{
    anthropic, bedrock,
    chat::{Sink, StreamDecoder, StreamEvent, StreamFault},
    cohere,
    eventstream::{self, HeaderValue},
    gemini,
    openai::{ChunkDecoder, ChunkEncoder, Framing},
    sse, tgi,
};

use super::{IDENTITY, is_json, order::Order, sizes_of_pieces};

/// A stream of an OpenAI-shaped upstream.
pub(crate) fn openai_stream(bytes: &[u8]) {
    stream(bytes, || Box::<ChunkDecoder>::default());
}

/// A stream of an upstream that speaks Anthropic's dialect.
pub(crate) fn anthropic_stream(bytes: &[u8]) {
    stream(bytes, || Box::new(anthropic::Decoder::new()));
}

/// A stream of Gemini, of one answer and of two.
pub(crate) fn gemini_stream(bytes: &[u8]) {
    stream(bytes, || Box::new(gemini::ChatDecoder::new(1)));
    stream(bytes, || Box::new(gemini::ChatDecoder::new(2)));
}

/// A stream of Cohere.
pub(crate) fn cohere_stream(bytes: &[u8]) {
    stream(bytes, || Box::new(cohere::ChatDecoder::default()));
}

/// A stream of TGI or LMI.
pub(crate) fn tgi_stream(bytes: &[u8]) {
    stream(bytes, || Box::new(tgi::GenerateDecoder::new()));
}

/// A stream of Bedrock, in frames.
pub(crate) fn bedrock_stream(bytes: &[u8]) {
    stream(bytes, || Box::new(bedrock::ConverseDecoder::new(bedrock::ToolNames::default())));
    stream(bytes, || Box::new(bedrock::InvokeDecoder::new()));
}

/// A stream of Converse, with the frames put around the events here, because no fuzzer guesses a checksum. A line is the kind of an event,
/// a space and its JSON.
pub(crate) fn bedrock_events(bytes: &[u8]) {
    let mut body = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let (kind, payload) = line.split_at(line.iter().position(|byte| *byte == b' ').unwrap_or(line.len()));
        let (kind, payload) = (String::from_utf8_lossy(kind), payload.get(1..).unwrap_or_default());
        let (class, name) = match &*kind {
            kind if kind.ends_with("Exception") => ("exception", ":exception-type"),
            kind if kind.ends_with("Error") => ("error", ":error-code"),
            _ => ("event", ":event-type"),
        };
        body.extend(framed(&[(name, &kind), (":message-type", class)], payload));
    }
    stream(&body, || Box::new(bedrock::ConverseDecoder::new(bedrock::ToolNames::default())));
}

/// A stream of InvokeModel, framed here. A line is one of Claude's events, which say the same as if they had come from Anthropic.
pub(crate) fn bedrock_invoke(bytes: &[u8]) {
    let (mut frames, mut events) = (Vec::new(), Vec::new());
    for event in bytes.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_empty()) {
        let payload = format!("{{\"bytes\":\"{}\"}}", STANDARD.encode(event));
        frames.extend(framed(&[(":event-type", "chunk"), (":message-type", "event")], payload.as_bytes()));
        events.extend_from_slice(&sse::encode(event));
    }
    stream(&frames, || Box::new(bedrock::InvokeDecoder::new()));
    let invoked = decode(&frames, frames.len().max(1), Box::new(bedrock::InvokeDecoder::new()));
    assert_eq!(invoked, decode(&events, events.len().max(1), Box::new(anthropic::Decoder::new())));
}

/// A frame; none where a header would be too long for one.
fn framed(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, HeaderValue::Text(value))).collect();
    eventstream::encode(&headers, payload).unwrap_or_default()
}

/// A streamed answer: how it is cut makes no difference, its events keep their order, and the client's form of it is whole.
fn stream(bytes: &[u8], decoder: impl Fn() -> Box<dyn StreamDecoder>) {
    let [whole, bytewise, sevens] = sizes_of_pieces(bytes.len()).map(|size| decode(bytes, size, decoder()));
    assert_eq!(bytewise, whole);
    assert_eq!(sevens, whole);
    for framing in [Framing::Chat, Framing::Completion] {
        let mut encoder = ChunkEncoder::new(framing, &IDENTITY, true);
        let outcome = drive(bytes, bytes.len().max(1), decoder(), &mut encoder);
        if outcome.is_ok() {
            encoder.end();
        }
        let written = encoder.take();
        let mut events = sse::Decoder::new();
        let check = |event: sse::Event<'_>| assert!(event.data == b"[DONE]" || is_json(event.data), "{:?}", event.data);
        assert_eq!(events.push(&written, check), Ok(written.len()), "only whole events are written");
        if framing == Framing::Chat && outcome.is_ok() {
            reread(&written, &whole.0);
        }
    }
}

/// Another gateway that reads what was written for the client learns the same of each answer. Only what stands for names that the upstream
/// did not give is new.
fn reread(written: &[u8], told: &[Told]) {
    let (again, outcome) = decode(written, written.len().max(1), Box::<ChunkDecoder>::default());
    assert_eq!(outcome, Ok(()), "{}", String::from_utf8_lossy(written));
    let by_choice = |told: &[Told]| {
        let mut told = told.get(1..).unwrap_or_default().to_vec();
        told.sort_by_key(|(choice, _)| *choice);
        told
    };
    assert_eq!(by_choice(&again), by_choice(told), "{}", String::from_utf8_lossy(written));
}

/// Which answer an event is of, if of one, and the event as it prints.
type Told = (Option<u32>, String);

fn decode(bytes: &[u8], size: usize, decoder: Box<dyn StreamDecoder>) -> (Vec<Told>, Result<(), StreamFault>) {
    let mut seen = Vec::new();
    let mut order = Order::default();
    let mut sink = |event: StreamEvent<'_>| {
        order.check(&event);
        seen.push((choice_of(&event), printed(&event)));
    };
    let outcome = drive(bytes, size, decoder, &mut sink);
    if outcome.is_ok() {
        order.check_end();
    }
    (seen, outcome)
}

fn choice_of(event: &StreamEvent<'_>) -> Option<u32> {
    match *event {
        StreamEvent::Start { .. } | StreamEvent::Usage(_) => None,
        StreamEvent::Text { choice, .. }
        | StreamEvent::Reasoning { choice, .. }
        | StreamEvent::ReasoningSignature { choice, .. }
        | StreamEvent::RedactedReasoning { choice, .. }
        | StreamEvent::Refusal { choice, .. }
        | StreamEvent::ToolCall { choice, .. }
        | StreamEvent::ToolArguments { choice, .. }
        | StreamEvent::Logprobs { choice, .. }
        | StreamEvent::Finish { choice, .. } => Some(choice),
    }
}

fn printed(event: &StreamEvent<'_>) -> String {
    match event {
        // Where the upstream broke its lines says nothing.
        StreamEvent::Logprobs { json, .. } => json.replace(['\n', '\r'], ""),
        event => format!("{event:?}"),
    }
}

fn drive(bytes: &[u8], size: usize, mut decoder: Box<dyn StreamDecoder>, sink: &mut dyn Sink) -> Result<(), StreamFault> {
    bytes.chunks(size).try_for_each(|piece| decoder.push(piece, sink))?;
    decoder.finish(sink)
}
