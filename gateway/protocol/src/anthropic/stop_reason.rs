//! Why an answer ended.

use crate::chat::FinishReason;

/// The meaning of a `stop_reason`. One that is not known counts as a proper end.
pub(super) fn finish_reason(stop_reason: &str) -> FinishReason {
    match stop_reason {
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "refusal" => FinishReason::ContentFilter,
        // `end_turn`, `stop_sequence`, and `pause_turn`, with which a server's own tools interrupt a long turn.
        _ => FinishReason::Stop,
    }
}
