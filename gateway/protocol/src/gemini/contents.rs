//! The conversation: turns of user and model.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::{
    function_response::{self, FunctionResponse},
    media,
    options::{Options, Service},
    part::{Blob, Content, FunctionCall, Kind, Part, Role},
};
use crate::{
    Capabilities, Reasoning,
    chat::{self, AssistantMessage, Conversation, ConvertError, Dropped, Turn, TurnItem},
};

/// What Google accepts in place of a signature that cannot be had, because another model made the call or the application did not keep it.
/// Gemini 3 refuses the first call of a step without one, as long as the user has not spoken since.
/// Source: <https://ai.google.dev/gemini-api/docs/thought-signatures>.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// Writes the turns of a conversation.
pub(super) struct Writer<'a, 'd> {
    capabilities: &'a Capabilities,
    options: Options,
    dropped: &'d mut Dropped,
    /// The calls so far, by id.
    calls: HashMap<&'a str, Call<'a>>,
}

/// A call that a result may answer.
struct Call<'a> {
    name: &'a str,
    /// Which call of the conversation it is: results go in the order of their calls.
    place: usize,
}

impl<'a, 'd> Writer<'a, 'd> {
    pub(super) fn new(capabilities: &'a Capabilities, options: Options, dropped: &'d mut Dropped) -> Self {
        Self { capabilities, options, dropped, calls: HashMap::new() }
    }

