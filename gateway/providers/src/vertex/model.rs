//! What a model's name says: whose it is, where it lives, what it speaks.

use crate::aws::path_segment;

/// What chat is spoken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatStyle {
    /// `generateContent`.
    Gemini,
    /// `rawPredict` in Anthropic's dialect.
    Anthropic,
}

/// A model, by its name: `gemini-2.5-pro`, `claude-opus-5@20260101`, `publishers/anthropic/models/claude-opus-5`, `endpoints/123` (one that
/// was tuned or deployed).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model<'a> {
    /// One that a publisher offers; without a publisher, Google or Anthropic by its dialect.
    Published { publisher: Option<&'a str>, name: &'a str },
    /// One that the project deployed.
    Endpoint(&'a str),
}

impl<'a> Model<'a> {
    pub(super) fn of(name: &'a str) -> Self {
        if let Some(id) = name.strip_prefix("endpoints/") {
            return Self::Endpoint(id);
        }
        let published = name.strip_prefix("publishers/").and_then(|rest| rest.split_once("/models/"));
        match published {
            Some((publisher, name)) => Self::Published { publisher: Some(publisher), name },
            None => Self::Published { publisher: None, name },
        }
    }

    /// What it speaks, if nobody says otherwise.
    pub(super) fn style(self) -> ChatStyle {
        match self {
            Self::Published { publisher: Some("anthropic"), .. } => ChatStyle::Anthropic,
            Self::Published { publisher: None, name } if name.starts_with("claude") => ChatStyle::Anthropic,
            Self::Published { .. } | Self::Endpoint(_) => ChatStyle::Gemini,
        }
    }

    /// Its place below project and location.
    pub(super) fn resource(self, style: ChatStyle) -> String {
        match self {
            Self::Endpoint(id) => format!("endpoints/{}", path_segment(id)),
            Self::Published { publisher, name } => {
                let publisher = publisher.unwrap_or(match style {
                    ChatStyle::Gemini => "google",
                    ChatStyle::Anthropic => "anthropic",
                });
                // The sign before a model's date needs no escape in a path, and Google's own clients write it plain.
                let name = path_segment(name).replace("%40", "@");
                format!("publishers/{}/models/{name}", path_segment(publisher))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_place_and_dialect() {
        for (name, style, resource) in [
            ("gemini-2.5-pro", ChatStyle::Gemini, "publishers/google/models/gemini-2.5-pro"),
            ("claude-opus-5@20260101", ChatStyle::Anthropic, "publishers/anthropic/models/claude-opus-5@20260101"),
            ("publishers/anthropic/models/claude-x", ChatStyle::Anthropic, "publishers/anthropic/models/claude-x"),
            ("publishers/google/models/gemini-x", ChatStyle::Gemini, "publishers/google/models/gemini-x"),
            ("endpoints/123", ChatStyle::Gemini, "endpoints/123"),
            ("../../x", ChatStyle::Gemini, "publishers/google/models/..%2F..%2Fx"),
            ("publishers/../models/x", ChatStyle::Gemini, "publishers/%2E%2E/models/x"),
        ] {
            let model = Model::of(name);
            assert_eq!(model.style(), style, "{name}");
            assert_eq!(model.resource(style), resource, "{name}");
        }
    }
}
