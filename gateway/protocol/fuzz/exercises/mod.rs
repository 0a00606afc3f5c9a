//! What is done with bytes of any kind, one exercise a fuzz target. An exercise fails by panicking; what it returns without is right.
//!
//! The fuzz targets and `tests/corpus.rs`, which replays the corpus on stable Rust, share this file.

use bytes::Bytes;
use serde::de::IgnoredAny;
use tradewind_protocol::{
    Capabilities, Reasoning, Support, anthropic, bedrock,
    chat::{ChatRequest, ChatResponse, Dropped, Sink, StreamDecoder, StreamEvent, StreamFault, Target},
    cohere, eventstream, gemini,
    openai::{self, ChunkDecoder, ChunkEncoder, Framing, Head, Identity, StreamSniffer},
    sse,
};

/// What is done with some bytes.
pub(crate) type Exercise = fn(&[u8]);

/// Every exercise, by the name of its target and of its folder of the corpus.
pub(crate) const ALL: [(&str, Exercise); 10] = [
    ("requests", requests),
    ("answers", answers),
    ("sse", server_sent_events),
    ("openai_stream", openai_stream),
    ("anthropic_stream", anthropic_stream),
    ("gemini_stream", gemini_stream),
    ("cohere_stream", cohere_stream),
    ("eventstream", frames),
    ("bedrock_stream", bedrock_stream),
    ("bedrock_events", bedrock_events),
];

const IDENTITY: Identity<'static> = Identity { id: "fuzz", created: 1, model: "alias" };

/// What a client sends: read, and written in every dialect for models of every kind.
pub(crate) fn requests(bytes: &[u8]) {
    if let Ok(head) = Head::read(bytes) {
        assert_json(&openai::replace_model(&Bytes::copy_from_slice(bytes), &head.model_span, "other"));
    }
    for request in [openai::read_chat(bytes), openai::read_completion(bytes)].into_iter().flatten() {
        for capabilities in kinds_of_models() {
            write_everywhere(&request, &Target { model: "m", capabilities: &capabilities });
        }
    }
    if let Ok(request) = openai::read_embeddings(bytes) {
        let dropped = &mut Dropped::new();
        let texts = ["a", "b"];
        for model in ["amazon.titan-embed-text-v2:0", "cohere.embed-v4:0", "amazon.nova-2-multimodal-embeddings-v1:0"] {
            let target = Target { model, capabilities: &Capabilities::UNKNOWN };
            let encoded = bedrock::encode_embeddings(&request, &target, dropped);
            encoded.iter().flat_map(|encoded| &encoded.bodies).for_each(|body| assert_json(body));
        }
        gemini::encode_predict(&request, &texts, dropped).iter().for_each(|body| assert_json(body));
        gemini::encode_batch_embed(&request, "m", &texts, dropped).iter().for_each(|body| assert_json(body));
        cohere::encode_embed(&request, "m", &texts, dropped).iter().for_each(|body| assert_json(body));
    }
    if let Ok(request) = openai::read_rerank(bytes) {
        bedrock::encode_rerank(&request, "arn", &mut Dropped::new()).iter().for_each(|body| assert_json(body));
        cohere::encode_rerank(&request, "m", &mut Dropped::new()).iter().for_each(|body| assert_json(body));
    }
}

/// One model that can do everything, and others that can do little, each in its own way.
fn kinds_of_models() -> [Capabilities; 3] {
    let old =
        Capabilities { max_output: Some(4096), json_schema: Support::No, reasoning: Reasoning::Budget, ..Capabilities::UNKNOWN };
    let strict = Capabilities {
        tools: Support::No,
        forced_tools: Support::No,
        vision: Support::No,
        sampling: Support::No,
        prefill: Support::No,
        reasoning: Reasoning::None,
        ..Capabilities::UNKNOWN
    };
    [Capabilities::UNKNOWN, old, strict]
}

