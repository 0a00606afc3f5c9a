//! Names of tools that Bedrock takes.

use crate::chat::{ChatRequest, Message};

/// The longest name.
const LONGEST: usize = 64;

/// How tools are called on the way to Bedrock, which takes up to 64 letters, digits, `_` and `-`. Others get a name of that kind for the
/// length of the exchange, and their own back in the answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolNames {
    /// What is sent, and what the caller wrote: only where the two differ.
    renamed: Vec<(String, String)>,
}

impl ToolNames {
    /// The names in `request`: declared, called and chosen.
    #[must_use]
    pub fn of(request: &ChatRequest) -> Self {
        let declared = || request.tools.iter().map(|tool| tool.name.as_str());
        let called = request.messages.iter().filter_map(|message| match message {
            Message::Assistant(message) => Some(&message.tool_calls),
            _ => None,
        });
        let called = called.flatten().map(|call| call.name.as_str());
        let mut names = Self::default();
        for name in declared().chain(called).filter(|name| !is_legal(name)) {
            if names.renamed.iter().any(|(_, original)| original == name) {
                continue;
            }
            let is_taken = |new: &str| declared().any(|other| other == new) || names.renamed.iter().any(|(sent, _)| sent == new);
            let sent = legal(name, is_taken);
            names.renamed.push((sent, name.to_owned()));
        }
        names
    }

    /// What is sent for the caller's `name`.
    #[must_use]
    pub fn sent<'a>(&'a self, name: &'a str) -> &'a str {
        self.renamed.iter().find(|(_, original)| original == name).map_or(name, |(sent, _)| sent)
    }

    /// What the caller calls `name`.
    #[must_use]
    pub fn original<'a>(&'a self, name: &'a str) -> &'a str {
        self.renamed.iter().find(|(sent, _)| sent == name).map_or(name, |(_, original)| original)
    }
}

fn is_legal(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len()) && name.chars().all(is_legal_char)
}

const fn is_legal_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '_' | '-')
}

/// A legal name much like `name` that is not taken.
fn legal(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let like: String = name.chars().map(|char| if is_legal_char(char) { char } else { '_' }).take(LONGEST).collect();
    let like = if like.is_empty() { "_".to_owned() } else { like };
    if !is_taken(&like) {
        return like;
    }
    let numbered = (2_u32..).map(|number| {
        let suffix = format!("_{number}");
        let stem = like.get(..like.len().min(LONGEST - suffix.len())).unwrap_or_default();
        format!("{stem}{suffix}")
    });
    numbered.into_iter().find(|name| !is_taken(name)).unwrap_or(like)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Tool;

    fn names(names: &[&str]) -> ToolNames {
        let tool = |name: &&str| Tool { name: (*name).to_owned(), description: None, parameters: None, strict: None };
        ToolNames::of(&ChatRequest { tools: names.iter().map(tool).collect(), ..ChatRequest::default() })
    }

    #[test]
    fn legal_names_stay() {
        assert_eq!(names(&["get_weather", "a-B_9"]), ToolNames::default());
    }

    #[test]
    fn others_are_renamed_and_come_back() {
        let long = "x".repeat(80);
        let names = names(&["math.add", "math_add", "math/add", &long, "größe", ""]);
        for (original, sent) in [
            ("math_add", "math_add"),
            ("math.add", "math_add_2"),
            ("math/add", "math_add_3"),
            (long.as_str(), &long[..64]),
            ("größe", "gr__e"),
            ("", "_"),
        ] {
            assert_eq!(names.sent(original), sent);
            assert_eq!(names.original(sent), original);
        }
        assert_eq!(names.original("never-sent"), "never-sent");
    }
}
