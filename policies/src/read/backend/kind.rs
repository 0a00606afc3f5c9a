//! The providers by their words in a policy: what each speaks, where it is known to be, and how it can be authorised.

use super::address::Address;
use super::field::{HOST, HOST_LABEL};
use super::way::{self, Shown};
use crate::residency::Cloud;
use crate::spec::{AnthropicHost, OpenAiHost, Pages};

/// One provider.
pub(super) struct Kind {
    /// Its word, as in `provider = "WORD"`.
    pub(super) word: &'static str,
    /// What it speaks.
    pub(super) speaks: Speaks,
    /// What it can be shown.
    pub(super) shown: Shown,
}

/// What a provider speaks, and what is needed to find it.
#[derive(Clone, Copy)]
pub(super) enum Speaks {
    OpenAi(OpenAiHost, Address),
    BedrockOpenAi,
    SageMakerOpenAi,
    VertexOpenAi,
    /// The surface with deployments or `/openai/v1`.
    AzureOpenAi(Address),
    /// The model inference API.
    AzureInference(Address),
    Anthropic(AnthropicHost, Address),
    Bedrock,
    SageMaker,
    Vertex,
    Gemini(Address),
    Watsonx(Address),
    Cohere(Address),
    Local,
}

impl Speaks {
    /// The cloud whose regions say where it runs, if it is one.
    pub(super) fn cloud(self) -> Option<Cloud> {
        match self {
            Self::Bedrock | Self::BedrockOpenAi => Some(Cloud::Bedrock),
            Self::SageMaker | Self::SageMakerOpenAi => Some(Cloud::SageMaker),
            Self::AzureOpenAi(_) | Self::AzureInference(_) | Self::Anthropic(AnthropicHost::Foundry, _) => Some(Cloud::Azure),
            Self::Vertex | Self::VertexOpenAi => Some(Cloud::Vertex),
            Self::Watsonx(_) => Some(Cloud::Ibm),
            Self::OpenAi(..) | Self::Anthropic(..) | Self::Gemini(_) | Self::Cohere(_) | Self::Local => None,
        }
    }

    /// The pages that tell how the server is; `None` if it is none of the operator's own.
    pub(super) fn pages(self) -> Option<Pages> {
        match self {
            Self::OpenAi(host, _) => host.pages(),
            _ => None,
        }
    }
}

/// The address of an Azure resource, with what follows its name.
const fn resource(after: &'static str) -> Address {
    Address::Named { key: "resource", word: &HOST_LABEL, before: "https://", after }
}

/// The address of a Databricks workspace, with what follows its host name.
const fn workspace(after: &'static str) -> Address {
    Address::Named { key: "workspace", word: &HOST, before: "https://", after }
}

/// The address of a Snowflake account, with what follows its name.
const fn account(after: &'static str) -> Address {
    Address::Named { key: "account", word: &HOST, before: "https://", after }
}

/// A cloud with OpenAI's API.
const fn hosted(word: &'static str, host: OpenAiHost, url: &'static str) -> Kind {
    Kind { word, speaks: Speaks::OpenAi(host, Address::Known(url)), shown: way::BEARER }
}

/// A server with OpenAI's API that the operator runs.
const fn served(word: &'static str, host: OpenAiHost) -> Kind {
    Kind { word, speaks: Speaks::OpenAi(host, Address::Stated), shown: way::BEARER }
}

const fn anthropic(word: &'static str, host: AnthropicHost, address: Address, shown: Shown) -> Kind {
    Kind { word, speaks: Speaks::Anthropic(host, address), shown }
}

const fn kind(word: &'static str, speaks: Speaks, shown: Shown) -> Kind {
    Kind { word, speaks, shown }
}

