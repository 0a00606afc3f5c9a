//! The messages of OpenAI's chat requests, read into the canonical form.

use serde::{Deserialize, de::IgnoredAny};

use super::{
    fields::Fields,
    parts::{CacheControl, Content, Parts},
    request::missing,
    thought::split_thought,
};
use crate::{
    chat::{AssistantMessage, ConvertError, Message, Reasoning, ToolCall},
    text::{Loose, Text},
};

#[derive(Deserialize)]
struct RawMessage<'a> {
    #[serde(borrow)]
    role: Text<'a>,
    #[serde(borrow)]
    content: Option<Content<'a>>,
    refusal: Option<String>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<RawCall<'a>>>,
    #[serde(borrow)]
    function_call: Option<RawFunction<'a>>,
    #[serde(borrow)]
    tool_call_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    reasoning_content: Loose<'a>,
    #[serde(borrow, default)]
    reasoning: Loose<'a>,
    #[serde(borrow)]
    thinking_blocks: Option<Vec<Thinking<'a>>>,
    cache_control: Option<CacheControl>,
    audio: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct RawCall<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    function: Option<RawFunction<'a>>,
    extra_content: Option<ExtraContent>,
}

#[derive(Deserialize)]
struct RawFunction<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    arguments: Option<String>,
}

/// Where Google's own OpenAI endpoint puts the proof of a call.
#[derive(Deserialize)]
pub(super) struct ExtraContent {
    google: Option<GoogleContent>,
}

#[derive(Deserialize)]
struct GoogleContent {
    thought_signature: Option<String>,
}

impl ExtraContent {
    pub(super) fn into_signature(self) -> Option<String> {
        self.google?.thought_signature.filter(|signature| !signature.is_empty())
    }
}

/// One of `thinking_blocks`, in Anthropic's form: how signed thoughts travel through OpenAI's.
#[derive(Deserialize)]
pub(super) struct Thinking<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    thinking: Option<String>,
    signature: Option<String>,
    data: Option<String>,
}

impl Thinking<'_> {
    pub(super) fn into_reasoning(self) -> Option<Reasoning> {
        match &*self.kind {
            "redacted_thinking" => self.data.map(Reasoning::Redacted),
            _ => {
                let signature = self.signature.filter(|signature| !signature.is_empty());
                let text = self.thinking.unwrap_or_default();
                (!text.is_empty() || signature.is_some()).then_some(Reasoning::Text { text, signature })
            }
        }
    }
}

/// `messages`.
pub(super) fn read_messages(fields: &mut Fields<'_>) -> Result<Vec<Message>, ConvertError> {
    let raw: Option<Vec<RawMessage<'_>>> = fields.take("messages", "a list of messages")?;
    let raw = raw
        .filter(|messages| !messages.is_empty())
        .ok_or_else(|| missing("messages", "the conversation, one message at least"))?;
    let mut messages = Vec::with_capacity(raw.len());
    for (number, message) in raw.into_iter().enumerate() {
        let message = message.read(&format!("messages[{number}]"), number, &messages)?;
        messages.push(message);
    }
    Ok(messages)
}

impl RawMessage<'_> {
    fn read(self, path: &str, number: usize, before: &[Message]) -> Result<Message, ConvertError> {
        let parts = Parts::read(self.content, self.cache_control, path)?;
        match &*self.role {
            "system" | "developer" => Ok(Message::System(parts.texts(path)?)),
            "user" => Ok(Message::User(parts.of_user(path)?)),
            "tool" => {
                let call_id = self.tool_call_id.filter(|id| !id.is_empty());
                let call_id = call_id.ok_or_else(|| missing(format!("{path}.tool_call_id"), "the id of the call it answers"))?;
                Ok(Message::Tool { call_id: split_thought(&call_id).0.to_owned(), content: parts.of_tool(path)? })
            }
            "function" => {
                let name = self.name.ok_or_else(|| missing(format!("{path}.name"), "the name of the function"))?;
                Ok(Message::Tool { call_id: last_call(before, &name, path)?, content: parts.of_tool(path)? })
            }
            "assistant" if self.audio.is_some() => {
                let message =
                    format!("`{path}.audio` names an answer in sound, which this model cannot look up: send its transcript.");
                Err(ConvertError::unsupported(format!("{path}.audio"), message))
            }
            "assistant" => {
                let mut reasoning: Vec<Reasoning> = parts.reasoning;
                let blocks = self.thinking_blocks.unwrap_or_default();
                reasoning.extend(blocks.into_iter().filter_map(Thinking::into_reasoning));
                if reasoning.is_empty()
                    && let Some(text) = self.reasoning_content.into_text().or_else(|| self.reasoning.into_text())
                {
                    reasoning.push(Reasoning::Text { text: text.into_string(), signature: None });
                }
                let calls = self.tool_calls.unwrap_or_default().into_iter().enumerate();
                let mut tool_calls = calls
                    .map(|(place, call)| call.read(&format!("{path}.tool_calls[{place}]")))
                    .collect::<Result<Vec<_>, _>>()?;
                if let Some(call) = self.function_call {
                    tool_calls.push(call.into_call(format!("call_{number}"), None));
                }
                let refusal = self.refusal.or(parts.refusal).filter(|refusal| !refusal.is_empty());
                Ok(Message::Assistant(AssistantMessage { reasoning, content: parts.content, refusal, tool_calls }))
            }
            role => {
                let accepted = "accepted are developer, system, user, assistant and tool";
                Err(ConvertError::invalid(format!("{path}.role"), format!("`{path}.role` is \"{role}\": {accepted}.")))
            }
        }
    }
}

impl RawCall<'_> {
    fn read(self, path: &str) -> Result<ToolCall, ConvertError> {
        if let Some(kind) = self.kind.as_deref().filter(|kind| *kind != "function") {
            let param = format!("{path}.type");
            let message = format!("`{param}` is \"{kind}\": this model takes tool calls of the type \"function\" only.");
            return Err(ConvertError::unsupported(param, message));
        }
        let function = self.function.ok_or_else(|| missing(format!("{path}.function"), "the function's name and arguments"))?;
        let id = self.id.filter(|id| !id.is_empty()).ok_or_else(|| missing(format!("{path}.id"), "the id of the call"))?;
        let (id, signature) = split_thought(&id);
        let signature = signature.map(ToOwned::to_owned).or_else(|| self.extra_content.and_then(ExtraContent::into_signature));
        Ok(function.into_call(id.to_owned(), signature))
    }
}

impl RawFunction<'_> {
    fn into_call(self, id: String, signature: Option<String>) -> ToolCall {
        ToolCall { id, name: self.name.into_string(), arguments: self.arguments.unwrap_or_default(), signature }
    }
}

/// The id of the last call of a function: the older form of tool calls names functions in place of calls.
fn last_call(before: &[Message], name: &str, path: &str) -> Result<String, ConvertError> {
    let calls = before.iter().rev().filter_map(|message| match message {
        Message::Assistant(message) => message.tool_calls.iter().rev().find(|call| call.name == name),
        _ => None,
    });
    calls.map(|call| call.id.clone()).next().ok_or_else(|| {
        let message = format!("`{path}.name` is \"{name}\", a function that no message before it called.");
        ConvertError::invalid(format!("{path}.name"), message)
    })
}
