//! From the policy's words for a provider to the adapter that knows it.

use std::sync::Arc;

use http::uri::InvalidUri;
use tradewind_policies::spec::{
    AnthropicHost, AnthropicVersion, Api, AzureSurface, BaseUrl, BedrockChat, OpenAiHost, Remote, SageMakerContainer, VertexChat,
    WatsonxScope,
};
use tradewind_protocol::{anthropic::Version, bedrock::Guardrail};
use tradewind_providers::{
    Adapter, Authentication, anthropic,
    azure::{self, Azure},
    bedrock::{self, Bedrock},
    cohere::Cohere,
    gemini::Gemini,
    openai::{self, OpenAi},
    sagemaker::{self, SageMaker},
    vertex::{self, Vertex},
    watsonx::{self, Watsonx},
};

/// Why no adapter can be made of a description.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A part of the address is none.
    #[error("no address for its operations: {0}")]
    Address(#[from] InvalidUri),
    /// A beta of Anthropic's is none.
    #[error(transparent)]
    Anthropic(#[from] anthropic::InvalidSettings),
    /// The project or location of Vertex AI is none.
    #[error(transparent)]
    Vertex(#[from] vertex::InvalidSettings),
}

/// The adapter of a backend.
///
/// # Errors
/// [`CatalogError`].
pub fn adapter(remote: &Remote) -> Result<Arc<dyn Adapter>, CatalogError> {
    let uri = |base_url: &Option<BaseUrl>| base_url.as_ref().map(|base_url| base_url.uri().clone());
    Ok(match &remote.api {
        Api::OpenAi { host, base_url } => {
            Arc::new(OpenAi::new(openai_host(*host), &base_url.to_string(), Authentication::Bearer)?)
        }
        Api::AzureOpenAi { base_url, surface } => Arc::new(Azure::new(&base_url.to_string(), azure_surface(surface))?),
        Api::Anthropic { host, base_url, version, betas } => {
            Arc::new(anthropic::Anthropic::new(base_url.uri(), anthropic_host(*host), anthropic_version(*version), betas)?)
        }
        Api::Bedrock { region, base_url, agent_url, chat, guardrail } => {
            let chat = match chat {
                BedrockChat::Converse => bedrock::Chat::Converse,
                BedrockChat::Anthropic => bedrock::Chat::Anthropic,
            };
            let guardrail = guardrail.clone().map(|(identifier, version)| Guardrail { identifier, version });
            Arc::new(Bedrock::new(region, uri(base_url).as_ref(), uri(agent_url).as_ref(), chat, guardrail)?)
        }
        Api::SageMaker { region, base_url, container } => {
            Arc::new(SageMaker::new(region, uri(base_url).as_ref(), sagemaker_container(*container))?)
        }
        Api::Vertex { project, location, base_url, chat } => {
            let style = chat.map(|chat| match chat {
                VertexChat::Gemini => vertex::ChatStyle::Gemini,
                VertexChat::Anthropic => vertex::ChatStyle::Anthropic,
            });
            Arc::new(Vertex::new(project, location, uri(base_url).as_ref(), style)?)
        }
        Api::Gemini { base_url } => Arc::new(Gemini::new(base_url.uri())),
        Api::Watsonx { base_url, version, scope } => {
            let scope = match scope {
                WatsonxScope::Project(id) => watsonx::Scope::Project(id.clone()),
                WatsonxScope::Space(id) => watsonx::Scope::Space(id.clone()),
                WatsonxScope::Deployment => watsonx::Scope::Deployment,
            };
            Arc::new(Watsonx::new(&base_url.to_string(), version, scope)?)
        }
        Api::Cohere { base_url } => Arc::new(Cohere::new(base_url.uri())?),
    })
}

const fn openai_host(host: OpenAiHost) -> openai::Host {
    match host {
        OpenAiHost::OpenAi => openai::Host::OpenAi,
        OpenAiHost::Mistral => openai::Host::Mistral,
        OpenAiHost::Groq => openai::Host::Groq,
        OpenAiHost::DeepSeek => openai::Host::DeepSeek,
        OpenAiHost::XAi => openai::Host::XAi,
        OpenAiHost::Together => openai::Host::Together,
        OpenAiHost::Fireworks => openai::Host::Fireworks,
        OpenAiHost::OpenRouter => openai::Host::OpenRouter,
        OpenAiHost::HuggingFace => openai::Host::HuggingFace,
        OpenAiHost::Vllm => openai::Host::Vllm,
        OpenAiHost::SgLang => openai::Host::SgLang,
        OpenAiHost::Ollama => openai::Host::Ollama,
        OpenAiHost::Tgi => openai::Host::Tgi,
        OpenAiHost::Tei => openai::Host::Tei,
        OpenAiHost::Nim => openai::Host::Nim,
        OpenAiHost::RayServe => openai::Host::RayServe,
        OpenAiHost::Databricks => openai::Host::Databricks,
        OpenAiHost::Snowflake => openai::Host::Snowflake,
        OpenAiHost::VertexOpenAi => openai::Host::VertexOpenAi,
        OpenAiHost::BedrockOpenAi => openai::Host::BedrockOpenAi,
        OpenAiHost::SageMakerOpenAi => openai::Host::SageMakerOpenAi,
    }
}

fn azure_surface(surface: &AzureSurface) -> azure::Surface {
    match surface {
        AzureSurface::V1 => azure::Surface::V1,
        AzureSurface::Dated(version) => azure::Surface::Dated(version.clone()),
        AzureSurface::ModelInference(version) => azure::Surface::ModelInference(version.clone()),
    }
}

const fn anthropic_host(host: AnthropicHost) -> anthropic::Host {
    match host {
        AnthropicHost::Anthropic => anthropic::Host::Anthropic,
        AnthropicHost::Foundry => anthropic::Host::Foundry,
        AnthropicHost::Databricks => anthropic::Host::Databricks,
        AnthropicHost::Snowflake => anthropic::Host::Snowflake,
    }
}

const fn anthropic_version(version: AnthropicVersion) -> Version {
    match version {
        AnthropicVersion::V2023_06_01 => Version::V2023_06_01,
        AnthropicVersion::V2026_10_21 => Version::V2026_10_21,
    }
}

const fn sagemaker_container(container: SageMakerContainer) -> sagemaker::Container {
    match container {
        SageMakerContainer::OpenAi => sagemaker::Container::OpenAi,
        SageMakerContainer::Tgi => sagemaker::Container::Tgi,
        SageMakerContainer::Lmi => sagemaker::Container::Lmi,
        SageMakerContainer::Tei => sagemaker::Container::Tei,
    }
}