fn write_everywhere(request: &ChatRequest, target: &Target<'_>) {
    let dropped = &mut Dropped::new();
    let direct = |version| anthropic::Options::direct(version);
    for options in [
        direct(anthropic::Version::V2023_06_01),
        direct(anthropic::Version::V2026_10_21),
        anthropic::Options::bedrock(&[]),
        anthropic::Options::vertex(),
    ] {
        anthropic::encode(request, target, &options, dropped).iter().for_each(|body| assert_json(body));
    }
    for service in [gemini::Service::AiStudio, gemini::Service::Vertex] {
        for schema in [gemini::SchemaForm::Json, gemini::SchemaForm::OpenApi] {
            let options = gemini::Options { service, schema };
            gemini::encode_chat(request, target, options, dropped).iter().for_each(|body| assert_json(body));
        }
    }
    openai::encode_chat(request, target, dropped).iter().for_each(|body| assert_json(body));
    cohere::encode_chat(request, target, dropped).iter().for_each(|body| assert_json(body));
    bedrock::encode_chat(request, target, None, dropped).iter().for_each(|encoded| assert_json(&encoded.body));
    assert!(dropped.params().iter().all(|name| name.bytes().all(|byte| byte.is_ascii_graphic())), "{dropped}");
}

/// What an upstream sends as a whole answer or as an error: read in every dialect, and written for the client.
pub(crate) fn answers(bytes: &[u8]) {
    let names = bedrock::ToolNames::default();
    let chats: [Option<ChatResponse>; 5] = [
        openai::read_chat_answer(bytes).ok(),
        anthropic::read_answer(bytes).ok(),
        gemini::read_chat(bytes).ok(),
        cohere::read_chat(bytes).ok(),
        bedrock::read_chat(bytes, &names).ok(),
    ];
    for answer in chats.iter().flatten() {
        assert_json(&openai::write_chat(answer, &IDENTITY));
        assert_json(&openai::write_completion(answer, &IDENTITY));
    }
    let embeddings = [
        gemini::read_predict(bytes).ok(),
        gemini::read_batch_embed(bytes).ok(),
        cohere::read_embed(bytes).ok(),
        bedrock::read_embeddings([(bytes, None)]).ok(),
    ];
    for answer in embeddings.iter().flatten() {
        assert_json(&openai::write_embeddings(answer, openai::EncodingFormat::Float, &IDENTITY));
        assert_json(&openai::write_embeddings(answer, openai::EncodingFormat::Base64, &IDENTITY));
    }
    let request = openai::read_rerank(br#"{"model":"m","query":"q","documents":["a","b"],"return_documents":true}"#);
    for (answer, request) in
        [cohere::read_rerank(bytes), bedrock::read_rerank(bytes)].iter().flatten().zip(request.iter().cycle())
    {
        assert_json(&openai::write_rerank(answer, request, &IDENTITY));
    }
    let _error = (anthropic::read_error(bytes), gemini::GoogleError::read(bytes), openai::usage_of(bytes));
}

/// Server-sent events: how they are cut makes no difference.
pub(crate) fn server_sent_events(bytes: &[u8]) {
    let decode = |piece: usize| {
        let mut events = Vec::new();
        let mut keep = |event: sse::Event<'_>| events.push((event.name.to_vec(), event.data.to_vec()));
        let mut decoder = sse::Decoder::new();
        bytes.chunks(piece).try_for_each(|piece| decoder.push(piece, &mut keep).map(|_| ())).ok();
        decoder.finish(&mut keep);
        events
    };
    let whole = decode(bytes.len().max(1));
    assert_eq!(decode(1), whole);
    assert_eq!(decode(3), whole);
    let mut sniffer = StreamSniffer::new();
    let _finding = sniffer.push(bytes);
}

/// A stream of an OpenAI-shaped upstream.
pub(crate) fn openai_stream(bytes: &[u8]) {
    stream(bytes, || Box::<ChunkDecoder>::default());
}

/// A stream of an upstream that speaks Anthropic's dialect.
pub(crate) fn anthropic_stream(bytes: &[u8]) {
    stream(bytes, || Box::new(anthropic::Decoder::new()));
}

/// A stream of Gemini.
pub(crate) fn gemini_stream(bytes: &[u8]) {
    stream(bytes, || Box::new(gemini::ChatDecoder::new(2)));
}

/// A stream of Cohere.
pub(crate) fn cohere_stream(bytes: &[u8]) {
    stream(bytes, || Box::new(cohere::ChatDecoder::default()));
}

/// Frames: how they are cut makes no difference, and what was read is written the same.
pub(crate) fn frames(bytes: &[u8]) {
    let decode = |size: usize| {
        let mut decoder = eventstream::Decoder::new();
        let mut seen = Vec::new();
        for mut piece in bytes.chunks(size) {
            loop {
                match decoder.next_message(&mut piece) {
                    Ok(Some(message)) => seen.push(format!("{message:?}")),
                    Ok(None) => break,
                    Err(error) => {
                        seen.push(error.to_string());
                        return seen;
                    }
                }
            }
        }
        seen
    };
    let whole = decode(bytes.len().max(1));
    assert_eq!(decode(1), whole);
    assert_eq!(decode(7), whole);
}

/// A stream of Bedrock, in frames.
pub(crate) fn bedrock_stream(bytes: &[u8]) {
    stream(bytes, || Box::new(bedrock::ConverseDecoder::new(bedrock::ToolNames::default())));
    stream(bytes, || Box::new(bedrock::InvokeDecoder::new()));
}

/// The same, with the frames put around the events here, because no fuzzer guesses a checksum. A line is the kind of an event, a space and
/// its JSON.
pub(crate) fn bedrock_events(bytes: &[u8]) {
    let mut body = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let (kind, payload) = line.split_at(line.iter().position(|byte| *byte == b' ').unwrap_or(line.len()));
        let kind = String::from_utf8_lossy(kind);
        let class = if kind.ends_with("Exception") { ("exception", ":exception-type") } else { ("event", ":event-type") };
        let headers =
            [(class.1, eventstream::HeaderValue::Text(&kind)), (":message-type", eventstream::HeaderValue::Text(class.0))];
        body.extend(eventstream::encode(&headers, payload.get(1..).unwrap_or_default()).into_iter().flatten());
    }
    bedrock_stream(&body);
}

