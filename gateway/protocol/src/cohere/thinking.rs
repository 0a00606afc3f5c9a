//! How hard to think.

use serde::Serialize;
use serde_json::value::RawValue;

use super::extensions::Extensions;
use crate::{
    Reasoning,
    chat::{ChatRequest, Dropped, Effort, Target},
};

/// `thinking`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Thinking<'a> {
    /// As the caller wrote it.
    Raw(&'a RawValue),
    /// By the level of effort.
    Level {
        r#type: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        token_budget: Option<u32>,
    },
}

/// What the request asks for: the caller's own `thinking` before `reasoning_effort`.
pub(super) fn of<'a>(
    request: &ChatRequest,
    extensions: &Extensions<'a>,
    target: &Target<'_>,
    dropped: &mut Dropped,
) -> Option<Thinking<'a>> {
    if let Some(raw) = extensions.thinking {
        dropped.note_if(&request.reasoning_effort, "reasoning_effort");
        return Some(Thinking::Raw(raw));
    }
    let effort = request.reasoning_effort?;
    if target.capabilities.reasoning == Reasoning::None {
        dropped.note("reasoning_effort");
        return None;
    }
    Some(match effort {
        Effort::None => Thinking::Level { r#type: "disabled", token_budget: None },
        _ => Thinking::Level { r#type: "enabled", token_budget: budget(effort) },
    })
}

/// Cohere names no levels. The scale is that of gateways for Claude, in tokens; the highest levels set no limit, which is Cohere's own
/// default.
const fn budget(effort: Effort) -> Option<u32> {
    match effort {
        Effort::None | Effort::XHigh | Effort::Max => None,
        Effort::Minimal | Effort::Low => Some(1024),
        Effort::Medium => Some(2048),
        Effort::High => Some(4096),
    }
}
