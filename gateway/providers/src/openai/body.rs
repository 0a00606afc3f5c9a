//! The body of a request as a host takes it.
//!
//! Where the host takes what the caller wrote, only the model's name is replaced. Whether anything else must change is decided by the names
//! that were noted when the head was read; only if this host minds one of them is the object read and written anew.

use bytes::Bytes;
use memchr::memmem;
use tradewind_protocol::{
    Capabilities, MaxTokensField, Reasoning,
    chat::{ChatRequest, ConvertError, Dropped, Media, Message, Part},
    openai::{replace_model, replace_model_and_begin_with},
};

use super::{
    begun,
    host::{Counts, Effort, Habits, Images, Stop},
    object::Object,
    past,
};
use crate::{Ask, PrepareError};

/// What a model that samples in its own way refuses.
const SAMPLING: [&str; 5] = ["temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty"];

/// The wish for token counts at the end of a stream, as a field.
const COUNTS: &[u8] = br#""stream_options":{"include_usage":true},"#;

/// The body of a chat or a text completion, with `model` as the model's name.
pub(crate) fn chat_body(ask: &Ask<'_>, habits: &Habits, dropped: &mut Dropped) -> Result<Bytes, PrepareError> {
    let payload = ask.payload;
    check_images(ask, habits)?;
    let asks = must_ask_for_counts(ask, habits);
    if !is_touched(habits, ask) {
        let span = &payload.head().model_span;
        return Ok(if asks {
            replace_model_and_begin_with(COUNTS, payload.body(), span, ask.model)
        } else {
            replace_model(payload.body(), span, ask.model)
        });
    }
    let mut object = chat_object(ask, habits, dropped)?;
    object.set("model", ask.model).map_err(unwritable)?;
    if asks {
        object.set("stream_options", &serde_json::json!({ "include_usage": true })).map_err(unwritable)?;
    }
    object.write().map(Bytes::from).map_err(unwritable)
}

/// Whether a stream would tell no token counts, by which the gateway accounts for it, unless it is asked to. A caller who wrote
/// `stream_options` has had a say.
fn must_ask_for_counts(ask: &Ask<'_>, habits: &Habits) -> bool {
    let head = ask.payload.head();
    head.stream && !head.include_usage && habits.counts == Counts::Asked && !head.fields.may_hold("stream_options")
}

/// The same as an object that can be changed further; the model's name is the caller's.
pub(crate) fn chat_object<'a>(ask: &Ask<'a>, habits: &Habits, dropped: &mut Dropped) -> Result<Object<'a>, PrepareError> {
    let mut object = Object::read(ask.payload.body()).map_err(unreadable)?;
    check_offers(&object, ask.capabilities)?;
    adapt(&mut object, ask, habits, dropped)?;
    let messages = object.get("messages").filter(|_| past::may_need_care(ask.payload, &habits.past));
    let messages = messages.map(|messages| past::acceptable(messages, &habits.past));
    if let Some(messages) = messages.transpose().map_err(unreadable)?.flatten() {
        object.set("messages", &messages).map_err(unwritable)?;
    }
    if ask.payload.begun().is_some() {
        begun::go_on(&mut object, habits.prefill).map_err(unwritable)?;
    }
    Ok(object)
}

/// Changes the fields at the top.
pub(crate) fn adapt(object: &mut Object<'_>, ask: &Ask<'_>, habits: &Habits, dropped: &mut Dropped) -> Result<(), PrepareError> {
    for name in habits.needless {
        object.remove(name);
    }
    for name in habits.refused {
        drop_field(object, name, dropped);
    }
    if !ask.capabilities.sampling.is_yes() {
        SAMPLING.into_iter().for_each(|name| drop_field(object, name, dropped));
    }
    if ask.capabilities.reasoning == Reasoning::None {
        drop_field(object, "reasoning_effort", dropped);
    }
    if habits.effort == Effort::ThinkingOfClaude && ask.model.contains("claude") {
        think(object)?;
    }
    limit_tokens(object, max_tokens_field(habits, ask.capabilities));
    for (from, to) in habits.renamed {
        object.rename(from, to);
    }
    if habits.stop == Stop::List
        && let Some(stop) = object.text("stop")
    {
        object.set("stop", &[stop]).map_err(unwritable)?;
    }
    Ok(())
}

