//! How hard to think.

use serde::Serialize;
use serde_json::value::RawValue;

use super::extensions::Extensions;
use crate::{
    Reasoning,
    chat::{ChatRequest, Dropped, Effort, Target},
};

/// The budgets that Google's own OpenAI endpoint takes for the levels of effort, in tokens.
/// Source: <https://ai.google.dev/gemini-api/docs/openai>.
const LOW_BUDGET: u32 = 1024;
const MEDIUM_BUDGET: u32 = 8192;
const HIGH_BUDGET: u32 = 24_576;
/// The largest budget of Gemini 2.5 Pro; the other 2.5 models end at [`HIGH_BUDGET`].
const PRO_BUDGET: u32 = 32_768;
/// The smallest budget of Gemini 2.5 Pro, which cannot be told not to think at all.
const PRO_LEAST: u32 = 128;

/// `thinkingConfig`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Thinking<'a> {
    /// As the caller wrote it.
    Raw(&'a RawValue),
    /// Gemini 2.5.
    #[serde(rename_all = "camelCase")]
    Budget {
        thinking_budget: u32,
        /// Without it, thoughts are kept back.
        #[serde(skip_serializing_if = "Option::is_none")]
        include_thoughts: Option<bool>,
    },
    /// Gemini 3 and later.
    #[serde(rename_all = "camelCase")]
    Level {
        thinking_level: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        include_thoughts: Option<bool>,
    },
}

/// What the request asks for: the caller's own `thinkingConfig` before `reasoning_effort`.
pub(super) fn config<'a>(
    request: &ChatRequest,
    extensions: &Extensions<'a>,
    target: &Target<'_>,
    dropped: &mut Dropped,
) -> Option<Thinking<'a>> {
    if let Some(raw) = extensions.thinking_config {
        dropped.note_if(&request.reasoning_effort, "reasoning_effort");
        return Some(Thinking::Raw(raw));
    }
    let effort = request.reasoning_effort?;
    let include_thoughts = (effort != Effort::None).then_some(true);
    if effort == Effort::None && !can_stop(target) {
        // It thinks as little as it can.
        dropped.note("reasoning_effort");
    }
    match target.capabilities.reasoning {
        Reasoning::None => {
            dropped.note("reasoning_effort");
            None
        }
        Reasoning::Budget => Some(Thinking::Budget { thinking_budget: budget(effort, target.model), include_thoughts }),
        Reasoning::Effort => Some(Thinking::Level { thinking_level: level(effort), include_thoughts }),
    }
}

/// Whether the model can be told not to think at all: of those that think, the smaller ones of Gemini 2.5.
fn can_stop(target: &Target<'_>) -> bool {
    target.capabilities.reasoning == Reasoning::Budget && !is_pro(target.model)
}

fn is_pro(model: &str) -> bool {
    model.contains("pro")
}

fn budget(effort: Effort, model: &str) -> u32 {
    let is_pro = is_pro(model);
    match effort {
        Effort::None if is_pro => PRO_LEAST,
        Effort::None => 0,
        Effort::Minimal | Effort::Low => LOW_BUDGET,
        Effort::Medium => MEDIUM_BUDGET,
        Effort::High => HIGH_BUDGET,
        Effort::XHigh | Effort::Max if is_pro => PRO_BUDGET,
        Effort::XHigh | Effort::Max => HIGH_BUDGET,
    }
}

/// Gemini 3 always thinks; the least is `MINIMAL`.
const fn level(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal => "MINIMAL",
        Effort::Low => "LOW",
        Effort::Medium => "MEDIUM",
        Effort::High => "HIGH",
        Effort::XHigh | Effort::Max => "XHIGH",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_effort_never_means_less_thought() {
        for model in ["gemini-2.5-pro", "gemini-2.5-flash"] {
            let budgets: Vec<u32> = Effort::ALL.into_iter().map(|effort| budget(effort, model)).collect();
            assert!(budgets.is_sorted(), "{model}: {budgets:?}");
        }
        assert_eq!(budget(Effort::None, "gemini-2.5-flash"), 0);
        assert_eq!(budget(Effort::None, "gemini-2.5-pro"), 128);
        assert_eq!(budget(Effort::Max, "gemini-2.5-pro"), 32_768);
        assert_eq!(Effort::ALL.map(level), ["MINIMAL", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH", "XHIGH"]);
    }
}
