//! What the messages of a chat must look like.

use std::collections::BTreeSet;

use crate::json::Object;
use crate::refusal::Refusal;
use crate::scene::{Image, Prompt, data_url};

/// Reads the messages into the prompt.
pub(super) fn read(body: &Object<'_>, prompt: &mut Prompt) -> Result<(), Refusal> {
    let mut owed = BTreeSet::new();
    for place in body.filled_list("messages")? {
        let message = place.object()?;
        let role = message.one_of("role", &["system", "user", "assistant", "tool"])?;
        match role.ok_or_else(|| message.wrong("role", "is required"))? {
            "tool" => {
                message.only(&["role", "tool_call_id", "content"])?;
                if !owed.remove(message.required_text("tool_call_id")?) {
                    return Err(message.wrong("tool_call_id", "answers no call of the message before"));
                }
                let result = content(&message, prompt)?;
                prompt.results.push(result);
            }
            _ if !owed.is_empty() => return Err(message.wrong("role", "must be 'tool' until every call is answered")),
            "assistant" => {
                message.only(&["role", "content", "tool_calls", "tool_plan", "citations"])?;
                prompt.results.clear();
                message.text("tool_plan")?;
                owed = calls(&message, prompt)?;
                if !owed.is_empty() && message.get("content").is_none() {
                    continue;
                }
                let text = content(&message, prompt)?;
                prompt.say(&text);
            }
            _ => {
                message.only(&["role", "content"])?;
                prompt.results.clear();
                let text = content(&message, prompt)?;
                prompt.say(&text);
            }
        }
    }
    if owed.is_empty() { Ok(()) } else { Err(body.wrong("messages", "must answer every tool call")) }
}

fn calls<'a>(message: &Object<'a>, prompt: &mut Prompt) -> Result<BTreeSet<&'a str>, Refusal> {
    let mut ids = BTreeSet::new();
    for place in message.list("tool_calls")? {
        let call = place.object()?;
        call.only(&["id", "type", "function"])?;
        call.one_of("type", &["function"])?;
        let function = call.required_object("function")?;
        function.only(&["name", "arguments"])?;
        function.required_text("name")?;
        function.required_text("arguments")?;
        ids.insert(call.required_text("id")?);
        prompt.calls_before += 1;
    }
    Ok(ids)
}

/// The text of a message; its images go into the prompt.
fn content(message: &Object<'_>, prompt: &mut Prompt) -> Result<String, Refusal> {
    let content = message.required("content")?;
    if let Some(text) = content.value.as_str() {
        return Ok(text.to_owned());
    }
    let mut texts = Vec::new();
    for place in content.list()? {
        let part = place.object()?;
        match part.required_text("type")? {
            "text" => {
                part.only(&["type", "text"])?;
                texts.push(part.required_text("text")?.to_owned());
            }
            "thinking" => {
                part.only(&["type", "thinking"])?;
                part.required_text("thinking")?;
            }
            "image_url" => {
                part.only(&["type", "image_url"])?;
                let image = part.required_object("image_url")?;
                image.only(&["url", "detail"])?;
                let url = image.required_text("url")?;
                let remote = || url.starts_with("https://").then(|| Image::Url(url.to_owned()));
                let seen = data_url(url).or_else(remote);
                prompt.images.push(seen.ok_or_else(|| image.wrong("url", "must be an https URL or a data URL in base64"))?);
            }
            "document" => {
                part.only(&["type", "document"])?;
                texts.push(part.required_object("document")?.get("data").map(ToString::to_string).unwrap_or_default());
            }
            _ => return Err(part.wrong("type", "must be 'text', 'image_url', 'thinking' or 'document'")),
        }
    }
    Ok(texts.join(" "))
}
