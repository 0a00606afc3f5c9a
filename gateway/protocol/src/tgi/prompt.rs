//! A conversation as a prompt, where it is one.

use crate::chat::{ChatRequest, Conversation, ConvertError, Part, Turn, TurnItem};

/// The text to continue: the one message of the user, after the instructions.
pub(super) fn prompt(request: &ChatRequest) -> Result<String, ConvertError> {
    let conversation = Conversation::of(request);
    let [Turn::User(items)] = conversation.turns.as_slice() else {
        let message = "This container continues a text and knows no conversation: send one message of the user (with `system` before it, if \
                       you like), or have the operator set the container to `openai`.";
        return Err(ConvertError::unsupported("messages", message));
    };
    let said = items.iter().map(|item| match *item {
        TurnItem::Part { part, at: (message, place) } => text(part, || format!("messages[{message}].content[{place}]")),
        TurnItem::ToolResult { at, .. } => Err(not_text(format!("messages[{at}]"))),
    });
    let instructions = conversation.system.iter().map(|part| text(part, || "messages".to_owned()));
    let texts: Vec<&str> = instructions.chain(said).collect::<Result<_, _>>()?;
    let texts: Vec<&str> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    Ok(texts.join("\n\n"))
}

fn text(part: &Part, path: impl Fn() -> String) -> Result<&str, ConvertError> {
    match part {
        Part::Text(text) => Ok(text),
        // Nothing is said by it.
        Part::CachePoint(_) => Ok(""),
        Part::Image(_) | Part::Audio { .. } | Part::File { .. } => Err(not_text(path())),
    }
}

fn not_text(param: String) -> ConvertError {
    let message = format!("`{param}`: this container takes only text.");
    ConvertError::unsupported(param, message)
}
