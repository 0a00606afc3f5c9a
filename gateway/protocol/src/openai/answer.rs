//! Whole answers of OpenAI-shaped upstreams, read into the canonical form.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    messages::{ExtraContent, Thinking},
    thought::split_thought,
    told::ToldError,
    wire::{Heard, Said, arguments_text, finish_reason, hear},
};
use crate::{
    Usage,
    chat::{AssistantMessage, ChatResponse, Choice, FinishReason, Part, Reasoning, ToolCall},
    few::Few,
    text::{Loose, Text},
};

/// Why an upstream's answer is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It is not of its dialect.
    #[error("the answer is malformed: {0}")]
    Malformed(String),
    /// Its status is a success, and it tells of an error. `status` is the HTTP status that it corresponds to.
    #[error("a success with an error inside: {message}")]
    Told {
        /// Such as 429, 500.
        status: u16,
        /// The upstream's words.
        message: String,
    },
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    id: Loose<'a>,
    created: Option<f64>,
    #[serde(borrow, default)]
    choices: Few<RawChoice<'a>>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct RawChoice<'a> {
    #[serde(borrow)]
    message: Option<RawMessage<'a>>,
    #[serde(borrow, default)]
    text: Loose<'a>,
    #[serde(borrow, default)]
    finish_reason: Loose<'a>,
    #[serde(borrow)]
    logprobs: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct RawMessage<'a> {
    #[serde(borrow)]
    content: Option<Said<'a>>,
    #[serde(borrow, default)]
    refusal: Loose<'a>,
    #[serde(borrow, default)]
    reasoning_content: Loose<'a>,
    #[serde(borrow, default)]
    reasoning: Loose<'a>,
    #[serde(borrow, default)]
    thinking_blocks: Few<Thinking<'a>>,
    #[serde(borrow, default)]
    tool_calls: Few<RawCall<'a>>,
}

#[derive(Deserialize)]
struct RawCall<'a> {
    #[serde(borrow, default)]
    id: Loose<'a>,
    #[serde(borrow)]
    function: RawFunction<'a>,
    extra_content: Option<ExtraContent>,
}

#[derive(Deserialize)]
struct RawFunction<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

/// Reads a `chat.completion` (or `text_completion`) of an OpenAI-shaped upstream.
///
/// # Errors
/// [`AnswerError`].
pub fn read_chat_answer(body: &[u8]) -> Result<ChatResponse, AnswerError> {
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|error| AnswerError::Malformed(error.to_string()))?;
    if let Some(error) = ToldError::read(body) {
        return Err(AnswerError::Told { status: error.status(), message: error.message });
    }
    if answer.choices.is_empty() {
        return Err(AnswerError::Malformed("it has no choices".to_owned()));
    }
    let id = answer.id.text().map(ToOwned::to_owned);
    let choices = answer.choices.into_iter().enumerate();
    let choices = choices.map(|(number, choice)| choice.read(id.as_deref().unwrap_or_default(), number));
    Ok(ChatResponse { choices: choices.collect::<Result<_, _>>()?, created: answer.created.map(whole), usage: answer.usage, id })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hosts give fractions; `as` saturates")]
pub(super) fn whole(number: f64) -> u64 {
    number as u64
}

impl RawChoice<'_> {
    fn read(self, answer: &str, number: usize) -> Result<Choice, AnswerError> {
        let Some(mut finish_reason) = finish_reason(self.finish_reason.text().unwrap_or("stop")) else {
            let message = "the model stopped with an error".to_owned();
            return Err(AnswerError::Told { status: 502, message });
        };
        let mut message = self.message.unwrap_or_default().read(&format!("{answer}_{number}"));
        if let Some(text) = self.text.into_text() {
            message.content.push(Part::Text(text.into_string()));
        }
        if finish_reason == FinishReason::Stop && !message.tool_calls.is_empty() {
            finish_reason = FinishReason::ToolCalls;
        }
        Ok(Choice { message, finish_reason, logprobs: self.logprobs.map(ToOwned::to_owned) })
    }
}

impl RawMessage<'_> {
    fn read(self, answer: &str) -> AssistantMessage {
        let mut message = AssistantMessage::default();
        message.reasoning.extend(self.thinking_blocks.into_iter().filter_map(Thinking::into_reasoning));
        if message.reasoning.is_empty()
            && let Some(text) = self.reasoning_content.text().or_else(|| self.reasoning.text())
        {
            message.reasoning.push(Reasoning::Text { text: text.to_owned(), signature: None });
        }
        if let Some(said) = &self.content {
            hear(said, &mut |heard| add(&mut message, &heard));
        }
        message.refusal = self.refusal.into_text().map(Text::into_string);
        let calls = self.tool_calls.into_iter().enumerate();
        message.tool_calls = calls.map(|(place, call)| call.read(&format!("call_{answer}_{place}"))).collect();
        message
    }
}

fn add(message: &mut AssistantMessage, heard: &Heard<'_>) {
    match *heard {
        Heard::Text("") | Heard::Thought("") => {}
        Heard::Text(text) => message.content.push(Part::Text(text.to_owned())),
        Heard::Thought(text) => match message.reasoning.last_mut() {
            Some(Reasoning::Text { text: before, signature: None }) => before.push_str(text),
            _ => message.reasoning.push(Reasoning::Text { text: text.to_owned(), signature: None }),
        },
        Heard::Signature(proof) => match message.reasoning.last_mut() {
            Some(Reasoning::Text { signature: signature @ None, .. }) => *signature = Some(proof.to_owned()),
            _ => message.reasoning.push(Reasoning::Text { text: String::new(), signature: Some(proof.to_owned()) }),
        },
    }
}

impl RawCall<'_> {
    /// `name` is what it is called where the host gave it no id.
    fn read(self, name: &str) -> ToolCall {
        let (id, signature) = split_thought(self.id.text().unwrap_or(name));
        let signature = signature.map(ToOwned::to_owned).or_else(|| self.extra_content.and_then(ExtraContent::into_signature));
        let arguments = self.function.arguments.map(arguments_text).filter(|arguments| !arguments.is_empty());
        let arguments = arguments.map_or_else(|| "{}".to_owned(), std::borrow::Cow::into_owned);
        ToolCall { id: id.to_owned(), name: self.function.name.into_string(), arguments, signature }
    }
}
