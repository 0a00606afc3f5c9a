//! How Gemini's proof of a tool call travels through OpenAI's form, which has no place for it: behind the call's id, which every client
//! sends back unchanged.

/// What stands between an id and the proof.
pub const THOUGHT_MARK: &str = "__thought__";

/// The id as the provider gave it, and the proof that was put behind it.
#[must_use]
pub fn split_thought(id: &str) -> (&str, Option<&str>) {
    match id.split_once(THOUGHT_MARK) {
        Some((id, signature)) if !signature.is_empty() => (id, Some(signature)),
        Some((id, _)) => (id, None),
        None => (id, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_taken_off_the_id() {
        assert_eq!(split_thought("call_1__thought__c2ln"), ("call_1", Some("c2ln")));
        assert_eq!(split_thought("call_1__thought__"), ("call_1", None));
        assert_eq!(split_thought("call_1"), ("call_1", None));
    }
}
