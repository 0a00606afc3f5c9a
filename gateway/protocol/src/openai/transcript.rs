//! Keeps what a stream has told the client, so that another model can go on with it.
//!
//! Only an answer of plain text can be taken up elsewhere: whatever else a delta holds (a call of a tool, a thought, a refusal, the likelihood of
//! tokens) makes the answer one that cannot, and so does whatever is not understood.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    Usage,
    few::Few,
    sse::Decoder,
    text::{Loose, Text, from_json},
};

/// The longest text that is kept, in bytes: far above a real answer, and a bound on what an upstream makes us hold.
const MOST_TEXT: usize = 4 * 1024 * 1024;

/// What a stream of `chat.completion.chunk` events has told so far.
#[derive(Debug, Default)]
pub struct Transcript {
    decoder: Decoder,
    told: Told,
}

/// The beginning of an answer, as the client has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The name of the answer.
    pub id: String,
    /// The model that the client was told of.
    pub model: String,
    /// Seconds since 1970.
    pub created: u64,
    /// The text; not empty.
    pub text: String,
    /// In how many pieces it came.
    pub pieces: u64,
    /// The token counts, where the stream told them before its end.
    pub usage: Option<Usage>,
}

#[derive(Debug, Default)]
struct Told {
    id: String,
    model: String,
    created: u64,
    text: String,
    pieces: u64,
    usage: Option<Usage>,
    has_started: bool,
    /// There was more than plain text, or the end.
    is_closed: bool,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    id: Loose<'a>,
    #[serde(borrow, default)]
    model: Loose<'a>,
    created: Option<u64>,
    #[serde(borrow, default)]
    choices: Few<ChunkChoice<'a>>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct ChunkChoice<'a> {
    index: Option<u32>,
    /// By name: what is not known must be seen.
    #[serde(borrow)]
    delta: Option<BTreeMap<Text<'a>, &'a RawValue>>,
    #[serde(borrow)]
    logprobs: Option<&'a RawValue>,
    #[serde(borrow, default)]
    finish_reason: Loose<'a>,
}

impl Transcript {
    /// Reads what the client is sent.
    pub fn push(&mut self, piece: &[u8]) {
        let told = &mut self.told;
        if told.is_closed {
            return;
        }
        if self.decoder.push(piece, |event| told.read(event.data)).is_err() {
            told.close();
        }
    }

    /// The beginning of the answer, if it can be gone on with. Nothing is left here.
    pub fn take(&mut self) -> Option<Begun> {
        let told = std::mem::take(&mut self.told);
        if told.is_closed || told.text.is_empty() {
            return None;
        }
        let Told { id, model, created, text, pieces, usage, .. } = told;
        Some(Begun { id, model, created, text, pieces, usage })
    }
}

impl Told {
    fn close(&mut self) {
        self.is_closed = true;
        self.text = String::new();
    }

    fn read(&mut self, data: &[u8]) {
        if self.is_closed {
            return;
        }
        let Some(mut chunk) = from_json::<Chunk<'_>>(data).ok() else { return self.close() };
        self.usage = chunk.usage.or(self.usage);
        if !self.has_started && !chunk.choices.is_empty() {
            self.has_started = true;
            self.id = std::mem::take(&mut chunk.id).into_string();
            self.model = std::mem::take(&mut chunk.model).into_string();
            self.created = chunk.created.unwrap_or_default();
        }
        for choice in chunk.choices.iter_mut() {
            if self.hear(choice).is_none() || self.text.len() > MOST_TEXT {
                return self.close();
            }
        }
    }

    /// Adds what a choice says; none where that is not plain text that goes on.
    fn hear(&mut self, choice: &ChunkChoice<'_>) -> Option<()> {
        if choice.index.unwrap_or(0) != 0 || choice.logprobs.is_some() || choice.finish_reason.text().is_some() {
            return None;
        }
        for (name, value) in choice.delta.iter().flatten() {
            match &**name {
                "role" => {}
                "content" => {
                    let text: Option<Cow<'_, str>> = from_json(value.get().as_bytes()).ok()?;
                    let text = text.unwrap_or_default();
                    self.pieces += u64::from(!text.is_empty());
                    self.text.push_str(&text);
                }
                _ if matches!(value.get(), "null" | "\"\"" | "[]" | "{}") => {}
                _ => return None,
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = r#"{"id":"c","created":7,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}"#;

    fn delta(delta: &str) -> String {
        format!(r#"{{"id":"x","model":"y","choices":[{{"index":0,"delta":{delta}}}]}}"#)
    }

    fn begun(events: &[&str]) -> Option<Begun> {
        let mut transcript = Transcript::default();
        for event in events {
            // In two halves: a piece may end anywhere.
            let event = format!("data: {event}\n\n");
            let (first, second) = event.split_at(event.len() / 2);
            transcript.push(first.as_bytes());
            transcript.push(second.as_bytes());
        }
        transcript.take()
    }

    #[test]
    fn keeps_the_text_and_who_the_first_chunk_said_it_is() {
        let (the, wind) = (delta(r#"{"content":"Thé\n"}"#), delta(r#"{"content":" wind","tool_calls":[],"refusal":null}"#));
        let usage = r#"{"id":"","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
        let begun = begun(&[usage, ROLE, &the, &wind]).unwrap();
        assert_eq!((begun.id.as_str(), begun.model.as_str(), begun.created), ("c", "m", 7));
        assert_eq!((begun.text.as_str(), begun.pieces, begun.usage), ("Thé\n wind", 2, Some(Usage::new(3, 2))));
    }

    #[test]
    fn an_answer_of_more_than_text_cannot_be_gone_on_with() {
        let text = delta(r#"{"content":"a"}"#);
        for more in [
            delta(r#"{"tool_calls":[{"index":0}]}"#),
            delta(r#"{"reasoning_content":"hm"}"#),
            delta(r#"{"refusal":"no"}"#),
            delta(r#"{"audio":{"id":"a"}}"#),
            delta(r#"{"content":[{"type":"text","text":"a"}]}"#),
            delta(r#"{"content":"b"},"finish_reason":"stop""#),
            delta(r#"{"content":"b"},"logprobs":{"content":[]}"#),
            r#"{"choices":[{"index":1,"delta":{"content":"b"}}]}"#.to_owned(),
            "[DONE]".to_owned(),
        ] {
            assert_eq!(begun(&[ROLE, &text, &more]), None, "{more}");
        }
    }

    #[test]
    fn an_answer_without_text_has_not_begun() {
        assert_eq!(begun(&[ROLE]), None);
    }
}
