//! The model that an answer names.
//!
//! Who asked for a model is told of that one, whichever backend answered and whatever it calls what it serves. In an answer that passes
//! through, only that name is replaced: bytes are searched and nothing is parsed. That is safe, for the quotes of a text inside JSON are
//! escaped, so that `"model":"…"` cannot stand in one.

use bytes::Bytes;
use memchr::memmem;

/// The name of the member, with its quotes.
const MEMBER: &[u8] = b"\"model\"";

/// What puts the asked name in the place of the told one, in one answer.
#[derive(Debug)]
pub struct ShownModel {
    /// Both as JSON strings, with their quotes.
    asked: Box<[u8]>,
    told: Option<Box<[u8]>>,
    member: memmem::Finder<'static>,
}

impl ShownModel {
    /// Shows `asked`, and nothing else is known yet.
    #[must_use]
    pub fn new(asked: &str) -> Self {
        Self { asked: quoted(asked), told: None, member: memmem::Finder::new(MEMBER) }
    }

    /// The answer calls its model `told`. The first name counts; an empty one is none.
    pub fn learn(&mut self, told: &str) {
        if self.told.is_none() && !told.is_empty() {
            self.told = Some(quoted(told));
        }
    }

    /// `json` with the one name in the place of the other: any number of whole documents, whatever stands between them.
    #[must_use]
    pub fn show(&self, json: Bytes) -> Bytes {
        let Some(told) = self.told.as_ref().filter(|told| **told != self.asked) else { return json };
        let mut shown = Vec::new();
        let mut copied = 0;
        for at in self.member.find_iter(&json) {
            let Some(value) = value_after(&json, at + MEMBER.len()) else { continue };
            if !json.get(value..).is_some_and(|rest| rest.starts_with(told)) {
                continue;
            }
            shown.reserve(json.len() - copied + self.asked.len());
            shown.extend_from_slice(json.get(copied..value).unwrap_or_default());
            shown.extend_from_slice(&self.asked);
            copied = value + told.len();
        }
        if copied == 0 {
            return json;
        }
        shown.extend_from_slice(json.get(copied..).unwrap_or_default());
        shown.into()
    }
}

/// Where the value begins of the member whose name ends at `at`; none where no colon follows.
fn value_after(json: &[u8], at: usize) -> Option<usize> {
    let skip = |from: usize| {
        let rest = json.get(from..)?;
        rest.iter().position(|byte| !byte.is_ascii_whitespace()).map(|blanks| from + blanks)
    };
    let colon = skip(at)?;
    if json.get(colon) == Some(&b':') { skip(colon + 1) } else { None }
}

/// `name` as JSON writes it; hosts escape no more of a name than must be.
fn quoted(name: &str) -> Box<[u8]> {
    serde_json::to_vec(name).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(told: &str, json: &'static str) -> String {
        let mut model = ShownModel::new("fast");
        model.learn(told);
        model.learn("another");
        String::from_utf8(model.show(Bytes::from_static(json.as_bytes())).into()).unwrap()
    }

    #[test]
    fn the_asked_name_takes_the_place_of_the_told() {
        for (json, expected) in [
            (r#"{"id":"1","model":"gpt-4o-2024","choices":[]}"#, r#"{"id":"1","model":"fast","choices":[]}"#),
            ("{\"model\" :\n \"gpt-4o-2024\"}", "{\"model\" :\n \"fast\"}"),
            (
                "data: {\"model\":\"gpt-4o-2024\"}\n\ndata: {\"model\":\"gpt-4o-2024\",\"x\":1}\n\ndata: [DONE]\n\n",
                "data: {\"model\":\"fast\"}\n\ndata: {\"model\":\"fast\",\"x\":1}\n\ndata: [DONE]\n\n",
            ),
        ] {
            assert_eq!(shown("gpt-4o-2024", json), expected);
        }
    }

    #[test]
    fn texts_and_other_names_stay() {
        for json in [
            r#"{"content":"\"model\":\"gpt-4o-2024\""}"#,
            r#"{"model":"gpt-4o-2024-mini"}"#,
            r#"{"kind":"model","x":"gpt-4o-2024"}"#,
            r#"{"x":"model"}"#,
            r#"["model"]"#,
        ] {
            assert_eq!(shown("gpt-4o-2024", json), json);
        }
    }

    #[test]
    fn nothing_is_copied_where_the_names_are_the_same_or_none_was_told() {
        let json = Bytes::from_static(br#"{"model":"fast"}"#);
        for told in ["fast", ""] {
            let mut model = ShownModel::new("fast");
            model.learn(told);
            assert_eq!(model.show(json.clone()).as_ptr(), json.as_ptr());
        }
    }
}
