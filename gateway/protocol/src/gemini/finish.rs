//! Why an answer ended.

use crate::chat::FinishReason;

/// What `reason` means for an answer that called functions or not. A reason that is not known counts as an end: whatever it says, nothing
/// follows.
///
/// The faults of the model itself (`MALFORMED_FUNCTION_CALL`, `UNEXPECTED_TOOL_CALL` and the like) have no word in OpenAI's form; the
/// answer is what came before them.
pub(super) fn reason(reason: &str, calls: u32) -> FinishReason {
    match reason {
        "MAX_TOKENS" => FinishReason::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "JAILBREAK"
        | "ESCALATION"
        | "PUP_LIMITED_DISABLED" => FinishReason::ContentFilter,
        image if image.starts_with("IMAGE_") => FinishReason::ContentFilter,
        _ if calls > 0 => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_withheld_is_told_apart_from_what_ended() {
        for word in ["SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "IMAGE_SAFETY"]
        {
            assert_eq!(reason(word, 1), FinishReason::ContentFilter, "{word}");
        }
        for word in ["STOP", "MALFORMED_FUNCTION_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE", "OTHER", "NEW"] {
            assert_eq!(reason(word, 0), FinishReason::Stop, "{word}");
            assert_eq!(reason(word, 1), FinishReason::ToolCalls, "{word}");
        }
        assert_eq!(reason("MAX_TOKENS", 1), FinishReason::Length);
    }
}
