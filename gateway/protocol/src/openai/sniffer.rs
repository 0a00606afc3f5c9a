//! Watches a stream of `chat.completion.chunk` events go by.
//!
//! The bytes pass through as they came. The sniffer only tells where complete events end, so that a stream which breaks off can
//! be closed with a well-formed error event, and picks out what matters: the first piece of content, the token counts, the model, an
//! error in whatever shape the host has for it, the end. A chunk is parsed only until the first content was seen and where it may hold usage or an
//! error; for the others a few substring searches decide.

use std::ops::Range;

use memchr::memmem;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::told::ToldError;
use crate::{
    Usage,
    sse::{Decoder, Event, EventTooLarge},
    text::Loose,
};

/// What a piece of the stream brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finding {
    /// How many bytes of the piece, from its start, end complete events; an error, and all that follows it, not counted.
    pub complete: usize,
    /// The first content (text, tool call, refusal or reasoning) of the stream came with this piece.
    pub first_content: bool,
    /// Of the complete events, the one that only tells the token counts, where those are not to be passed on. Where it begins at 0, so
    /// does what was left of the piece before.
    pub left_out: Option<Range<usize>>,
}

/// The state of one stream.
#[derive(Debug, Default)]
pub struct StreamSniffer {
    decoder: Decoder,
    seen: Seen,
}

#[derive(Debug, Default)]
struct Seen {
    counts: Counts,
    events: u64,
    content: bool,
    usage: Option<Usage>,
    error: Option<ToldError>,
    model: Option<Box<str>>,
    /// Where the error stands in the last piece.
    error_at: Option<usize>,
    /// What of the last piece is to be left out.
    left_out: Option<Range<usize>>,
    done: bool,
}

/// What becomes of an event that only tells the token counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Counts {
    #[default]
    Passed,
    LeftOut,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    choices: Option<Vec<ChunkChoice>>,
    usage: Option<Usage>,
    error: Option<IgnoredAny>,
    errors: Option<IgnoredAny>,
    detail: Option<IgnoredAny>,
    error_code: Option<IgnoredAny>,
    code: Option<IgnoredAny>,
    prompt_filter_results: Option<IgnoredAny>,
    #[serde(borrow, default)]
    object: Loose<'a>,
    #[serde(borrow, default)]
    model: Loose<'a>,
}

#[derive(Deserialize)]
struct ChunkChoice {
    #[serde(default)]
    delta: Option<ChunkDelta>,
    /// Of a text completion.
    text: Option<String>,
}

#[derive(Deserialize, Default)]
struct ChunkDelta {
    content: Option<String>,
    refusal: Option<String>,
    reasoning_content: Option<String>,
    reasoning: Option<String>,
    tool_calls: Option<IgnoredAny>,
    function_call: Option<IgnoredAny>,
    audio: Option<IgnoredAny>,
}

impl StreamSniffer {
    /// A sniffer at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same for a client that did not ask for the token counts: an event that tells nothing else is to be left out.
    #[must_use]
    pub fn leaving_out_usage() -> Self {
        Self { seen: Seen { counts: Counts::LeftOut, ..Seen::default() }, ..Self::default() }
    }

    /// Reads the next piece.
    ///
    /// # Errors
    /// [`EventTooLarge`]; the stream must be given up.
    pub fn push(&mut self, piece: &[u8]) -> Result<Finding, EventTooLarge> {
        let had_content = self.seen.content;
        let seen = &mut self.seen;
        let complete = self.decoder.push(piece, |event| seen.read(&event))?;
        let complete = seen.error_at.take().unwrap_or(complete);
        Ok(Finding { complete, first_content: seen.content && !had_content, left_out: seen.left_out.take() })
    }

    /// The body has ended; a last event may have lacked its blank line.
    pub fn finish(&mut self) {
        let seen = &mut self.seen;
        self.decoder.finish(|event| seen.read(&event));
    }

    /// How many events have come.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.seen.events
    }

    /// Whether the stream came to its proper end, `[DONE]`.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.seen.done
    }

    /// Whether any content has come.
    #[must_use]
    pub const fn has_content(&self) -> bool {
        self.seen.content
    }

    /// The error that the upstream reported inside the stream. Nothing counts that follows it.
    #[must_use]
    pub const fn error(&self) -> Option<&ToldError> {
        self.seen.error.as_ref()
    }

    /// What the stream calls its model.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.seen.model.as_deref()
    }

    /// The token counts, if the stream told them.
    #[must_use]
    pub const fn usage(&self) -> Option<Usage> {
        self.seen.usage
    }
}

