//! Ids for function calls that came without one.

use std::fmt::Write;

/// Writes an id for call number `index` of the answer `response_id` over `id`.
///
/// Vertex AI gives calls no id, and an id must be unique in a whole conversation, so the answer's id is part of it. Only letters, digits, `-`
/// and `_` are taken from it, which every provider's history accepts. An answer without an id has only its function's name to tell it by.
pub(super) fn write(id: &mut String, response_id: &str, choice: u32, index: u32, name: &str) {
    id.clear();
    id.push_str("call_");
    let source = if response_id.is_empty() { name } else { response_id };
    id.extend(source.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')));
    // Writing to a string cannot fail.
    let _infallible = if choice == 0 { write!(id, "_{index}") } else { write!(id, "_{choice}_{index}") };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_by_answer_choice_and_call() {
        let made = |response: &str, choice, index| {
            let mut id = "old".to_owned();
            write(&mut id, response, choice, index, "f");
            id
        };
        assert_eq!(made("a-b_c=", 0, 1), "call_a-b_c_1");
        assert_eq!(made("r", 2, 0), "call_r_2_0");
        assert_eq!(made("", 0, 0), "call_f_0");
    }
}
