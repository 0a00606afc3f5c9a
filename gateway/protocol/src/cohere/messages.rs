//! The conversation.

use serde::Serialize;

use crate::{
    Capabilities, Reasoning,
    chat::{self, AssistantMessage, ConvertError, Dropped, Image, Media, ToolCall},
};

/// One message.
#[derive(Debug, Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub(super) enum Message<'a> {
    System {
        content: Vec<Block<'a>>,
    },
    User {
        content: Vec<Block<'a>>,
    },
    Assistant {
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Block<'a>>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Call<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        tool_plan: Option<String>,
    },
    Tool {
        tool_call_id: &'a str,
        content: Vec<Block<'a>>,
    },
}

/// A part of a message.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text { text: &'a str },
    Thinking { thinking: &'a str },
    ImageUrl { image_url: ImageUrl<'a> },
}

/// An image: unlike most, Cohere takes addresses of the web as well as `data:` ones.
#[derive(Debug, Serialize)]
pub(super) struct ImageUrl<'a> {
    url: std::borrow::Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

/// A call of a tool, as OpenAI writes it.
#[derive(Debug, Serialize)]
pub(super) struct Call<'a> {
    id: &'a str,
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: &'a str,
}

/// Writes the messages of a conversation.
pub(super) struct Writer<'d> {
    pub(super) capabilities: &'d Capabilities,
    pub(super) dropped: &'d mut Dropped,
}

impl Writer<'_> {
    pub(super) fn write<'a>(&mut self, messages: &'a [chat::Message]) -> Result<Vec<Message<'a>>, ConvertError> {
        messages.iter().enumerate().map(|(number, message)| self.message(number, message)).collect()
    }

    fn message<'a>(&mut self, number: usize, message: &'a chat::Message) -> Result<Message<'a>, ConvertError> {
        Ok(match message {
            chat::Message::System(parts) => Message::System { content: self.texts(number, parts)? },
            chat::Message::User(parts) => {
                let blocks = parts.iter().enumerate().map(|(place, part)| self.block(part, (number, place)));
                Message::User { content: blocks.filter_map(Result::transpose).collect::<Result<_, _>>()? }
            }
            chat::Message::Assistant(message) => self.assistant(number, message)?,
            chat::Message::Tool { call_id, content } => {
                Message::Tool { tool_call_id: call_id, content: self.texts(number, content)? }
            }
        })
    }

    /// What stands where only texts may stand.
    fn texts<'a>(&mut self, number: usize, parts: &'a [chat::Part]) -> Result<Vec<Block<'a>>, ConvertError> {
        let mut blocks = Vec::with_capacity(parts.len());
        for (place, part) in parts.iter().enumerate() {
            match part {
                chat::Part::Text(text) => blocks.push(Block::Text { text }),
                chat::Part::CachePoint(_) => self.dropped.note("cache_control"),
                chat::Part::Image(_) | chat::Part::Audio { .. } | chat::Part::File { .. } => {
                    let param = format!("messages[{number}].content[{place}]");
                    let message = format!("`{param}` is no text. Accepted in such a message for this model: text.");
                    return Err(ConvertError::unsupported(param, message));
                }
            }
        }
        Ok(blocks)
    }

    fn block<'a>(&mut self, part: &'a chat::Part, (number, place): (usize, usize)) -> Result<Option<Block<'a>>, ConvertError> {
        let refuse = |name: &str, why: &str| {
            let param = format!("messages[{number}].content[{place}].{name}");
            let message = format!("`{param}` is {why}.");
            Err(ConvertError::unsupported(param, message))
        };
        match part {
            chat::Part::Text(text) => Ok(Some(Block::Text { text })),
            chat::Part::CachePoint(_) => {
                self.dropped.note("cache_control");
                Ok(None)
            }
            chat::Part::Image(_) if !self.capabilities.vision.is_yes() => {
                refuse("image_url", "an image, and this model takes only text")
            }
            chat::Part::Image(image) => match image_url(image) {
                Some(image_url) => Ok(Some(Block::ImageUrl { image_url })),
                None => refuse("image_url", "none that this model reads. Accepted: an https: or a data: address"),
            },
            chat::Part::Audio { .. } => refuse("input_audio", "sound, and this model takes only text and images"),
            chat::Part::File { .. } => {
                refuse("file", "a file, and this model takes only text and images; texts may go in `documents`")
            }
        }
    }

    fn assistant<'a>(&mut self, number: usize, message: &'a AssistantMessage) -> Result<Message<'a>, ConvertError> {
        let mut content = Vec::new();
        let mut plan = String::new();
        for thought in &message.reasoning {
            match thought {
                chat::Reasoning::Text { text, .. } if self.capabilities.reasoning != Reasoning::None => {
                    content.push(Block::Thinking { thinking: text });
                }
                // A model that does not think has told its thoughts before a call as the plan of it.
                chat::Reasoning::Text { text, .. } if !message.tool_calls.is_empty() => plan.push_str(text),
                chat::Reasoning::Text { .. } | chat::Reasoning::Redacted(_) => self.dropped.note("reasoning_content"),
            }
        }
        content.extend(self.texts(number, &message.content)?);
        content.extend(message.refusal.as_deref().map(|text| Block::Text { text }));
        let tool_calls = message.tool_calls.iter().map(Call::from).collect();
        Ok(Message::Assistant { content, tool_calls, tool_plan: (!plan.is_empty()).then_some(plan) })
    }
}

impl<'a> From<&'a ToolCall> for Call<'a> {
    fn from(call: &'a ToolCall) -> Self {
        Self { id: &call.id, r#type: "function", function: Function { name: &call.name, arguments: call.arguments_object() } }
    }
}

fn image_url(image: &Image) -> Option<ImageUrl<'_>> {
    let url = match &image.media {
        Media::Inline { media_type, data } => format!("data:{media_type};base64,{data}").into(),
        Media::Url(url) if url.starts_with("https:") || url.starts_with("http:") => url.as_str().into(),
        Media::Url(_) | Media::FileId(_) => return None,
    };
    Some(ImageUrl { url, detail: image.detail.as_deref() })
}
