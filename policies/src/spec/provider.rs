//! Which API a backend speaks, where, and with what.

use std::path::PathBuf;

use http::HeaderMap;

use super::{BaseUrl, Credential};

/// Which API a backend speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a policy has a few dozen of them, and nearly all are remote")]
pub enum Provider {
    /// One that is reached over the network.
    Remote(Remote),
    /// The engine in this process.
    Local,
}

/// A backend that is reached over the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// What it speaks.
    pub api: Api,
    /// What it is shown.
    pub credential: Credential,
    /// How it is reached.
    pub connection: Connection,
}

/// What a backend speaks, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Api {
    /// OpenAI's API, as one of the many hosts serves it.
    OpenAi {
        /// Whose.
        host: OpenAiHost,
        /// Where it begins, such as `https://api.openai.com/v1`.
        base_url: BaseUrl,
    },
    /// Azure OpenAI and Azure AI Foundry models.
    AzureOpenAi {
        /// The resource, such as `https://NAME.openai.azure.com`; for the model inference API, where its paths begin, such as
        /// `https://NAME.services.ai.azure.com/models`.
        base_url: BaseUrl,
        /// Which surface.
        surface: AzureSurface,
    },
    /// Anthropic's Messages API.
    Anthropic {
        /// Whose.
        host: AnthropicHost,
        /// The host, such as `https://api.anthropic.com`; what the host puts before `/v1/messages` and that itself follow.
        base_url: BaseUrl,
        /// Which of its two live versions.
        version: AnthropicVersion,
        /// Values for `anthropic-beta`.
        betas: Vec<String>,
    },
    /// Amazon Bedrock.
    Bedrock {
        /// The region, such as `us-east-1`.
        region: String,
        /// The runtime's address, in place of the region's (PrivateLink, FIPS).
        base_url: Option<BaseUrl>,
        /// The address for reranking, in place of the region's `bedrock-agent-runtime`.
        agent_url: Option<BaseUrl>,
        /// How chat is asked for.
        chat: BedrockChat,
        /// A guardrail to apply: its identifier and version.
        guardrail: Option<(String, String)>,
    },
    /// An Amazon SageMaker endpoint; the model's name is `ENDPOINT` or `ENDPOINT/INFERENCE-COMPONENT`.
    SageMaker {
        /// The region.
        region: String,
        /// The runtime's address, in place of the region's.
        base_url: Option<BaseUrl>,
        /// What the container speaks.
        container: SageMakerContainer,
    },
    /// Vertex AI.
    Vertex {
        /// The project.
        project: String,
        /// The location, such as `europe-west4`, `global`, `eu`.
        location: String,
        /// The address, in place of the location's.
        base_url: Option<BaseUrl>,
        /// How chat is asked for; without one, what the model's name says.
        chat: Option<VertexChat>,
    },
    /// Google AI Studio, the Gemini API.
    Gemini {
        /// Where it begins, such as `https://generativelanguage.googleapis.com/v1beta`.
        base_url: BaseUrl,
    },
    /// IBM watsonx.ai.
    Watsonx {
        /// The address, such as `https://us-south.ml.cloud.ibm.com`.
        base_url: BaseUrl,
        /// The version of the API, a date.
        version: String,
        /// Where its use is accounted.
        scope: WatsonxScope,
    },
    /// Cohere's API, version 2.
    Cohere {
        /// Where it begins, such as `https://api.cohere.com`.
        base_url: BaseUrl,
    },
}

/// Who serves OpenAI's API. They differ in small ways, which the adapter knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenAiHost {
    /// OpenAI.
    OpenAi,
    /// Mistral.
    Mistral,
    /// Groq.
    Groq,
    /// DeepSeek.
    DeepSeek,
    /// xAI.
    XAi,
    /// Together AI.
    Together,
    /// Fireworks AI.
    Fireworks,
    /// OpenRouter.
    OpenRouter,
    /// Hugging Face's router.
    HuggingFace,
    /// vLLM.
    Vllm,
    /// SGLang.
    SgLang,
    /// Ollama.
    Ollama,
    /// Hugging Face Text Generation Inference.
    Tgi,
    /// Hugging Face Text Embeddings Inference.
    Tei,
    /// NVIDIA NIM.
    Nim,
    /// Ray Serve LLM.
    RayServe,
    /// Databricks Model Serving.
    Databricks,
    /// Snowflake Cortex.
    Snowflake,
    /// The OpenAI endpoint of Vertex AI.
    VertexOpenAi,
    /// The OpenAI endpoint of Amazon Bedrock.
    BedrockOpenAi,
    /// The OpenAI endpoint of one endpoint of Amazon SageMaker, which the address names.
    SageMakerOpenAi,
}

