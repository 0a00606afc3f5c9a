//! The clouds there are.

use std::fmt;
use std::str::FromStr;

use crate::anthropic::Anthropic;
use crate::aws::Aws;
use crate::azure::Azure;
use crate::cloud::Cloud;
use crate::cohere::Cohere;
use crate::databricks::Databricks;
use crate::google::Google;
use crate::identity::Identity;
use crate::openai::{OpenAi, hosts};
use crate::snowflake::Snowflake;
use crate::tei::Tei;
use crate::watsonx::Watsonx;

/// The clouds, by the names they go by in a policy.
macro_rules! clouds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $name:literal at $base:literal: $cloud:expr;)+) => {
        /// One of the simulated clouds.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum CloudKind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl CloudKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// Its name on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)+ }
            }

            /// What follows the origin in its base URL, which is what a policy wants as `base_url`: OpenAI-shaped hosts are followed by
            /// `/chat/completions` and the like, all others by what their own APIs begin with.
            pub fn base_path(self) -> &'static str {
                match self { $(Self::$kind => $base,)+ }
            }

            /// A fresh one.
            pub(crate) fn cloud(self) -> Box<dyn Cloud> {
                match self { $(Self::$kind => Box::new($cloud),)+ }
            }
        }
    };
}

impl CloudKind {
    /// Where a server of one's own says that it can serve; a cloud has no such page.
    pub(crate) fn health_page(self) -> Option<&'static str> {
        match self {
            Self::Vllm | Self::SgLang | Self::Tgi | Self::Tei => Some("/health"),
            Self::Nim => Some("/v1/health/ready"),
            Self::RayServe => Some("/-/healthz"),
            Self::Ollama => Some("/"),
            _ => None,
        }
    }
}

clouds! {
    /// OpenAI.
    OpenAi = "openai" at "/v1": OpenAi::itself();
    /// Mistral.
    Mistral = "mistral" at "/v1": OpenAi(&hosts::MISTRAL);
    /// Groq.
    Groq = "groq" at "/openai/v1": OpenAi(&hosts::GROQ);
    /// DeepSeek.
    DeepSeek = "deepseek" at "/v1": OpenAi(&hosts::DEEPSEEK);
    /// xAI.
    XAi = "xai" at "/v1": OpenAi(&hosts::XAI);
    /// Together AI.
    Together = "together" at "/v1": OpenAi(&hosts::TOGETHER);
    /// Fireworks AI.
    Fireworks = "fireworks" at "/inference/v1": OpenAi(&hosts::FIREWORKS);
    /// OpenRouter.
    OpenRouter = "openrouter" at "/api/v1": OpenAi(&hosts::OPENROUTER);
    /// Hugging Face's router.
    HuggingFace = "huggingface" at "/v1": OpenAi(&hosts::HUGGING_FACE);
    /// vLLM.
    Vllm = "vllm" at "/v1": OpenAi(&hosts::VLLM);
    /// SGLang.
    SgLang = "sglang" at "/v1": OpenAi(&hosts::SGLANG);
    /// Ollama.
    Ollama = "ollama" at "/v1": OpenAi(&hosts::OLLAMA);
    /// Hugging Face Text Generation Inference.
    Tgi = "tgi" at "/v1": OpenAi(&hosts::TGI);
    /// NVIDIA NIM.
    Nim = "nim" at "/v1": OpenAi(&hosts::NIM);
    /// Ray Serve LLM.
    RayServe = "ray-serve" at "/v1": OpenAi(&hosts::RAY_SERVE);
    /// The OpenAI endpoint of Vertex AI.
    VertexOpenAi = "vertex-openai" at "/v1/projects/sim-project/locations/sim-location/endpoints/openapi": OpenAi(&hosts::VERTEX);
    /// The OpenAI endpoint of Amazon Bedrock.
    BedrockOpenAi = "bedrock-openai" at "/openai/v1": OpenAi(&hosts::BEDROCK);
    /// The OpenAI endpoint of Amazon SageMaker.
    SageMakerOpenAi = "sagemaker-openai" at "/endpoints/sim-endpoint/openai/v1": OpenAi(&hosts::SAGEMAKER);
    /// Amazon Web Services: Bedrock, SageMaker, and who hands out their credentials.
    Aws = "aws" at "": Aws;
    /// Google: Vertex AI, AI Studio (below `/v1beta`), and who hands out their tokens.
    Google = "google" at "": Google;
    /// Anthropic. Its base URL is the origin, `/v1/messages` follows.
    Anthropic = "anthropic" at "": Anthropic { base: "/v1", door: &["x-api-key", "authorization"] };
    /// Claude in Azure AI Foundry; `/anthropic/v1/messages` follows.
    FoundryAnthropic = "foundry-anthropic" at "":
        Anthropic { base: "/anthropic/v1", door: &["x-api-key", "api-key", "authorization"] };
    /// Azure OpenAI by deployment and date or at `/openai/v1`, the model inference API, Entra ID and Key Vault: all at the origin.
    Azure = "azure" at "": Azure;
    /// Databricks in OpenAI's dialect; its OAuth tokens at the origin's `/oidc/v1/token`.
    Databricks = "databricks" at "/serving-endpoints": Databricks;
    /// Claude on Databricks; `/serving-endpoints/anthropic/v1/messages` follows.
    DatabricksAnthropic = "databricks-anthropic" at "": Databricks;
    /// Snowflake Cortex in OpenAI's dialect.
    Snowflake = "snowflake" at "/api/v2/cortex/v1": Snowflake;
    /// Claude on Snowflake Cortex; `/api/v2/cortex/v1/messages` follows.
    SnowflakeAnthropic = "snowflake-anthropic" at "": Snowflake;
    /// Hugging Face Text Embeddings Inference; what is its own is beside `/v1`.
    Tei = "tei" at "/v1": Tei;
    /// Cohere. Its base URL is the origin, `/v2/chat` follows.
    Cohere = "cohere" at "": Cohere;
    /// IBM watsonx.ai and IAM, at the origin.
    Watsonx = "watsonx" at "": Watsonx;
    /// All the services that issue tokens or keep secrets and belong to no other cloud here.
    Identity = "identity" at "": Identity;
}

impl fmt::Display for CloudKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no cloud has.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no cloud is called {name:?}; there are {}", names())]
pub struct UnknownCloud {
    name: String,
}

impl FromStr for CloudKind {
    type Err = UnknownCloud;

    fn from_str(name: &str) -> Result<Self, UnknownCloud> {
        let found = Self::ALL.iter().find(|kind| kind.name() == name);
        found.copied().ok_or_else(|| UnknownCloud { name: name.into() })
    }
}

fn names() -> String {
    CloudKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}
