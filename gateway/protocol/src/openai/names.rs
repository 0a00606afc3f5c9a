//! The names of fields that occur in a request, as far as somebody may ask for them.

use std::borrow::Cow;

/// The names that are noted. Who asks for one that is not here is told that it may be there.
const NOTED: [&str; 36] = [
    // Of the request.
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "seed",
    "stop",
    "tools",
    "parallel_tool_calls",
    "response_format",
    "reasoning_effort",
    "verbosity",
    "user",
    "safety_identifier",
    "store",
    "metadata",
    "service_tier",
    "models",
    "route",
    // Of its messages and their parts.
    "name",
    "tool_calls",
    "tool_call_id",
    "parsed",
    "parsed_arguments",
    "annotations",
    "thinking_blocks",
    "reasoning_content",
    "reasoning",
    "cache_control",
    "image_url",
    // Of the request again: what not every model can do.
    "logprobs",
    "dimensions",
];

/// A set of names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Names(u64);

impl Names {
    /// Whether a field of this name may be there. A no is certain, however the name was written.
    #[must_use]
    pub fn may_hold(self, name: &str) -> bool {
        bit(name.as_bytes()).is_none_or(|bit| self.0 & bit != 0)
    }

    /// Adds a name that holds no escapes.
    pub(super) fn add(&mut self, name: &[u8]) {
        self.0 |= bit(name).unwrap_or_default();
    }

    /// Adds a name with escapes in it; one that is no text is no name that is noted.
    pub(super) fn add_escaped(&mut self, name: &[u8]) {
        if let Some(name) = unescaped(name) {
            self.add(name.as_bytes());
        }
    }
}

/// What a name with escapes in it says. None where an escape is half a surrogate pair, which is no text.
pub(super) fn unescaped(name: &[u8]) -> Option<String> {
    serde_json::from_slice::<Cow<'_, str>>(&[b"\"", name, b"\""].concat()).ok().map(Cow::into_owned)
}

/// The bit of a name that is noted.
fn bit(name: &[u8]) -> Option<u64> {
    let place = *SLOTS.get(slot(name))?;
    let noted = NOTED.get(usize::from(place))?;
    (noted.as_bytes() == name).then(|| 1 << place)
}

/// What stands in a slot without a name.
const NONE: u8 = u8::MAX;

/// For each value of [`slot`], which name has it.
#[expect(clippy::indexing_slicing, reason = "the compiler does it, and would say")]
const SLOTS: [u8; 256] = {
    let mut slots = [NONE; 256];
    let mut place = 0;
    while place < NOTED.len() {
        let slot = slot(NOTED[place].as_bytes());
        assert!(slots[slot] == NONE, "two names have one slot: give `slot` other factors");
        slots[slot] = place as u8;
        place += 1;
    }
    slots
};

/// A hash that differs for all names that are noted.
const fn slot(name: &[u8]) -> usize {
    match (name, name.split_at(name.len() / 2).1) {
        ([.., last], [middle, ..]) => (name.len() + 4 * *middle as usize + 12 * *last as usize) % 256,
        _ => 0,
    }
}