/// Every provider. A word of two parts is a host and the dialect of another that it serves.
pub(super) const PROVIDERS: &[Kind] = &[
    hosted("openai", OpenAiHost::OpenAi, "https://api.openai.com/v1"),
    hosted("mistral", OpenAiHost::Mistral, "https://api.mistral.ai/v1"),
    hosted("groq", OpenAiHost::Groq, "https://api.groq.com/openai/v1"),
    hosted("deepseek", OpenAiHost::DeepSeek, "https://api.deepseek.com/v1"),
    hosted("xai", OpenAiHost::XAi, "https://api.x.ai/v1"),
    hosted("together", OpenAiHost::Together, "https://api.together.xyz/v1"),
    hosted("fireworks", OpenAiHost::Fireworks, "https://api.fireworks.ai/inference/v1"),
    hosted("openrouter", OpenAiHost::OpenRouter, "https://openrouter.ai/api/v1"),
    hosted("huggingface", OpenAiHost::HuggingFace, "https://router.huggingface.co/v1"),
    // The only server with a default: it is a program on the operator's own machine, at a port that never varies.
    hosted("ollama", OpenAiHost::Ollama, "http://127.0.0.1:11434/v1"),
    served("vllm", OpenAiHost::Vllm),
    served("sglang", OpenAiHost::SgLang),
    served("tgi", OpenAiHost::Tgi),
    served("tei", OpenAiHost::Tei),
    served("nim", OpenAiHost::Nim),
    served("ray-serve", OpenAiHost::RayServe),
    kind("databricks", Speaks::OpenAi(OpenAiHost::Databricks, workspace("/serving-endpoints")), way::DATABRICKS),
    anthropic("databricks-anthropic", AnthropicHost::Databricks, workspace(""), way::DATABRICKS),
    kind("snowflake", Speaks::OpenAi(OpenAiHost::Snowflake, account(".snowflakecomputing.com/api/v2/cortex/v1")), way::SNOWFLAKE),
    anthropic("snowflake-anthropic", AnthropicHost::Snowflake, account(".snowflakecomputing.com"), way::SNOWFLAKE),
    kind("azure-openai", Speaks::AzureOpenAi(resource(".openai.azure.com")), way::AZURE),
    kind("azure-inference", Speaks::AzureInference(resource(".services.ai.azure.com/models")), way::AZURE),
    anthropic("foundry-anthropic", AnthropicHost::Foundry, resource(".services.ai.azure.com"), way::AZURE),
    anthropic("anthropic", AnthropicHost::Anthropic, Address::Known("https://api.anthropic.com"), way::KEY),
    kind("bedrock", Speaks::Bedrock, way::AWS),
    kind("bedrock-openai", Speaks::BedrockOpenAi, way::AWS),
    kind("sagemaker", Speaks::SageMaker, way::AWS),
    kind("sagemaker-openai", Speaks::SageMakerOpenAi, way::AWS),
    kind("vertex", Speaks::Vertex, way::VERTEX),
    kind("vertex-openai", Speaks::VertexOpenAi, way::VERTEX),
    kind("gemini", Speaks::Gemini(Address::Known("https://generativelanguage.googleapis.com/v1beta")), way::GEMINI),
    kind(
        "watsonx",
        Speaks::Watsonx(Address::Named { key: "region", word: &HOST_LABEL, before: "https://", after: ".ml.cloud.ibm.com" }),
        way::IBM,
    ),
    kind("cohere", Speaks::Cohere(Address::Known("https://api.cohere.com")), way::KEY),
    kind("local", Speaks::Local, way::NOTHING),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::BaseUrl;

    #[test]
    fn every_word_is_of_one_provider_and_every_known_address_is_one() {
        for (place, kind) in PROVIDERS.iter().enumerate() {
            assert!(PROVIDERS.iter().skip(place + 1).all(|other| other.word != kind.word), "{}", kind.word);
            if let Speaks::OpenAi(_, Address::Known(url)) | Speaks::Anthropic(_, Address::Known(url)) = kind.speaks {
                assert!(url.parse::<BaseUrl>().is_ok(), "{url}");
            }
        }
    }

    #[test]
    fn every_provider_is_in_the_example_and_in_the_table_for_operators() {
        let (example, table) = (include_str!("../../../examples/clouds.toml"), include_str!("../../../README.md"));
        for Kind { word, .. } in PROVIDERS {
            assert!(example.contains(&format!("provider = \"{word}\"")), "{word}");
            assert!(table.contains(&format!("`{word}`")), "{word}");
        }
    }
}
