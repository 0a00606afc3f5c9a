//! What a stream's decoder promises.

use std::collections::BTreeMap;

use tradewind_protocol::chat::StreamEvent;

use super::is_json;

/// What [`StreamEvent`] promises of the order, and of each event.
#[derive(Default)]
pub(super) struct Order {
    has_started: bool,
    has_usage: bool,
    choices: BTreeMap<u32, Choice>,
}

#[derive(Default)]
struct Choice {
    /// Whether each call has arguments.
    calls: Vec<bool>,
    has_finished: bool,
}

impl Order {
    pub(super) fn check(&mut self, event: &StreamEvent<'_>) {
        assert!(!self.has_usage, "{event:?} after the usage");
        assert_eq!(self.has_started, !matches!(event, StreamEvent::Start { .. }), "one start, and first: {event:?}");
        match *event {
            StreamEvent::Start { .. } => self.has_started = true,
            StreamEvent::Usage(_) => self.has_usage = true,
            StreamEvent::Text { choice, text }
            | StreamEvent::Reasoning { choice, text }
            | StreamEvent::Refusal { choice, text } => {
                assert!(!text.is_empty(), "no text: {event:?}");
                self.open(choice, event);
            }
            StreamEvent::ReasoningSignature { choice, signature: proof }
            | StreamEvent::RedactedReasoning { choice, data: proof } => {
                assert!(!proof.is_empty(), "no proof: {event:?}");
                self.open(choice, event);
            }
            StreamEvent::ToolCall { choice, index, id, name, .. } => {
                assert!(!id.is_empty() && !name.is_empty(), "a call without a name: {event:?}");
                let calls = &mut self.open(choice, event).calls;
                assert_eq!(u32::try_from(calls.len()), Ok(index), "calls are numbered one by one: {event:?}");
                calls.push(false);
            }
            StreamEvent::ToolArguments { choice, index, fragment } => {
                assert!(!fragment.is_empty(), "no arguments: {event:?}");
                let calls = &mut self.open(choice, event).calls;
                let has_arguments = usize::try_from(index).ok().and_then(|index| calls.get_mut(index));
                *has_arguments.unwrap_or_else(|| panic!("arguments of no call: {event:?}")) = true;
            }
            StreamEvent::Logprobs { choice, json } => {
                assert!(is_json(json.as_bytes()), "no JSON: {event:?}");
                self.open(choice, event);
            }
            StreamEvent::Finish { choice, .. } => {
                let choice = self.open(choice, event);
                assert!(choice.calls.iter().all(|has_arguments| *has_arguments), "calls without arguments before {event:?}");
                choice.has_finished = true;
            }
        }
    }

    /// The answer is whole.
    pub(super) fn check_end(&self) {
        assert!(!self.choices.is_empty(), "an answer of nothing");
        assert!(self.choices.values().all(|choice| choice.has_finished), "an answer that ended without an end");
    }

    /// The choice of an event, which must not have ended.
    fn open(&mut self, choice: u32, event: &StreamEvent<'_>) -> &mut Choice {
        let choice = self.choices.entry(choice).or_default();
        assert!(!choice.has_finished, "{event:?} after the end");
        choice
    }
}
