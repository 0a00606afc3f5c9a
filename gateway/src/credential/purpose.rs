//! What a credential is for, where the policy leaves that to the API that a backend speaks.

use tradewind_policies::spec::{AnthropicHost, Api, OpenAiHost};

/// The scope of tokens for Azure OpenAI and the other Azure AI services.
const COGNITIVE_SERVICES: &str = "https://cognitiveservices.azure.com/.default";
/// The scope of tokens for Foundry projects.
const FOUNDRY: &str = "https://ai.azure.com/.default";

/// The scope that a token of Entra needs for this API, if it is one of Azure's.
pub(super) fn entra_scope(api: &Api) -> Option<&'static str> {
    match api {
        Api::AzureOpenAi { .. } => Some(COGNITIVE_SERVICES),
        Api::Anthropic { host: AnthropicHost::Foundry, .. } => Some(FOUNDRY),
        _ => None,
    }
}

/// Whether the API is Snowflake's, which wants to be told what kind of token it gets.
pub(super) fn is_snowflake(api: &Api) -> bool {
    matches!(api, Api::OpenAi { host: OpenAiHost::Snowflake, .. } | Api::Anthropic { host: AnthropicHost::Snowflake, .. })
}
