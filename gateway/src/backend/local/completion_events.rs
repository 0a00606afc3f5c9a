//! An engine's answers as the events of OpenAI's older completions API.

use bytes::Bytes;
use tradewind_models::chat::Event;
use tradewind_protocol::{
    Usage,
    openai::{CompletionChoice, CompletionLogprobs, TextCompletion, UsageBody},
};

use super::{
    chat::{Label, Told, reason, token_logprobs},
    events::{Write, encode},
};

/// Writes the events of completions.
pub(super) struct CompletionWriter {
    pub(super) label: Label,
    pub(super) include_usage: bool,
    pub(super) logprobs: Told,
    /// How many characters each answer has by now.
    pub(super) characters: Vec<usize>,
}

impl Write for CompletionWriter {
    fn opening(&self, _choice: usize) -> Option<Bytes> {
        None
    }

    fn addition(&mut self, event: Event) -> Option<Bytes> {
        let index = |choice: usize| u32::try_from(choice).unwrap_or(u32::MAX);
        let (text, choice) = match event {
            Event::Text { choice, text, tokens } => {
                let place = self.characters.get_mut(choice).filter(|_| self.logprobs == Told::Yes);
                let logprobs = place.map(|place| CompletionLogprobs::of(token_logprobs(&tokens), place));
                (text, CompletionChoice { index: index(choice), text: "", logprobs, finish_reason: None })
            }
            Event::Finished { choice, finish } => {
                let finish_reason = Some(reason(finish));
                (String::new(), CompletionChoice { index: index(choice), text: "", logprobs: None, finish_reason })
            }
            // Where no functions are offered, none is called.
            Event::Call { .. } | Event::Arguments { .. } => return None,
            Event::Started { .. } | Event::Done { .. } | Event::Failed(_) => return None,
        };
        Some(self.encode(&[CompletionChoice { text: &text, ..choice }], self.include_usage.then_some(None)))
    }

    fn usage(&self, usage: Usage) -> Bytes {
        self.encode(&[], Some(Some(UsageBody::generated(usage))))
    }
}

impl CompletionWriter {
    fn encode(&self, choices: &[CompletionChoice<'_>], usage: Option<Option<UsageBody>>) -> Bytes {
        let Label { id, created, model } = &self.label;
        encode(&TextCompletion { id, object: "text_completion", created: *created, model, choices, usage })
    }
}
