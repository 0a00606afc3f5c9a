//! What each of Cohere's models can do, as its model page says.

use tradewind_protocol::{Capabilities, Reasoning, Support};

/// What the model of that name can do; one that is not known is taken to do everything but think.
#[must_use]
pub fn capabilities(model: &str) -> Capabilities {
    let unthinking = Capabilities { reasoning: Reasoning::None, prefill: Support::No, ..Capabilities::UNKNOWN };
    let is_thinking = model.contains("reasoning");
    let has_vision = model.contains("vision");
    let (context, max_output) = match model {
        _ if is_thinking => (256_000, 32_000),
        _ if has_vision => (128_000, 8000),
        _ if model.starts_with("command-a") => (256_000, 8000),
        _ if model.starts_with("command-r") => (128_000, 4000),
        _ => return Capabilities { dimensions: dimensions(model), ..unthinking },
    };
    Capabilities {
        context: Some(context),
        max_output: Some(max_output),
        // Command A Vision sees, and does not call tools.
        tools: if has_vision { Support::No } else { Support::Yes },
        vision: if has_vision { Support::Yes } else { Support::No },
        reasoning: if is_thinking { Reasoning::Budget } else { Reasoning::None },
        ..unthinking
    }
}

fn dimensions(model: &str) -> Option<u64> {
    match model {
        _ if !model.starts_with("embed-") => None,
        _ if model.starts_with("embed-v4") => Some(1536),
        _ if model.contains("light") => Some(384),
        _ => Some(1024),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_models_has_its_gift() {
        assert_eq!(capabilities("command-a-reasoning-08-2025").reasoning, Reasoning::Budget);
        assert_eq!(capabilities("command-a-vision-07-2025").vision, Support::Yes);
        let command = capabilities("command-a-03-2025");
        assert_eq!((command.vision, command.tools, command.reasoning), (Support::No, Support::Yes, Reasoning::None));
        assert_eq!(capabilities("my-fine-tune").vision, Support::Yes);
    }

    #[test]
    fn embedding_models_have_a_length() {
        let lengths = ["embed-v4.0", "embed-english-v3.0", "embed-multilingual-light-v3.0", "command-a-03-2025"];
        assert_eq!(lengths.map(|model| capabilities(model).dimensions), [Some(1536), Some(1024), Some(384), None]);
    }
}