impl Seen {
    fn read(&mut self, event: &Event<'_>) {
        if self.error.is_some() {
            return;
        }
        let data = event.data;
        self.events += 1;
        if data == b"[DONE]" {
            self.done = true;
            return;
        }
        if self.content && is_plain(data) {
            return;
        }
        let chunk = serde_json::from_slice::<Chunk<'_>>(data).ok();
        if let Some(told) = told(event, chunk.as_ref()) {
            self.error = Some(told);
            self.error_at = Some(event.span.start);
            return;
        }
        let Some(chunk) = chunk else {
            // Not ours to judge: the client's SDK will. It is counted as content, so that parsing is not tried for ever.
            self.content = true;
            return;
        };
        if self.counts == Counts::LeftOut && chunk.only_counts() {
            self.left_out = Some(event.span.clone());
        }
        self.usage = chunk.usage.or(self.usage);
        if self.model.is_none() {
            self.model = chunk.model.text().filter(|model| !model.is_empty()).map(Into::into);
        }
        self.content |= chunk.choices.iter().flatten().any(ChunkChoice::has_content);
    }
}

/// The error that an event tells of. A chunk of an answer tells of one only by that name (OpenRouter's has choices beside it); what holds no
/// choices may do so in its host's own way. A message alone is none: hosts send events of their own making.
fn told(event: &Event<'_>, chunk: Option<&Chunk<'_>>) -> Option<ToldError> {
    let is_told = match chunk {
        Some(chunk) => chunk.error.is_some() || (chunk.choices.is_none() && chunk.looks_like_an_error()),
        None => event.data.starts_with(b"["),
    };
    let is_named = event.name == b"error";
    let told = if is_told || is_named { ToldError::read(event.data) } else { None };
    let told = told.or_else(|| (is_named || chunk.is_some_and(|chunk| chunk.error.is_some())).then(ToldError::default))?;
    let message = if told.message.is_empty() { "no reason was given".to_owned() } else { told.message };
    Some(ToldError { message, ..told })
}

impl Chunk<'_> {
    fn looks_like_an_error(&self) -> bool {
        let members = [&self.errors, &self.detail, &self.error_code, &self.code];
        members.into_iter().any(Option::is_some) || self.object.text() == Some("error")
    }

    fn only_counts(&self) -> bool {
        self.usage.is_some() && self.choices.as_ref().is_none_or(Vec::is_empty) && self.prompt_filter_results.is_none()
    }
}

impl ChunkChoice {
    fn has_content(&self) -> bool {
        self.text.as_ref().is_some_and(|text| !text.is_empty()) || self.delta.as_ref().is_some_and(ChunkDelta::has_content)
    }
}

impl ChunkDelta {
    fn has_content(&self) -> bool {
        let texts = [&self.content, &self.refusal, &self.reasoning_content, &self.reasoning];
        let others = [&self.tool_calls, &self.function_call, &self.audio];
        texts.into_iter().flatten().any(|text| !text.is_empty()) || others.into_iter().any(Option::is_some)
    }
}

/// Whether this is a piece of an answer and nothing else, as far as a search for words tells.
fn is_plain(data: &[u8]) -> bool {
    memmem::find(data, b"\"choices\"").is_some() && !has_value(data, b"\"usage\"") && !has_value(data, b"\"error\"")
}

