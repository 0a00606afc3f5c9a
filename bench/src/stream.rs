//! A stream of a hundred chunks of text, from the provider's bytes to the client's.

use bytes::Bytes;
use tradewind_protocol::{
    chat::StreamDecoder,
    eventstream::{HeaderValue, encode},
    openai::{ChunkEncoder, Framing, Identity, ShownModel, StreamSniffer},
};
use tradewind_providers::Reader;

use crate::{Dialect, prepare, request};

/// How many chunks of text a stream holds.
pub const CHUNKS: usize = 100;

/// Tokens as models make them, as JSON writes them: one of eight holds an escape.
const TOKENS: [&str; 16] = [
    " The",
    " derail",
    "leur",
    " costs",
    " ",
    "94",
    ".",
    "00",
    " €",
    ",\\n",
    " so",
    " both",
    " make",
    " \\\"",
    "103",
    " together",
];

/// A stream that is read into the client's dialect.
pub struct Reading {
    decoder: Box<dyn StreamDecoder>,
    encoder: ChunkEncoder,
}

/// A stream that passes.
#[derive(Debug)]
pub struct Passing {
    sniffer: StreamSniffer,
    model: ShownModel,
}

impl Reading {
    /// At the start of the answer; none where the dialect passes.
    #[must_use]
    pub fn of(dialect: Dialect) -> Option<Self> {
        let Reader::Translated(mut reader) = prepare(&dialect.target()?, request())?.exchange.reader else { return None };
        let decoder = reader.stream(&dialect.stream_headers()).ok()?;
        let identity = Identity { id: "0199c3f0a1b27c3d8e4f5a6b7c8d9e0f", created: 1_767_323_045, model: "assistant" };
        Some(Self { decoder, encoder: ChunkEncoder::new(Framing::Chat, &identity, true) })
    }
}

impl Passing {
    /// At the start of an answer.
    #[must_use]
    pub fn new() -> Self {
        Self { sniffer: StreamSniffer::new(), model: ShownModel::new("assistant") }
    }
}

