//! A chat completion in chunks.

use bytes::Bytes;
use serde_json::{Value, json};

use super::CREATED;
use super::answer::{ID, filter_results, finish_reason, id, insert, logprobs, prompt_filter_results, thought_part, usage};
use super::chat::{Delivery, Framing};
use super::host::{Calls, Host, Noise, Prefill, Thought, Usage};
use crate::cloud::event;
use crate::scene::{Call, Performance, Prompt};

pub(super) fn events(host: &Host, prompt: &Prompt, performance: &Performance, delivery: &Delivery) -> Vec<Bytes> {
    let writer = Writer { host, model: &prompt.model, delivery };
    let mut events = writer.noise();
    for index in 0..delivery.choices {
        events.extend(writer.choice(index, performance, prompt.begun.as_deref()));
    }
    let asked = delivery.framing == Framing::EventsWithUsage;
    if matches!(host.usage, Usage::Always) || (asked && host.usage == Usage::Asked) {
        events.push(writer.chunk(json!([]), usage(&performance.spent)));
    }
    events.push(event("[DONE]"));
    events
}

struct Writer<'a> {
    host: &'a Host,
    model: &'a str,
    delivery: &'a Delivery,
}

impl Writer<'_> {
    fn chunk(&self, choices: Value, usage: Value) -> Bytes {
        let mut chunk = json!({
            "id": ID,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self.model,
            "choices": choices,
        });
        // Where usage was asked for, every chunk has the key; but for the last its value is null.
        if self.delivery.framing == Framing::EventsWithUsage || !usage.is_null() {
            insert(&mut chunk, "usage", usage);
        }
        event(chunk)
    }

    fn delta(&self, index: usize, delta: Value, logprobs: Value) -> Bytes {
        let mut choice = json!({ "index": index, "delta": delta, "logprobs": logprobs, "finish_reason": null });
        if self.host.noise == Noise::FilterResults {
            insert(&mut choice, "content_filter_results", filter_results());
        }
        self.chunk(json!([choice]), Value::Null)
    }

    /// What comes before the answer.
    fn noise(&self) -> Vec<Bytes> {
        match self.host.noise {
            Noise::None => Vec::new(),
            Noise::Comment => vec![Bytes::from_static(b": OPENROUTER PROCESSING\n\n")],
            Noise::FilterResults => vec![event(json!({
                "id": "", "object": "", "created": 0, "model": "", "choices": [],
                "prompt_filter_results": prompt_filter_results(),
            }))],
        }
    }

    fn choice(&self, index: usize, performance: &Performance, begun: Option<&str>) -> Vec<Bytes> {
        let mut events = vec![self.delta(index, json!({ "role": "assistant", "content": "" }), Value::Null)];
        for piece in &performance.thought {
            let delta = match self.host.thought {
                Thought::Counted => continue,
                Thought::Member(name) => json!({ name: piece }),
                Thought::ThinkingPart | Thought::ReasoningPart => json!({ "content": [thought_part(self.host, piece)] }),
            };
            events.push(self.delta(index, delta, Value::Null));
        }
        if let Some(begun) = begun.filter(|_| self.host.prefill == Prefill::EchoedPrefix) {
            events.push(self.delta(index, json!({ "content": begun }), Value::Null));
        }
        for piece in &performance.pieces {
            let logprobs = logprobs(self.delivery, std::slice::from_ref(piece));
            events.push(self.delta(index, json!({ "content": piece }), logprobs));
        }
        for (place, call) in performance.calls.iter().enumerate() {
            let deltas = self.call(place, call);
            events.extend(deltas.into_iter().map(|delta| self.delta(index, json!({ "tool_calls": [delta] }), Value::Null)));
        }
        let finish =
            json!([{ "index": index, "delta": {}, "logprobs": null, "finish_reason": finish_reason(&performance.ending) }]);
        let with_usage = self.host.usage == Usage::WithFinish;
        events.push(self.chunk(finish, if with_usage { usage(&performance.spent) } else { Value::Null }));
        events
    }

    fn call(&self, place: usize, call: &Call) -> Vec<Value> {
        let arguments = call.arguments.to_string();
        let begin = |arguments: &str| {
            let function = json!({ "name": call.name, "arguments": arguments });
            json!({ "index": place, "id": id(self.host, call), "type": "function", "function": function })
        };
        match self.host.calls {
            Calls::Whole => vec![begin(&arguments)],
            Calls::InPieces => {
                let pieces = halves(&arguments).into_iter();
                let more = pieces.map(|piece| json!({ "index": place, "function": { "arguments": piece } }));
                std::iter::once(begin("")).chain(more).collect()
            }
        }
    }
}

/// A text in two pieces, cut between two characters.
fn halves(text: &str) -> [&str; 2] {
    let middle = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.split_at(middle).into()
}