/// Puts Anthropic's `thinking` in place of `reasoning_effort`. The budgets, in tokens, are those that gateways commonly give; Anthropic
/// takes none below 1024.
fn think(object: &mut Object<'_>) -> Result<(), PrepareError> {
    #[derive(serde::Serialize)]
    struct Thinking {
        r#type: &'static str,
        budget_tokens: u32,
    }
    let Some(effort) = object.text("reasoning_effort") else { return Ok(()) };
    object.remove("reasoning_effort");
    let budget_tokens = match effort.as_str() {
        "none" => return Ok(()),
        "minimal" | "low" => 1024,
        "medium" => 2048,
        _ => 4096,
    };
    object.set("thinking", &Thinking { r#type: "enabled", budget_tokens }).map_err(unwritable)
}

/// Which name the limit of tokens gets: what is known of the model goes above what is known of the host.
fn max_tokens_field(habits: &Habits, capabilities: &Capabilities) -> MaxTokensField {
    match capabilities.max_tokens_field {
        MaxTokensField::AsWritten => habits.max_tokens,
        field => field,
    }
}

/// Both names may be there: the newer wins.
fn limit_tokens(object: &mut Object<'_>, field: MaxTokensField) {
    match field {
        MaxTokensField::AsWritten => {}
        MaxTokensField::MaxTokens => object.rename("max_completion_tokens", "max_tokens"),
        MaxTokensField::MaxCompletionTokens if object.get("max_completion_tokens").is_some() => {
            object.remove("max_tokens");
        }
        MaxTokensField::MaxCompletionTokens => object.rename("max_tokens", "max_completion_tokens"),
    }
}

fn drop_field(object: &mut Object<'_>, name: &'static str, dropped: &mut Dropped) {
    if object.get(name).is_some() {
        dropped.note(name);
    }
    object.remove(name);
}

/// Whether the host minds anything in the body, as far as the names in it tell.
fn is_touched(habits: &Habits, ask: &Ask<'_>) -> bool {
    let fields = ask.payload.head().fields;
    let holds = |name: &str| fields.may_hold(name);
    let capabilities = ask.capabilities;
    let field = match max_tokens_field(habits, capabilities) {
        MaxTokensField::AsWritten => None,
        MaxTokensField::MaxTokens => Some("max_completion_tokens"),
        MaxTokensField::MaxCompletionTokens => Some("max_tokens"),
    };
    habits.needless.iter().chain(habits.refused).any(|name| holds(name))
        || habits.renamed.iter().any(|(from, _)| holds(from))
        || field.is_some_and(holds)
        || (!capabilities.sampling.is_yes() && SAMPLING.into_iter().any(holds))
        || (capabilities.reasoning == Reasoning::None && holds("reasoning_effort"))
        || (!capabilities.tools.is_yes() && holds("tools"))
        || (!capabilities.json_schema.is_yes() && holds("response_format"))
        || (habits.effort == Effort::ThinkingOfClaude && holds("reasoning_effort"))
        || (habits.stop == Stop::List && holds("stop"))
        || ask.payload.begun().is_some()
        || past::may_need_care(ask.payload, &habits.past)
}

/// Refuses what the model cannot do.
fn check_offers(object: &Object<'_>, capabilities: &Capabilities) -> Result<(), ConvertError> {
    if !capabilities.tools.is_yes() && object.get("tools").is_some_and(|tools| tools != "[]") {
        return Err(ConvertError::unsupported("tools", "`tools` are not offered by this model: send none."));
    }
    let format = object.get("response_format").unwrap_or_default();
    if !capabilities.json_schema.is_yes() && memmem::find(format.as_bytes(), b"\"json_schema\"").is_some() {
        let message = "`response_format` of the type \"json_schema\" is not offered by this model: accepted are \"text\" and \"json_object\".";
        return Err(ConvertError::unsupported("response_format", message));
    }
    Ok(())
}

/// Refuses images that the model or the host does not take. Only a body that may hold any is read.
pub(crate) fn check_images(ask: &Ask<'_>, habits: &Habits) -> Result<(), PrepareError> {
    let takes_all = ask.capabilities.vision.is_yes() && habits.images == Images::Anywhere;
    if takes_all || !ask.payload.head().within.may_hold("image_url") {
        return Ok(());
    }
    let request: &ChatRequest = ask.payload.chat()?;
    for (number, message) in request.messages.iter().enumerate() {
        let (Message::User(parts) | Message::Tool { content: parts, .. }) = message else { continue };
        for (place, part) in parts.iter().enumerate() {
            let Part::Image(image) = part else { continue };
            let param = format!("messages[{number}].content[{place}].image_url");
            if !ask.capabilities.vision.is_yes() {
                let message = format!("`{param}` is an image, which this model does not take: send texts only.");
                return Err(ConvertError::unsupported(param, message).into());
            }
            if habits.images == Images::Inline && !matches!(image.media, Media::Inline { .. }) {
                let message = format!(
                    "`{param}` is an address, which this model does not fetch: send the image itself, as a data: address."
                );
                return Err(ConvertError::unsupported(param, message).into());
            }
        }
    }
    Ok(())
}

pub(crate) fn unreadable(error: serde_json::Error) -> PrepareError {
    ConvertError::invalid("body", format!("The body cannot be read: {error}.")).into()
}

pub(crate) fn unwritable(error: serde_json::Error) -> PrepareError {
    ConvertError::invalid("body", format!("The body cannot be written: {error}.")).into()
}
