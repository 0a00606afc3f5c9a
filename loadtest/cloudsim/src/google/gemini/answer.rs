//! What Gemini answers: whole, as events, and as the array that a stream is where events were not asked for.

use bytes::Bytes;
use serde_json::{Value, json};

use super::rules::thinks_always;
use super::surface::Surface;
use crate::cloud::{Content, Framing, event};
use crate::scene::{Call, Ending, Performance, Prompt, Spent, Thinks, seal};
use crate::shape::Look;

/// What the answer is made of.
pub(super) struct Answer<'a> {
    pub(super) prompt: &'a Prompt,
    pub(super) performance: &'a Performance,
    pub(super) candidates: usize,
    pub(super) surface: Surface,
}

impl Answer<'_> {
    /// The whole answer.
    pub(super) fn whole(&self) -> Content {
        let mut parts: Vec<_> =
            self.performance.thought().map(|thought| json!({ "text": thought, "thought": true })).into_iter().collect();
        let text = self.performance.text();
        if !text.is_empty() {
            parts.push(json!({ "text": text }));
        }
        parts.extend(self.calls());
        Content::json(&self.response(Some(&parts), Some(finish_reason(&self.performance.ending))))
    }

    /// The answer in server-sent events.
    pub(super) fn events(&self) -> Content {
        Content::events(self.chunks().iter().map(event).collect())
    }

    /// The answer as one JSON array, an element at a time.
    pub(super) fn array(&self) -> Content {
        let chunks = self.chunks();
        let last = chunks.len().saturating_sub(1);
        let part = |(index, chunk): (usize, &Value)| {
            let before = if index == 0 { "[" } else { ",\r\n" };
            let after = if index == last { "]" } else { "" };
            Bytes::from(format!("{before}{chunk}{after}"))
        };
        let parts = chunks.iter().enumerate().map(part).collect();
        Content { content_type: "application/json", headers: Vec::new(), framing: Framing::Stream, parts }
    }

    fn chunks(&self) -> Vec<Value> {
        let thoughts = self.performance.thought.iter().map(|piece| json!({ "text": piece, "thought": true }));
        let texts = self.performance.pieces.iter().map(|piece| json!({ "text": piece }));
        let mut parts: Vec<Value> = thoughts.chain(texts).collect();
        parts.extend(self.calls());
        if parts.is_empty() {
            return vec![self.response(None, Some(finish_reason(&self.performance.ending)))];
        }
        let last = parts.len() - 1;
        let chunk = |(index, part): (usize, Value)| {
            self.response(Some(&[part]), (index == last).then(|| finish_reason(&self.performance.ending)))
        };
        parts.into_iter().enumerate().map(chunk).collect()
    }

    /// Calls are never cut. Only the first of a step is signed.
    fn calls(&self) -> impl Iterator<Item = Value> {
        let signs = thinks_always(&self.prompt.model) || self.prompt.thinks == Thinks::Yes;
        let part = move |(index, call): (usize, &Call)| {
            let mut function = json!({ "name": call.name, "args": call.arguments });
            if self.surface == Surface::AiStudio {
                function.put("id", json!(format!("call-{}", call.number)));
            }
            let mut part = json!({ "functionCall": function });
            if signs && index == 0 {
                part.put("thoughtSignature", json!(seal(&call.name)));
            }
            part
        };
        self.performance.calls.iter().enumerate().map(part)
    }

    fn response(&self, parts: Option<&[Value]>, finish_reason: Option<&str>) -> Value {
        let mut response = json!({
            "usageMetadata": usage(&self.performance.spent, self.candidates),
            "modelVersion": self.prompt.model,
            "responseId": "sim-response",
        });
        if self.performance.ending == Ending::Filtered {
            let feedback = json!({ "blockReason": "SAFETY", "blockReasonMessage": "The prompt is not to be answered." });
            response.put("promptFeedback", feedback);
            return response;
        }
        let candidate = |index: usize| {
            let mut candidate = json!({ "content": { "role": "model", "parts": parts.unwrap_or_default() }, "index": index });
            if let Some(reason) = finish_reason {
                candidate.put("finishReason", json!(reason));
            }
            candidate
        };
        response.put("candidates", (0..self.candidates).map(candidate).collect::<Vec<_>>());
        response
    }
}

fn finish_reason(ending: &Ending) -> &'static str {
    match ending {
        Ending::Complete | Ending::Stopped(_) | Ending::Calls => "STOP",
        Ending::Length => "MAX_TOKENS",
        Ending::Filtered => "SAFETY",
    }
}

/// Thoughts are not counted among the candidates' tokens, and what was cached is counted in the prompt.
fn usage(spent: &Spent, candidates: usize) -> Value {
    let said = (spent.answer - spent.thought) * candidates;
    let mut usage = json!({ "promptTokenCount": spent.prompt, "totalTokenCount": spent.prompt + said + spent.thought });
    // Protobuf leaves out what is zero.
    for (name, count) in
        [("candidatesTokenCount", said), ("thoughtsTokenCount", spent.thought), ("cachedContentTokenCount", spent.cached)]
    {
        if count > 0 {
            usage.put(name, json!(count));
        }
    }
    usage
}
