//! The grammar of calls.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Count, Style, Tool};
use crate::constrain::{self, Grammar};

/// The schema of a function's arguments: an object, and one that has no members that the function does not name.
pub(super) fn arguments(tool: &Tool) -> Value {
    let mut schema = tool.parameters.clone().unwrap_or_else(|| json!({ "properties": {} }));
    if let Value::Object(schema) = &mut schema
        && !schema.contains_key("$ref")
    {
        schema.entry("type").or_insert_with(|| json!("object"));
        schema.entry("additionalProperties").or_insert_with(|| json!(false));
    }
    schema
}

/// Calls of these functions, from the marker of the first on.
pub(super) fn of<'t>(tools: impl Iterator<Item = &'t Tool>, style: Style, marker: Option<u32>, count: Count) -> Grammar {
    let several = |next: &str| if count == Count::Several { format!("({next})*") } else { String::new() };
    let marker = match (style.marker(), marker) {
        (_, Some(token)) => format!("<[{token}]>"),
        (Some(marker), None) => json!(marker).to_string(),
        (None, None) => String::new(),
    };
    let mut lark = match style {
        Style::Hermes => {
            format!("start: call {}\ncall: {marker} SPACE? function SPACE? \"</tool_call>\"\n", several("SPACE? call"))
        }
        Style::Llama => "start: function\n".to_owned(),
        Style::Mistral => format!("start: {marker} SPACE? \"[\" function {} \"]\"\n", several("\", \" function")),
    };
    if style != Style::Llama {
        lark.push_str("SPACE: /[ \\n]{1,2}/\n");
    }
    let mut names = Vec::new();
    for (place, tool) in tools.enumerate() {
        let call = constrain::call_schema(&tool.name, style.arguments(), &arguments(tool));
        names.push(format!("f{place}"));
        // Writing to a string cannot fail.
        let _written = writeln!(lark, "f{place}: %json {call}");
    }
    lark.push_str(&format!("function: {}\n", names.join(" | ")));
    Grammar::Calls(lark)
}
