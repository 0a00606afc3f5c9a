//! The dialects, each by one backend that speaks it.

use http::{HeaderValue, Uri, header::CONTENT_TYPE};
use tradewind_protocol::{Capabilities, anthropic::Version};
use tradewind_providers::{Adapter, Authentication, anthropic, azure, bedrock, cohere, gemini, openai, watsonx};

/// A dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI, whose clients' bytes pass through.
    OpenAi,
    /// Azure OpenAI, which is the same behind another address.
    Azure,
    /// Mistral, where fields have other names.
    Mistral,
    /// watsonx.ai, which has an envelope around OpenAI's request.
    Watsonx,
    /// Anthropic's Messages.
    Anthropic,
    /// Bedrock's Converse.
    Bedrock,
    /// The Gemini API.
    Gemini,
    /// Cohere's API.
    Cohere,
}

/// A backend.
#[derive(Debug)]
pub struct Target {
    /// What is known of its provider.
    pub adapter: Box<dyn Adapter>,
    /// What it calls the model: not what the client does.
    pub model: &'static str,
    /// What the model can do.
    pub capabilities: Capabilities,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 8] =
        [Self::OpenAi, Self::Azure, Self::Mistral, Self::Watsonx, Self::Anthropic, Self::Bedrock, Self::Gemini, Self::Cohere];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Azure => "azure",
            Self::Mistral => "mistral",
            Self::Watsonx => "watsonx",
            Self::Anthropic => "anthropic",
            Self::Bedrock => "bedrock",
            Self::Gemini => "gemini",
            Self::Cohere => "cohere",
        }
    }

    const fn model(self) -> &'static str {
        match self {
            Self::OpenAi | Self::Azure => "gpt-4o-2024-08-06",
            Self::Mistral => "mistral-large-latest",
            Self::Watsonx => "ibm/granite-3-3-8b-instruct",
            Self::Anthropic => "claude-sonnet-4-20250514",
            Self::Bedrock => "us.anthropic.claude-sonnet-4-20250514-v1:0",
            Self::Gemini => "gemini-2.5-flash",
            Self::Cohere => "command-a-03-2025",
        }
    }

    /// The backend; none if its address is wrong.
    #[must_use]
    pub fn target(self) -> Option<Target> {
        let uri = |text: &'static str| Uri::from_static(text);
        let adapter: Box<dyn Adapter> = match self {
            Self::OpenAi => open_ai(openai::Host::OpenAi, "https://api.openai.com/v1")?,
            Self::Mistral => open_ai(openai::Host::Mistral, "https://api.mistral.ai/v1")?,
            Self::Azure => Box::new(azure::Azure::new("https://r.openai.azure.com", azure::Surface::V1).ok()?),
            Self::Watsonx => {
                let scope = watsonx::Scope::Project("b3c9e4f0-5f0c-4a66-9d0e-6f5d6f0f2a11".to_owned());
                Box::new(watsonx::Watsonx::new("https://us-south.ml.cloud.ibm.com", "2025-02-11", scope).ok()?)
            }
            Self::Anthropic => {
                let base = uri("https://api.anthropic.com");
                Box::new(anthropic::Anthropic::new(&base, anthropic::Host::Anthropic, Version::default(), &[]).ok()?)
            }
            Self::Bedrock => Box::new(bedrock::Bedrock::new("us-east-1", None, None, bedrock::Chat::Converse, None).ok()?),
            Self::Gemini => Box::new(gemini::Gemini::new(&uri("https://generativelanguage.googleapis.com/v1beta"))),
            Self::Cohere => Box::new(cohere::Cohere::new(&uri("https://api.cohere.com")).ok()?),
        };
        let capabilities = adapter.capabilities(self.model());
        Some(Target { adapter, model: self.model(), capabilities })
    }

    /// The head of a streamed answer.
    pub(crate) fn stream_headers(self) -> http::HeaderMap {
        let kind = if self == Self::Bedrock { "application/vnd.amazon.eventstream" } else { "text/event-stream" };
        std::iter::once((CONTENT_TYPE, HeaderValue::from_static(kind))).collect()
    }
}

fn open_ai(host: openai::Host, base: &str) -> Option<Box<dyn Adapter>> {
    Some(Box::new(openai::OpenAi::new(host, base, Authentication::Bearer).ok()?))
}
