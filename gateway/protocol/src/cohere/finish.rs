//! Why an answer ended.

use crate::chat::FinishReason;

/// What `reason` means, or the HTTP status that it corresponds to where it is an error. A reason that is not known counts as an end.
pub(super) fn reason(reason: &str) -> Result<FinishReason, u16> {
    match reason {
        "MAX_TOKENS" => Ok(FinishReason::Length),
        "TOOL_CALL" => Ok(FinishReason::ToolCalls),
        "ERROR_TOXIC" => Ok(FinishReason::ContentFilter),
        "ERROR" => Err(500),
        "TIMEOUT" => Err(504),
        _ => Ok(FinishReason::Stop),
    }
}
