//! Which of LiteLLM's entries are about which of our providers, and what these call the model.

/// The catalogue of an entry in a table of prices, and the model's name at the provider; none for whatever is served by nobody that policies can
/// name, or is priced for a region or a way of payment of its own.
pub(super) fn catalogued<'k>(provider: &str, key: &'k str) -> Option<(&'static str, &'k str)> {
    let behind = |prefix: &str| key.strip_prefix(prefix);
    let bare = |prefix: &str| Some(behind(prefix).unwrap_or(key));
    let (catalogue, name) = match provider {
        "openai" => ("openai", bare("openai/")),
        "anthropic" => ("anthropic", bare("anthropic/")),
        "azure" => ("azure-openai", behind("azure/").filter(|name| !name.contains('/'))),
        "azure_ai" => match behind("azure_ai/") {
            Some(name) if name.starts_with("claude") => ("foundry-anthropic", Some(name)),
            name => ("azure-inference", name),
        },
        // Those with a path are of one region.
        "bedrock" | "bedrock_converse" => ("bedrock", Some(key).filter(|name| !name.contains('/'))),
        "cohere" | "cohere_chat" => ("cohere", bare("cohere/")),
        "databricks" => ("databricks", behind("databricks/")),
        "deepseek" => ("deepseek", bare("deepseek/")),
        "fireworks_ai" | "fireworks_ai-embedding-models" => ("fireworks", behind("fireworks_ai/")),
        "gemini" => ("gemini", behind("gemini/")),
        "groq" => ("groq", behind("groq/")),
        "mistral" => ("mistral", behind("mistral/")),
        "openrouter" => ("openrouter", behind("openrouter/")),
        "snowflake" => ("snowflake", behind("snowflake/")),
        "together_ai" => ("together", behind("together_ai/")),
        "watsonx" => ("watsonx", behind("watsonx/")),
        "xai" => ("xai", behind("xai/")),
        vertex if vertex.starts_with("vertex_ai") => ("vertex", bare("vertex_ai/")),
        _ => return None,
    };
    // The price of a tuned model is under the name of the one it was tuned from, which nobody serves by that name.
    name.filter(|name| !name.is_empty() && !name.starts_with("ft:")).map(|name| (catalogue, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_named_as_its_provider_does() {
        for (provider, key, expected) in [
            ("openai", "gpt-4o", Some(("openai", "gpt-4o"))),
            ("openai", "ft:gpt-4o-2024-08-06", None),
            ("azure", "azure/gpt-4o", Some(("azure-openai", "gpt-4o"))),
            ("azure", "azure/eu/gpt-4o-2024-11-20", None),
            ("azure_ai", "azure_ai/claude-haiku-4-5", Some(("foundry-anthropic", "claude-haiku-4-5"))),
            ("bedrock_converse", "eu.amazon.nova-lite-v1:0", Some(("bedrock", "eu.amazon.nova-lite-v1:0"))),
            ("bedrock", "bedrock/us-east-1/1-month-commitment/cohere.command-text-v14", None),
            ("vertex_ai-anthropic_models", "vertex_ai/claude-3-haiku@20240307", Some(("vertex", "claude-3-haiku@20240307"))),
            ("vertex_ai-language-models", "gemini-2.5-pro", Some(("vertex", "gemini-2.5-pro"))),
            ("together_ai", "together-ai-up-to-4b", None),
            ("perplexity", "perplexity/sonar", None),
        ] {
            assert_eq!(catalogued(provider, key), expected, "{key}");
        }
    }
}
