//! Which Claude a model is, by its name: `claude-opus-4-7`, `claude-3-5-sonnet-20241022`, `us.anthropic.claude-haiku-4-5-20251001-v1:0`,
//! `claude-sonnet-4-5@20250929`, `databricks-claude-opus-4-1`, `claude-4-sonnet`.

/// The lines of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Haiku,
    Sonnet,
    Opus,
    /// Fable and Mythos, which always think.
    Fable,
    /// Claude 2 and older, whose names had no line.
    Plain,
}

/// A line and a version, such as Opus 4.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claude {
    pub(super) family: Family,
    /// The version: `(4, 7)`.
    pub(super) version: (u32, u32),
}

impl Claude {
    /// The Claude of that name; none if it names no Claude, or no version of one.
    pub(super) fn of(model: &str) -> Option<Self> {
        let model = model.to_ascii_lowercase();
        let (_, name) = model.split_once("claude")?;
        let words: Vec<&str> =
            name.split(|symbol: char| !symbol.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let family = words.iter().find_map(|word| match *word {
            "haiku" => Some(Family::Haiku),
            "sonnet" => Some(Family::Sonnet),
            "opus" => Some(Family::Opus),
            "fable" | "mythos" => Some(Family::Fable),
            _ => None,
        });
        // A version is one or two numbers side by side; longer ones are dates.
        let number = |word: &str| word.parse::<u32>().ok().filter(|_| word.len() <= 2);
        let oldest = words.first().filter(|_| family.is_none()).and_then(|word| word.strip_prefix('v'));
        let words = oldest.into_iter().chain(words.iter().copied().skip(usize::from(oldest.is_some())));
        let mut numbers = words.map(number).skip_while(Option::is_none).map_while(|number| number);
        let version = match (numbers.next(), family) {
            (Some(major), _) => (major, numbers.next().unwrap_or(0)),
            // `claude-mythos-preview`
            (None, Some(Family::Fable)) => (5, 0),
            (None, _) => return None,
        };
        Some(Self { family: family.unwrap_or(Family::Plain), version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_name_is_understood() {
        for (name, family, version) in [
            ("claude-opus-4-7", Family::Opus, (4, 7)),
            ("claude-sonnet-5", Family::Sonnet, (5, 0)),
            ("claude-opus-5-5", Family::Opus, (5, 5)),
            ("claude-3-5-sonnet-20241022", Family::Sonnet, (3, 5)),
            ("claude-3-7-sonnet-latest", Family::Sonnet, (3, 7)),
            ("claude-opus-4-20250514", Family::Opus, (4, 0)),
            ("us.anthropic.claude-haiku-4-5-20251001-v1:0", Family::Haiku, (4, 5)),
            ("anthropic.claude-opus-4-6-v1", Family::Opus, (4, 6)),
            ("anthropic.claude-3-haiku-20240307-v1:0", Family::Haiku, (3, 0)),
            ("publishers/anthropic/models/claude-sonnet-4-5@20250929", Family::Sonnet, (4, 5)),
            ("databricks-claude-opus-4-1", Family::Opus, (4, 1)),
            ("claude-4-sonnet", Family::Sonnet, (4, 0)),
            ("anthropic/claude-sonnet-4.6", Family::Sonnet, (4, 6)),
            ("claude-2.1", Family::Plain, (2, 1)),
            ("anthropic.claude-v2:1", Family::Plain, (2, 1)),
            ("claude-mythos-preview", Family::Fable, (5, 0)),
            ("claude-fable-5-2", Family::Fable, (5, 2)),
        ] {
            assert_eq!(Claude::of(name), Some(Claude { family, version }), "{name}");
        }
        for name in ["gpt-5", "claude", "claude-opus-latest", "production"] {
            assert_eq!(Claude::of(name), None, "{name}");
        }
    }
}