/// The surfaces of Azure OpenAI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AzureSurface {
    /// `/openai/v1/…`; the deployment is the `model` of the body.
    V1,
    /// `/openai/deployments/NAME/…?api-version=`, with the version.
    Dated(String),
    /// The model inference API of serverless endpoints and Foundry, `…?api-version=`, with the version.
    ModelInference(String),
}

/// Who serves Anthropic's Messages API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnthropicHost {
    /// Anthropic.
    Anthropic,
    /// Azure AI Foundry, below `/anthropic`.
    Foundry,
    /// Databricks, below `/serving-endpoints/anthropic`.
    Databricks,
    /// Snowflake Cortex, below `/api/v2/cortex`.
    Snowflake,
}

/// The live versions of Anthropic's API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnthropicVersion {
    /// `2023-06-01`.
    #[default]
    V2023_06_01,
    /// `2026-10-21`: refuses `temperature`, `top_p` and `top_k`.
    V2026_10_21,
}

/// How Bedrock is asked to chat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BedrockChat {
    /// Converse and ConverseStream, for every model.
    #[default]
    Converse,
    /// InvokeModel in Anthropic's dialect, for Claude.
    Anthropic,
}

/// What a SageMaker container speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SageMakerContainer {
    /// OpenAI's API at `/invocations` (TGI, LMI/DJL and vLLM containers).
    OpenAi,
    /// TGI's own: `{"inputs", "parameters"}`.
    Tgi,
    /// LMI/DJL's own: `{"inputs", "parameters"}`, streaming JSON lines.
    Lmi,
    /// TEI's own: `{"inputs": […]}`.
    Tei,
}

/// How Vertex AI is asked to chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VertexChat {
    /// `generateContent`.
    Gemini,
    /// `rawPredict` in Anthropic's dialect.
    Anthropic,
}

/// Where the use of watsonx.ai is accounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatsonxScope {
    /// A project.
    Project(String),
    /// A deployment space.
    Space(String),
    /// The model's name is a deployment, which has its own.
    Deployment,
}

/// How a backend is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// A PEM file with the only authorities to trust for it, in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// What the gateway shows of itself in TLS.
    pub client_certificate: Option<ClientCertificate>,
    /// Which HTTP to speak.
    pub http: HttpVersion,
    /// An HTTP proxy that connections go through, by `CONNECT`; plain `http`.
    pub proxy: Option<BaseUrl>,
    /// The name to ask for in the `Host` header and in TLS, where the address is another: private endpoints, Knative.
    pub host: Option<String>,
    /// What every request says besides: an organisation, a project, the name of the application. No secrets.
    pub headers: HeaderMap,
}

/// A certificate and its key, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Which HTTP to speak to a backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpVersion {
    /// What TLS negotiates; HTTP/1.1 without TLS.
    #[default]
    Auto,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only; without TLS, by prior knowledge.
    Http2,
}

impl Api {
    /// The address that the policy gives, in place of one that a region implies.
    #[must_use]
    pub const fn base_url(&self) -> Option<&BaseUrl> {
        match self {
            Self::OpenAi { base_url, .. }
            | Self::AzureOpenAi { base_url, .. }
            | Self::Anthropic { base_url, .. }
            | Self::Gemini { base_url }
            | Self::Watsonx { base_url, .. }
            | Self::Cohere { base_url } => Some(base_url),
            Self::Bedrock { base_url, .. } | Self::SageMaker { base_url, .. } | Self::Vertex { base_url, .. } => {
                base_url.as_ref()
            }
        }
    }

    /// Where it is, for a reader: an address, or a region.
    #[must_use]
    pub fn place(&self) -> String {
        if let Some(base_url) = self.base_url() {
            return base_url.to_string();
        }
        match self {
            Self::Bedrock { region, .. } => format!("Bedrock, {region}"),
            Self::SageMaker { region, .. } => format!("SageMaker, {region}"),
            Self::Vertex { project, location, .. } => format!("Vertex AI, {project}, {location}"),
            _ => String::new(),
        }
    }
}
