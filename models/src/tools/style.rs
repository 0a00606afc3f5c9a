//! How a model spells its calls.

/// How a model spells its calls, by what its template taught it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `<tool_call>{"name": …, "arguments": …}</tool_call>`, one after the other: Hermes, Qwen and many others.
    Hermes,
    /// `{"name": …, "parameters": …}` and nothing else: Llama 3.
    Llama,
    /// `[TOOL_CALLS][{"name": …, "arguments": …}, …]`: Mistral.
    Mistral,
}

impl Style {
    /// The one that a template teaches; none if it knows of no functions, or of none of these ways to call them.
    pub(crate) fn of(template: &str) -> Option<Self> {
        let signs = [("<tool_call>", Self::Hermes), ("[TOOL_CALLS]", Self::Mistral), ("\"parameters\": ", Self::Llama)];
        let style = signs.into_iter().find(|(sign, _)| template.contains(sign));
        style.filter(|_| template.contains("tools")).map(|(_, style)| style)
    }

    /// What calls begin with; none where an answer that begins with a brace is one.
    pub(crate) const fn marker(self) -> Option<&'static str> {
        match self {
            Self::Hermes => Some("<tool_call>"),
            Self::Llama => None,
            Self::Mistral => Some("[TOOL_CALLS]"),
        }
    }

    /// The key of a call's arguments.
    pub(crate) const fn arguments(self) -> &'static str {
        match self {
            Self::Hermes | Self::Mistral => "arguments",
            Self::Llama => "parameters",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_known_by_how_it_spells_calls() {
        for (template, style) in [
            ("{% if tools %}write <tool_call>{\"name\": …}</tool_call>{% endif %}", Some(Style::Hermes)),
            ("{% if tools %}[AVAILABLE_TOOLS]{% endif %}[TOOL_CALLS]", Some(Style::Mistral)),
            ("{% if tools %}{\"name\": a name, \"parameters\": an object}{% endif %}", Some(Style::Llama)),
            ("{% for m in messages %}{{ m.content }}{% endfor %}", None),
        ] {
            assert_eq!(Style::of(template), style, "{template}");
        }
    }
}
