//! The clouds there are.

use std::fmt;
use std::str::FromStr;

use crate::anthropic::Anthropic;
use crate::cloud::Cloud;
use crate::openai::{OpenAi, hosts};

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

clouds! {
    /// OpenAI.
    OpenAi = "openai" at "/v1": OpenAi::itself();
    /// Mistral.
    Mistral = "mistral" at "/v1": OpenAi(&hosts::MISTRAL);
    /// Groq.
    Groq = "groq" at "/openai/v1": OpenAi(&hosts::GROQ);
    /// DeepSeek.
    DeepSeek = "deepseek" at "": OpenAi(&hosts::DEEPSEEK);
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
    /// Anthropic. Its base URL is the origin, `/v1/messages` follows.
    Anthropic = "anthropic" at "": Anthropic { base: "/v1", door: &["x-api-key", "authorization"] };
    /// Claude in Azure AI Foundry; `/v1/messages` follows.
    FoundryAnthropic = "foundry-anthropic" at "/anthropic":
        Anthropic { base: "/anthropic/v1", door: &["x-api-key", "api-key", "authorization"] };
}

impl fmt::Display for CloudKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
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
