//! Watches a stream of `chat.completion.chunk` events go by.
//!
//! The bytes pass through as they came. The sniffer only tells where complete events end, so that a stream which breaks off can
//! be closed with a well-formed error event, and picks out what accounting needs: the first piece of content, the token
//! counts, an error, the end. A chunk is parsed only until the first content was seen and where it may hold usage or an error; for
//! the others three substring searches decide.

use memchr::memmem;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::{
    Usage,
    sse::{Decoder, EventTooLarge},
};

/// What a piece of the stream brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Finding {
    /// How many bytes of the piece, from its start, end complete events.
    pub complete: usize,
    /// The first content (text, tool call, refusal or reasoning) of the stream came with this piece.
    pub first_content: bool,
}

/// The state of one stream.
#[derive(Debug, Default)]
pub struct StreamSniffer {
    decoder: Decoder,
    seen: Seen,
}

#[derive(Debug, Default)]
struct Seen {
    events: u64,
    content: bool,
    usage: Option<Usage>,
    error: bool,
    done: bool,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<ChunkChoice>,
    usage: Option<Usage>,
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct ChunkChoice {
    #[serde(default)]
    delta: Option<ChunkDelta>,
}

#[derive(Deserialize, Default)]
struct ChunkDelta {
    content: Option<String>,
    refusal: Option<String>,
    reasoning_content: Option<String>,
    reasoning: Option<String>,
    tool_calls: Option<IgnoredAny>,
    function_call: Option<IgnoredAny>,
}

impl StreamSniffer {
    /// A sniffer at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the next piece.
    ///
    /// # Errors
    /// [`EventTooLarge`]; the stream must be given up.
    pub fn push(&mut self, piece: &[u8]) -> Result<Finding, EventTooLarge> {
        let had_content = self.seen.content;
        let seen = &mut self.seen;
        let complete = self.decoder.push(piece, |event| seen.read(event.data))?;
        Ok(Finding { complete, first_content: self.seen.content && !had_content })
    }

    /// The body has ended; a last event may have lacked its blank line.
    pub fn finish(&mut self) {
        let seen = &mut self.seen;
        self.decoder.finish(|event| seen.read(event.data));
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

    /// Whether the upstream reported an error inside the stream.
    #[must_use]
    pub const fn has_error(&self) -> bool {
        self.seen.error
    }

    /// The token counts, if the stream told them.
    #[must_use]
    pub const fn usage(&self) -> Option<Usage> {
        self.seen.usage
    }
}

impl Seen {
    fn read(&mut self, data: &[u8]) {
        self.events += 1;
        if data == b"[DONE]" {
            self.done = true;
            return;
        }
        if self.content && !has_value(data, b"\"usage\"") && !has_value(data, b"\"error\"") {
            return;
        }
        let Ok(chunk) = serde_json::from_slice::<Chunk>(data) else {
            // Not ours to judge: the client's SDK will. It is counted as content, so that parsing is not tried for ever.
            self.content = true;
            return;
        };
        self.usage = chunk.usage.or(self.usage);
        self.error |= chunk.error.is_some();
        self.content |= chunk.choices.iter().filter_map(|choice| choice.delta.as_ref()).any(ChunkDelta::has_content);
    }
}

impl ChunkDelta {
    fn has_content(&self) -> bool {
        let texts = [&self.content, &self.refusal, &self.reasoning_content, &self.reasoning];
        texts.into_iter().flatten().any(|text| !text.is_empty()) || self.tool_calls.is_some() || self.function_call.is_some()
    }
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
        assert_eq!(push(&mut sniffer, ROLE), Finding { complete: ROLE.len(), first_content: false });
        assert!(push(&mut sniffer, TEXT).first_content);
        assert!(!push(&mut sniffer, TEXT).first_content);
    }

    #[test]
    fn reads_usage_and_the_end() {
        let mut sniffer = StreamSniffer::new();
        push(&mut sniffer, TEXT);
        push(&mut sniffer, USAGE);
        assert_eq!(sniffer.usage(), Some(Usage::new(8, 1)));
        assert!(!sniffer.is_done());
        push(&mut sniffer, "data: [DONE]");
        sniffer.finish();
        assert!(sniffer.is_done() && !sniffer.has_error());
    }

    #[test]
    fn sees_an_error_in_the_stream_but_not_the_word_in_a_text() {
        let mut sniffer = StreamSniffer::new();
        push(&mut sniffer, TEXT);
        push(&mut sniffer, "data: {\"choices\":[{\"delta\":{\"content\":\"\\\"error\\\": 1\"}}],\"error\":null}\n\n");
        assert!(!sniffer.has_error());
        push(&mut sniffer, "data: {\"error\":{\"message\":\"gone\"}}\n\n");
        assert!(sniffer.has_error());
    }

    #[test]
    fn a_cut_event_is_not_complete() {
        let mut sniffer = StreamSniffer::new();
        let piece = format!("{TEXT}data: {{\"cho");
        assert_eq!(push(&mut sniffer, &piece).complete, TEXT.len());
    }
}