    pub(super) fn write(mut self, conversation: &Conversation<'a>) -> Result<Vec<Content<'a>>, ConvertError> {
        let spoke =
            |turn: &Turn<'_>| matches!(turn, Turn::User(items) if items.iter().any(|item| matches!(item, TurnItem::Part { .. })));
        let last_spoken = conversation.turns.iter().rposition(spoke);
        let mut contents = Vec::with_capacity(conversation.turns.len());
        for (number, turn) in conversation.turns.iter().enumerate() {
            match turn {
                Turn::User(items) => self.user(items, &mut contents)?,
                Turn::Assistant(messages) => {
                    let mut parts = self.model(messages)?;
                    if self.capabilities.reasoning == Reasoning::Effort && last_spoken.is_none_or(|last| number > last) {
                        sign(&mut parts);
                    }
                    if !parts.is_empty() {
                        contents.push(Content { role: Role::Model, parts });
                    }
                }
            }
        }
        Ok(contents)
    }

    /// Results stand in a turn of their own, before what the user says: it must have as many parts as the turn before had calls.
    fn user(&mut self, items: &[TurnItem<'a>], contents: &mut Vec<Content<'a>>) -> Result<(), ConvertError> {
        let mut results = Vec::new();
        let mut said = Vec::new();
        for item in items {
            match *item {
                TurnItem::Part { part, at } => said.extend(self.part(part, at)?),
                TurnItem::ToolResult { call_id, content, at } => results.push(self.result(call_id, content, at)?),
            }
        }
        results.sort_by_key(|(place, _)| *place);
        let results: Vec<_> = results.into_iter().map(|(_, part)| part).collect();
        let turns = [results, said].into_iter().filter(|parts| !parts.is_empty());
        contents.extend(turns.map(|parts| Content { role: Role::User, parts }));
        Ok(())
    }

    fn part(&mut self, part: &'a chat::Part, (message, place): (usize, usize)) -> Result<Option<Part<'a>>, ConvertError> {
        let field = |name: &str| format!("messages[{message}].content[{place}].{name}");
        let kind = match part {
            chat::Part::Text(text) => Kind::Text(text),
            chat::Part::Image(image) => {
                self.needs_vision(&field("image_url"))?;
                if image.detail.as_ref().is_some_and(|detail| detail != "auto") {
                    self.dropped.note("image_url.detail");
                }
                media::kind(&image.media, self.options.service, &field("image_url"))?
            }
            chat::Part::File { media, .. } => media::kind(media, self.options.service, &field("file"))?,
            chat::Part::Audio { data, format } => {
                Kind::InlineData(Blob { mime_type: audio_type(format, &field("input_audio"))?, data })
            }
            chat::Part::CachePoint(_) => {
                // Gemini caches by itself what requests have in common.
                self.dropped.note("cache_control");
                return Ok(None);
            }
        };
        Ok(Some(kind.into()))
    }

    fn needs_vision(&self, param: &str) -> Result<(), ConvertError> {
        if self.capabilities.vision.is_yes() {
            return Ok(());
        }
        Err(ConvertError::unsupported(param, format!("`{param}` is an image, and this model takes only text.")))
    }

    fn result(&mut self, call_id: &'a str, content: &'a [chat::Part], at: usize) -> Result<(usize, Part<'a>), ConvertError> {
        let Some(call) = self.calls.get(call_id) else {
            let param = format!("messages[{at}].tool_call_id");
            let message = format!("`{param}` is `{call_id}`, and no message before it calls a tool under that id.");
            return Err(ConvertError::invalid(param, message));
        };
        if content.iter().any(|part| matches!(part, chat::Part::CachePoint(_))) {
            self.dropped.note("cache_control");
        }
        let (response, parts) = function_response::read(content, at, self.capabilities, self.options)?;
        let id = self.id(call_id);
        Ok((call.place, Kind::FunctionResponse(FunctionResponse { id, name: call.name, response, parts }).into()))
    }

    fn model(&mut self, messages: &[&'a AssistantMessage]) -> Result<Vec<Part<'a>>, ConvertError> {
        let mut parts = Vec::new();
        for message in messages {
            if !message.reasoning.is_empty() {
                // Gemini takes back signatures, which stand with the calls, but no thoughts.
                self.dropped.note("reasoning_content");
            }
            for part in &message.content {
                match part {
                    chat::Part::Text(text) if text.trim().is_empty() => {}
                    chat::Part::Text(text) => parts.push(Kind::Text(text).into()),
                    chat::Part::CachePoint(_) => self.dropped.note("cache_control"),
                    chat::Part::Image(_) | chat::Part::Audio { .. } | chat::Part::File { .. } => {
                        return Err(ConvertError::unsupported(
                            "messages",
                            "This model takes only text in messages of the assistant.",
                        ));
                    }
                }
            }
            parts.extend(message.refusal.as_deref().map(|text| Kind::Text(text).into()));
            for call in &message.tool_calls {
                let place = self.calls.len();
                self.calls.insert(&call.id, Call { name: &call.name, place });
                let args: &RawValue = serde_json::from_str(call.arguments_object()).map_err(|error| {
                    ConvertError::invalid("messages.tool_calls", format!("Arguments of a tool call: {error}."))
                })?;
                let kind = Kind::FunctionCall(FunctionCall { id: self.id(&call.id), name: &call.name, args });
                parts.push(Part { kind, thought_signature: call.signature.as_deref() });
            }
        }
        Ok(parts)
    }

    fn id(&self, id: &'a str) -> Option<&'a str> {
        match self.options.service {
            Service::AiStudio => Some(id),
            Service::Vertex => None,
        }
    }
}

/// Puts what stands for a signature on the first call of a step that has none.
fn sign(parts: &mut [Part<'_>]) {
    let is_call = |part: &&mut Part<'_>| matches!(part.kind, Kind::FunctionCall(_));
    if parts.iter().all(|part| part.thought_signature.is_none())
        && let Some(first) = parts.iter_mut().find(is_call)
    {
        first.thought_signature = Some(NO_SIGNATURE);
    }
}

fn audio_type(format: &str, param: &str) -> Result<&'static str, ConvertError> {
    match format {
        "wav" => Ok("audio/wav"),
        "mp3" => Ok("audio/mp3"),
        other => Err(ConvertError::unsupported(
            format!("{param}.format"),
            format!("`{param}.format` is `{other}`, which this model does not take. Accepted: wav, mp3."),
        )),
    }
}
