//! Reads what an operator says a model can do.

use super::super::cursor::{Table, Value};
use crate::fault::Report;
use crate::spec::CapabilityOverrides;
use tradewind_protocol::{MaxTokensField, Reasoning, Support};

pub(super) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<CapabilityOverrides> {
    let mut table = value.table(report)?;
    let context = count("context", &mut table, report);
    let max_output = count("max_output", &mut table, report);
    let tools = support("tools", &mut table, report);
    let forced_tools = support("forced_tools", &mut table, report);
    let vision = support("vision", &mut table, report);
    let json_schema = support("json_schema", &mut table, report);
    let sampling = support("sampling", &mut table, report);
    let prefill = support("prefill", &mut table, report);
    let ways = [("effort", Reasoning::Effort), ("budget", Reasoning::Budget), ("none", Reasoning::None)];
    let reasoning = table.optional("reasoning", report, |value, report| value.choice(&ways, report));
    let names = [("max_tokens", MaxTokensField::MaxTokens), ("max_completion_tokens", MaxTokensField::MaxCompletionTokens)];
    let max_tokens_field = table.optional("max_tokens", report, |value, report| value.choice(&names, report));
    let logprobs = support("logprobs", &mut table, report);
    let dimensions = count("dimensions", &mut table, report);
    table.finish(report);
    Some(CapabilityOverrides {
        context: context?,
        max_output: max_output?,
        tools: tools?,
        forced_tools: forced_tools?,
        vision: vision?,
        json_schema: json_schema?,
        sampling: sampling?,
        prefill: prefill?,
        reasoning: reasoning?,
        max_tokens_field: max_tokens_field?,
        dimensions: dimensions?,
        logprobs: logprobs?,
    })
}

/// A number of tokens or of dimensions.
fn count(name: &'static str, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Option<u64>> {
    table.optional(name, report, |value, report| {
        let positive = |count: i64| u64::try_from(count).ok().filter(|count| *count > 0);
        value.integer("1 or more", positive, report).map(|count| count.value)
    })
}

fn support(name: &'static str, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Option<Support>> {
    table.optional(name, report, |value, report| Some(if value.boolean(report)? { Support::Yes } else { Support::No }))
}
