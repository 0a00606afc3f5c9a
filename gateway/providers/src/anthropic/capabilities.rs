//! What each Claude can do, as Anthropic's model pages and migration guides say.

use tradewind_protocol::{Capabilities, Reasoning, Support};

use super::version::{Claude, Family};

/// What the model of that name can do; a name that tells no version is taken to do everything.
#[must_use]
pub fn capabilities(model: &str) -> Capabilities {
    let Some(claude) = Claude::of(model) else {
        return Capabilities::UNKNOWN;
    };
    let version = claude.version;
    Capabilities {
        context: context(claude),
        max_output: Some(max_output(claude)),
        tools: from(version, (3, 0)),
        forced_tools: forced_tools(claude),
        vision: from(version, (3, 0)),
        json_schema: from(version, if claude.family == Family::Opus { (4, 1) } else { (4, 5) }),
        sampling: before(version, if claude.family == Family::Opus { (4, 7) } else { (5, 0) }),
        prefill: before(version, (4, 6)),
        reasoning: match version {
            (..=2, _) | (3, ..=6) => Reasoning::None,
            (3, _) | (4, ..=5) => Reasoning::Budget,
            _ => Reasoning::Effort,
        },
        ..Capabilities::UNKNOWN
    }
}

/// Models that always think cannot be made to call a tool: Fable from 5.1, Opus and Sonnet from 5.5.
fn forced_tools(claude: Claude) -> Support {
    match claude.family {
        Family::Fable => before(claude.version, (5, 1)),
        Family::Opus | Family::Sonnet => before(claude.version, (5, 5)),
        Family::Haiku | Family::Plain => Support::Yes,
    }
}

const fn context(claude: Claude) -> Option<u64> {
    match (claude.family, claude.version) {
        (_, (..=1, _) | (2, 0)) => Some(100_000),
        (Family::Opus | Family::Sonnet, (4, 6..) | (5.., _)) | (Family::Fable, _) => Some(1_000_000),
        (_, (..=4, _)) => Some(200_000),
        _ => None,
    }
}

const fn max_output(claude: Claude) -> u64 {
    match (claude.family, claude.version) {
        (_, (..=2, _) | (3, ..=4)) => 4096,
        (_, (3, ..=6)) => 8192,
        (Family::Opus, (4, ..=4)) => 32_000,
        (Family::Opus, (4, 6..)) | (_, (5.., _)) => 128_000,
        _ => 64_000,
    }
}

fn from(version: (u32, u32), first: (u32, u32)) -> Support {
    if version >= first { Support::Yes } else { Support::No }
}

fn before(version: (u32, u32), first: (u32, u32)) -> Support {
    if version < first { Support::Yes } else { Support::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_models_choose_for_themselves() {
        for model in ["claude-opus-4-7", "claude-sonnet-5", "anthropic.claude-opus-5-5-v1:0", "claude-haiku-5-5"] {
            let known = capabilities(model);
            assert_eq!((known.sampling, known.prefill), (Support::No, Support::No), "{model}");
            assert_eq!(known.reasoning, Reasoning::Effort, "{model}");
        }
        assert_eq!(capabilities("claude-opus-5").forced_tools, Support::Yes);
        assert_eq!(capabilities("claude-opus-5-5").forced_tools, Support::No);
    }

    #[test]
    fn those_between_take_sampling_and_no_prefill() {
        let known = capabilities("claude-sonnet-4-6");
        assert_eq!((known.sampling, known.prefill, known.reasoning), (Support::Yes, Support::No, Reasoning::Effort));
    }

    #[test]
    fn old_models_think_by_budget_or_not_at_all() {
        let known = capabilities("claude-sonnet-4-5@20250929");
        assert_eq!((known.reasoning, known.json_schema, known.max_output), (Reasoning::Budget, Support::Yes, Some(64_000)));
        let known = capabilities("claude-3-7-sonnet-20250219");
        assert_eq!((known.reasoning, known.json_schema, known.prefill), (Reasoning::Budget, Support::No, Support::Yes));
        let known = capabilities("claude-3-5-haiku-20241022");
        assert_eq!((known.reasoning, known.max_output), (Reasoning::None, Some(8192)));
        assert_eq!(capabilities("claude-2.1").tools, Support::No);
        assert_eq!(capabilities("my-fine-tune"), Capabilities::UNKNOWN);
    }
}
