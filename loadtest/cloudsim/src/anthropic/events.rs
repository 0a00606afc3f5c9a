//! A message in events.

use serde_json::{Value, json};

use super::answer::{begun, stop_reason, stop_sequence, tool_use, usage};
use crate::scene::{Performance, Prompt, seal};

type Event = (&'static str, Value);

/// The events of a message, each with its name.
pub(super) fn events(prompt: &Prompt, performance: &Performance) -> Vec<Event> {
    let mut message = begun(prompt);
    if let Some(members) = message.as_object_mut() {
        members.insert("usage".into(), usage(&performance.spent, 1));
    }
    let mut events =
        vec![("message_start", json!({ "type": "message_start", "message": message })), ("ping", json!({ "type": "ping" }))];
    let mut blocks = Blocks { events: &mut events, index: 0 };
    if let Some(thought) = performance.thought() {
        let deltas = performance.thought.iter().map(|piece| json!({ "type": "thinking_delta", "thinking": piece }));
        let signature = json!({ "type": "signature_delta", "signature": seal(&thought) });
        blocks.add(json!({ "type": "thinking", "thinking": "", "signature": "" }), deltas.chain([signature]));
    }
    if !performance.pieces.is_empty() {
        let deltas = performance.pieces.iter().map(|piece| json!({ "type": "text_delta", "text": piece }));
        blocks.add(json!({ "type": "text", "text": "" }), deltas);
    }
    for call in &performance.calls {
        // A tool that is called without arguments streams none at all.
        let arguments = Some(call.arguments.to_string()).filter(|arguments| arguments != "{}");
        let pieces: Vec<String> =
            arguments.iter().flat_map(|arguments| arguments.split_inclusive(':')).map(str::to_owned).collect();
        let deltas = pieces.into_iter().map(|piece| json!({ "type": "input_json_delta", "partial_json": piece }));
        blocks.add(tool_use(call, json!({})), deltas);
    }
    let spent = json!({ "output_tokens": performance.spent.answer });
    let delta = json!({ "stop_reason": stop_reason(&performance.ending), "stop_sequence": stop_sequence(&performance.ending) });
    events.push(("message_delta", json!({ "type": "message_delta", "delta": delta, "usage": spent })));
    events.push(("message_stop", json!({ "type": "message_stop" })));
    events
}

struct Blocks<'e> {
    events: &'e mut Vec<Event>,
    index: usize,
}

impl Blocks<'_> {
    fn add(&mut self, block: Value, deltas: impl Iterator<Item = Value>) {
        let index = self.index;
        self.index += 1;
        let start = json!({ "type": "content_block_start", "index": index, "content_block": block });
        self.events.push(("content_block_start", start));
        self.events.extend(
            deltas.map(|delta| ("content_block_delta", json!({ "type": "content_block_delta", "index": index, "delta": delta }))),
        );
        self.events.push(("content_block_stop", json!({ "type": "content_block_stop", "index": index })));
    }
}
