//! Why an answer ended.

use crate::chat::FinishReason;

/// The canonical reason. One that is not known yet counts as an ordinary end, like those of output that the model malformed: what there
/// is of it has been sent.
pub(super) fn finish_reason(stop_reason: &str) -> FinishReason {
    match stop_reason {
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "guardrail_intervened" | "content_filtered" => FinishReason::ContentFilter,
        // `end_turn`, `stop_sequence`, `malformed_model_output`, `malformed_tool_use`.
        _ => FinishReason::Stop,
    }
}
