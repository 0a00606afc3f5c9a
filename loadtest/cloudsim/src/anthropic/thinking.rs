//! What `thinking` must look like.

use crate::json::Object;
use crate::refusal::Refusal;

/// Whether the model thinks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinking {
    Off,
    /// As much as it sees fit.
    Adaptive,
    /// With a budget: what was thought before tools were called must be played back.
    Budget,
}

pub(super) fn read(body: &Object<'_>, limit: usize) -> Result<Thinking, Refusal> {
    let Some(thinking) = body.object("thinking")? else {
        return Ok(Thinking::Off);
    };
    match thinking.required_text("type")? {
        "disabled" | "between_tools" => thinking.only(&["type"]).map(|()| Thinking::Off),
        "adaptive" => thinking.only(&["type", "display"]).map(|()| Thinking::Adaptive),
        "enabled" => {
            thinking.only(&["type", "budget_tokens", "display"])?;
            match thinking.count("budget_tokens")? {
                Some(1024..) if body.count("max_tokens")? > thinking.count("budget_tokens")? => Ok(Thinking::Budget),
                Some(1024..) => {
                    Err(body.wrong("max_tokens", &format!("({limit}) must be greater than 'thinking.budget_tokens'")))
                }
                _ => Err(thinking.wrong("budget_tokens", "must be at least 1024")),
            }
        }
        _ => Err(thinking.wrong("type", "must be 'adaptive', 'between_tools', 'disabled' or 'enabled'")),
    }
}