/// A streamed answer: how it is cut makes no difference, its events keep their order, and the client's form of it is whole.
fn stream(bytes: &[u8], decoder: impl Fn() -> Box<dyn StreamDecoder>) {
    let whole = decode(bytes, bytes.len().max(1), decoder());
    assert_eq!(decode(bytes, 1, decoder()), whole);
    assert_eq!(decode(bytes, 7, decoder()), whole);
    for framing in [Framing::Chat, Framing::Completion] {
        let mut encoder = ChunkEncoder::new(framing, &IDENTITY, true);
        if drive(bytes, bytes.len().max(1), decoder(), &mut encoder).is_ok() {
            encoder.end();
        }
        let mut events = sse::Decoder::new();
        let check = |event: sse::Event<'_>| assert!(event.data == b"[DONE]" || is_json(event.data), "{:?}", event.data);
        events.push(&encoder.take(), check).ok();
    }
}

fn decode(bytes: &[u8], size: usize, decoder: Box<dyn StreamDecoder>) -> (Vec<String>, Result<(), StreamFault>) {
    let mut seen = Vec::new();
    let mut order = Order::default();
    let mut sink = |event: StreamEvent<'_>| {
        order.check(&event);
        seen.push(format!("{event:?}"));
    };
    let outcome = drive(bytes, size, decoder, &mut sink);
    assert!(outcome.is_err() || order.has_finished, "an answer that ended without an end: {seen:?}");
    (seen, outcome)
}

fn drive(bytes: &[u8], size: usize, mut decoder: Box<dyn StreamDecoder>, sink: &mut dyn Sink) -> Result<(), StreamFault> {
    bytes.chunks(size).try_for_each(|piece| decoder.push(piece, sink))?;
    decoder.finish(sink)
}

/// What [`StreamEvent`] promises of the order.
#[derive(Default)]
struct Order {
    has_started: bool,
    has_finished: bool,
    has_usage: bool,
    calls: Vec<(u32, u32)>,
}

impl Order {
    fn check(&mut self, event: &StreamEvent<'_>) {
        assert!(!self.has_usage, "{event:?} after the usage");
        match *event {
            StreamEvent::Start { .. } => {
                assert!(!std::mem::replace(&mut self.has_started, true), "a second start");
                return;
            }
            StreamEvent::ToolCall { choice, index, id, .. } => {
                assert!(!id.is_empty(), "a call without an id");
                self.calls.push((choice, index));
            }
            StreamEvent::ToolArguments { choice, index, .. } => {
                assert!(self.calls.contains(&(choice, index)), "arguments of no call: {event:?}");
            }
            StreamEvent::Finish { .. } => self.has_finished = true,
            StreamEvent::Usage(_) => self.has_usage = true,
            _ => {}
        }
        assert!(self.has_started, "{event:?} before the start");
    }
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

fn assert_json(bytes: &[u8]) {
    assert!(is_json(bytes), "no JSON: {}", String::from_utf8_lossy(bytes));
}