impl Default for Passing {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads the pieces of a stream, one event each, as they would come, and counts the bytes for the client; none where one is not read.
pub fn read(reading: &mut Reading, pieces: &[Bytes]) -> Option<usize> {
    let Reading { decoder, encoder } = reading;
    let mut sent = 0;
    for piece in pieces {
        decoder.push(piece, encoder).ok()?;
        sent += encoder.take().len();
    }
    decoder.finish(encoder).ok()?;
    encoder.end();
    Some(sent + encoder.take().len())
}

/// Watches the pieces of a stream go by, names the asked model in them, and counts the bytes for the client; none where an event is too large.
pub fn pass(passing: &mut Passing, pieces: &[Bytes]) -> Option<usize> {
    let mut sent = 0;
    for piece in pieces {
        let complete = passing.sniffer.push(piece).ok()?.complete;
        if let Some(told) = passing.sniffer.model() {
            passing.model.learn(told);
        }
        sent += passing.model.show(piece.slice(..complete)).len();
    }
    passing.sniffer.finish();
    passing.sniffer.is_done().then_some(sent)
}

/// What the provider sends: the events of an answer, each a piece.
#[must_use]
pub fn wire(dialect: Dialect) -> Vec<Bytes> {
    let texts = TOKENS.iter().cycle().take(CHUNKS);
    let pieces = |start: &[&str], text: &dyn Fn(&str) -> String, end: &[&str]| {
        let (start, end) = (start.iter().map(|event| (*event).to_owned()), end.iter().map(|event| (*event).to_owned()));
        start.chain(texts.clone().map(|token| text(token))).chain(end).map(Bytes::from).collect()
    };
    match dialect {
        Dialect::OpenAi | Dialect::Azure => {
            let chunk = |choices: &str, usage: &str| {
                format!(
                    r#"data: {{"id":"chatcmpl-CuT1zqYp0vB7o2mKx4dW9sR5tL8nE","object":"chat.completion.chunk","created":1767323045,"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_cbf1785567","choices":[{choices}],"usage":{usage},"obfuscation":"Zq7mP2x"}}"#
                ) + "\n\n"
            };
            let delta = |delta: &str, reason: &str| {
                let choice = format!(r#"{{"index":0,"delta":{{{delta}}},"logprobs":null,"finish_reason":{reason}}}"#);
                chunk(&choice, "null")
            };
            let usage = chunk("", r#"{"prompt_tokens":912,"completion_tokens":100,"total_tokens":1012}"#);
            pieces(
                &[&delta(r#""role":"assistant","content":"","refusal":null"#, "null")],
                &|text| delta(&format!(r#""content":"{text}""#), "null"),
                &[&delta("", r#""stop""#), &usage, "data: [DONE]\n\n"],
            )
        }
        Dialect::Mistral => {
            let chunk = |delta: &str, rest: &str| {
                format!(
                    r#"data: {{"id":"cmpl-4f3a0b9c7e1d4c2f8a6b5d3e1f0a9b8c","object":"chat.completion.chunk","created":1767323045,"model":"mistral-large-latest","choices":[{{"index":0,"delta":{{{delta}}},{rest}}}"#
                ) + "\n\n"
            };
            pieces(
                &[&chunk(r#""role":"assistant","content":"""#, r#""finish_reason":null}]"#)],
                &|text| chunk(&format!(r#""content":"{text}""#), r#""finish_reason":null}]"#),
                &[
                    &chunk(
                        r#""content":"""#,
                        r#""finish_reason":"stop"}],"usage":{"prompt_tokens":912,"total_tokens":1012,"completion_tokens":100}"#,
                    ),
                    "data: [DONE]\n\n",
                ],
            )
        }
        Dialect::Watsonx => {
            let chunk = |choices: &str, rest: &str| {
                let event = format!(
                    r#"{{"id":"chat-2f1d9f3b6c0e4b5f9d7a8c6e5b4a3f2d","object":"chat.completion.chunk","model_id":"ibm/granite-3-3-8b-instruct","model":"ibm/granite-3-3-8b-instruct","choices":[{choices}],"created":1767323045,"model_version":"3.3.0","created_at":"2026-01-02T03:04:05.678Z"{rest}}}"#
                );
                format!("id: 7\nevent: message\ndata: {event}\n\n")
            };
            let delta = |delta: &str| chunk(&format!(r#"{{"index":0,"finish_reason":null,"delta":{{{delta}}}}}"#), "");
            let end = chunk(r#"{"index":0,"finish_reason":"stop","delta":{"content":""}}"#, "");
            let usage = chunk("", r#","usage":{"completion_tokens":100,"prompt_tokens":912,"total_tokens":1012}"#);
            pieces(
                &[&delta(r#""role":"assistant","content":"""#)],
                &|text| delta(&format!(r#""content":"{text}""#)),
                &[&end, &usage],
            )
        }
        Dialect::Anthropic => pieces(
            &[
                "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_01Q7yN3vK9zR2xW5pT8mB4cD\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-20250514\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":912,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":1,\"service_tier\":\"standard\"}}}\n\n",
                "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
            ],
            &|text| {
                format!(
                    "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
                )
            },
            &[
                "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
                "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":100}}\n\n",
                "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
            ],
        ),
        Dialect::Gemini => {
            let event = |parts: &str, rest: &str| {
                format!(
                    r#"data: {{"candidates": [{{"content": {{"parts": [{{"text": "{parts}"}}],"role": "model"}},{rest}"index": 0}}],"usageMetadata": {{"promptTokenCount": 912,"candidatesTokenCount": 57,"totalTokenCount": 969,"promptTokensDetails": [{{"modality": "TEXT","tokenCount": 912}}]}},"modelVersion": "gemini-2.5-flash","responseId": "jPZXaZ3uNqLkxN8P5qWm8Ac"}}"#
                ) + "\r\n\r\n"
            };
            pieces(&[], &|text| event(text, ""), &[&event("", r#""finishReason": "STOP","#)])
        }
        Dialect::Cohere => pieces(
            &[
                "event: message-start\ndata: {\"id\":\"29f14a5a-11de-4cae-9800-25e4747408ea\",\"type\":\"message-start\",\"delta\":{\"message\":{\"role\":\"assistant\",\"content\":[],\"tool_plan\":\"\",\"tool_calls\":[],\"citations\":[]}}}\n\n",
                "event: content-start\ndata: {\"type\":\"content-start\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"type\":\"text\",\"text\":\"\"}}}}\n\n",
            ],
            &|text| {
                format!(
                    "event: content-delta\ndata: {{\"type\":\"content-delta\",\"index\":0,\"delta\":{{\"message\":{{\"content\":{{\"text\":\"{text}\"}}}}}}}}\n\n"
                )
            },
            &[
                "event: content-end\ndata: {\"type\":\"content-end\",\"index\":0}\n\n",
                "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\",\"usage\":{\"billed_units\":{\"input_tokens\":912,\"output_tokens\":100},\"tokens\":{\"input_tokens\":930,\"output_tokens\":102}}}}\n\n",
            ],
        ),
        Dialect::Bedrock => {
            let start = [frame("messageStart", r#"{"p":"abcdefgh","role":"assistant"}"#)];
            let text = |token: &&str| {
                let delta = format!(r#"{{"contentBlockIndex":0,"delta":{{"text":"{token}"}},"p":"abcdefghijklmnop"}}"#);
                frame("contentBlockDelta", &delta)
            };
            let end = [
                frame("contentBlockStop", r#"{"contentBlockIndex":0,"p":"abc"}"#),
                frame("messageStop", r#"{"p":"abcdefg","stopReason":"end_turn"}"#),
                frame(
                    "metadata",
                    r#"{"metrics":{"latencyMs":900},"usage":{"inputTokens":912,"outputTokens":100,"totalTokens":1012}}"#,
                ),
            ];
            start.into_iter().chain(texts.map(text)).chain(end).collect()
        }
    }
}

fn frame(kind: &str, payload: &str) -> Bytes {
    let headers = [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")];
    let headers = headers.map(|(name, value)| (name, HeaderValue::Text(value)));
    Bytes::from(encode(&headers, payload.as_bytes()).unwrap_or_default())
}