/// Whether the quoted `name` stands in `data` with a value other than `null`. A string that only contains the name may say yes: the
/// caller then parses.
fn has_value(data: &[u8], name: &[u8]) -> bool {
    memmem::find_iter(data, name).any(|at| {
        let mut after = data.get(at + name.len()..).unwrap_or_default().iter().filter(|byte| !byte.is_ascii_whitespace());
        !(after.next() == Some(&b':') && after.next() == Some(&b'n'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}],\"usage\":null}\n\n";
    const TEXT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}],\"usage\":null}\n\n";
    const USAGE: &str = "data: {\"choices\":[],\"usage\" : {\"prompt_tokens\":8,\"completion_tokens\":1,\"total_tokens\":9}}\n\n";

    fn push(sniffer: &mut StreamSniffer, piece: &str) -> Finding {
        sniffer.push(piece.as_bytes()).unwrap()
    }

    #[test]
    fn the_role_alone_is_not_content() {
        let mut sniffer = StreamSniffer::new();
        assert_eq!(push(&mut sniffer, ROLE), Finding { complete: ROLE.len(), ..Finding::default() });
        assert!(push(&mut sniffer, TEXT).first_content);
        assert!(!push(&mut sniffer, TEXT).first_content);
    }

    #[test]
    fn the_text_of_a_completion_is_content() {
        let mut sniffer = StreamSniffer::new();
        assert!(!push(&mut sniffer, "data: {\"choices\":[{\"text\":\"\"}]}\n\n").first_content);
        assert!(push(&mut sniffer, "data: {\"choices\":[{\"text\":\"Hi\"}]}\n\n").first_content);
    }

    #[test]
    fn reads_usage_and_the_end() {
        let mut sniffer = StreamSniffer::new();
        push(&mut sniffer, TEXT);
        assert_eq!(push(&mut sniffer, USAGE).left_out, None);
        assert_eq!(sniffer.usage(), Some(Usage::new(8, 1)));
        assert!(!sniffer.is_done());
        push(&mut sniffer, "data: [DONE]");
        sniffer.finish();
        assert!(sniffer.is_done() && sniffer.error().is_none());
    }

    #[test]
    fn counts_that_nobody_asked_for_are_left_out() {
        let mut sniffer = StreamSniffer::leaving_out_usage();
        let finding = push(&mut sniffer, &format!("{TEXT}{USAGE}data: [DONE]\n\n"));
        assert_eq!(finding.left_out, Some(TEXT.len()..TEXT.len() + USAGE.len()));
        assert_eq!(finding.complete, TEXT.len() + USAGE.len() + 14);
        assert_eq!(sniffer.usage(), Some(Usage::new(8, 1)));
        let mut sniffer = StreamSniffer::leaving_out_usage();
        let (first, second) = USAGE.split_at(9);
        assert_eq!(push(&mut sniffer, first), Finding::default());
        assert_eq!(push(&mut sniffer, second).left_out, Some(0..second.len()));
    }

    #[test]
    fn counts_beside_something_else_are_kept() {
        for kept in [
            ROLE,
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":8}}\n\n",
            "data: {\"choices\":[],\"prompt_filter_results\":[{}],\"usage\":null}\n\n",
        ] {
            assert_eq!(push(&mut StreamSniffer::leaving_out_usage(), kept).left_out, None, "{kept}");
        }
    }

    #[test]
    fn sees_an_error_in_the_stream_but_not_the_word_in_a_text() {
        let mut sniffer = StreamSniffer::new();
        push(&mut sniffer, TEXT);
        push(&mut sniffer, "data: {\"choices\":[{\"delta\":{\"content\":\"\\\"error\\\": 1\"}}],\"error\":null}\n\n");
        assert_eq!(sniffer.error(), None);
        push(&mut sniffer, "data: {\"error\":{\"message\":\"gone\"}}\n\n");
        assert_eq!(sniffer.error().unwrap().message, "gone");
    }

    #[test]
    fn an_error_is_one_in_every_hosts_own_shape() {
        for (name, data, status) in [
            ("openai", r#"{"error":{"message":"gone","type":"server_error","param":null,"code":null}}"#, 500),
            ("openrouter", r#"{"error":{"code":502,"message":"gone"},"choices":[{"delta":{"content":""}}]}"#, 502),
            ("sglang", r#"{"object":"error","message":"gone","type":"X","param":null,"code":503}"#, 503),
            ("snowflake", r#"{"message":"gone","code":"429","request_id":"r"}"#, 429),
            ("vertex", r#"[{"error":{"code":503,"message":"gone","status":"UNAVAILABLE"}}]"#, 503),
            ("tgi", r#"{"error":"gone","error_type":"overloaded"}"#, 429),
            ("databricks", r#"{"error_code":"INTERNAL_ERROR","message":"gone"}"#, 500),
            ("fastapi", r#"{"detail":"gone"}"#, 500),
        ] {
            for before in ["", TEXT] {
                let mut sniffer = StreamSniffer::new();
                let finding = push(&mut sniffer, &format!("{before}data: {data}\n\ndata: [DONE]\n\n"));
                assert_eq!(finding.complete, before.len(), "{name}");
                let told = sniffer.error().unwrap();
                assert_eq!((told.message.as_str(), told.status()), ("gone", status), "{name}");
                assert!(!sniffer.is_done(), "{name}");
            }
        }
        let mut sniffer = StreamSniffer::new();
        push(&mut sniffer, "event: error\ndata: gone\n\n");
        assert!(sniffer.error().is_some());
    }

    #[test]
    fn what_a_host_tells_beside_its_answer_is_no_error() {
        for before in ["", TEXT] {
            let mut sniffer = StreamSniffer::new();
            push(&mut sniffer, before);
            for data in [
                r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}],"model":"","object":""}"#,
                r#"{"x":1}"#,
                r#"{"type":"ping"}"#,
                r#"{"type":"status","message":"thinking"}"#,
                r#"{"usage":{"prompt_tokens":1}}"#,
                "[1,2]",
            ] {
                push(&mut sniffer, &format!(": ping\n\ndata: {data}\n\n"));
                assert_eq!(sniffer.error(), None, "{data}");
            }
        }
    }

    #[test]
    fn a_cut_event_is_not_complete() {
        let mut sniffer = StreamSniffer::new();
        let piece = format!("{TEXT}data: {{\"cho");
        assert_eq!(push(&mut sniffer, &piece).complete, TEXT.len());
    }
}
