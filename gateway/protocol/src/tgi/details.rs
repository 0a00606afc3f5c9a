//! Why a text ended, and what it cost.

use std::borrow::Cow;

use serde::Deserialize;

use crate::{Usage, chat::FinishReason};

/// `details`; what belongs to single tokens is left out.
#[derive(Debug, Deserialize)]
pub(super) struct Details<'a> {
    #[serde(borrow, default)]
    finish_reason: Cow<'a, str>,
    generated_tokens: Option<u64>,
    /// Told in streams only.
    input_length: Option<u64>,
}

impl Details<'_> {
    /// Why it ended; none where that was an error, as LMI tells it.
    pub(super) fn finish_reason(&self) -> Option<FinishReason> {
        match &*self.finish_reason {
            "error" => None,
            "length" => Some(FinishReason::Length),
            // `eos_token`, `stop_sequence`, and what is not known yet.
            _ => Some(FinishReason::Stop),
        }
    }

    /// The tokens, where both counts are told.
    pub(super) fn usage(&self) -> Option<Usage> {
        Some(Usage::new(self.input_length?, self.generated_tokens?))
    }
}
