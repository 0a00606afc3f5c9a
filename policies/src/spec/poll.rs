//! What a server is asked for again and again, beside its traffic.

use std::time::Duration;

use http::uri::PathAndQuery;

use super::{OpenAiHost, Provider};

/// A page of a server that is fetched again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// Where it is, from the root of the host: what stands in the backend's address after the host does not count.
    pub path: PathAndQuery,
    /// How long after one answer it is fetched again.
    pub every: Duration,
}

impl Poll {
    /// The shortest interval: more often would be load, not observation.
    pub(crate) const OFTENEST: Duration = Duration::from_millis(100);
    /// The longest interval: what is learnt less often is never true.
    pub(crate) const RAREST: Duration = Duration::from_mins(10);

    /// Short enough that a server that comes back is used again before anybody wonders why it is not.
    const PROBE: Duration = Duration::from_secs(5);
    /// A queue of requests fills and empties within a second.
    const METRICS: Duration = Duration::from_millis(500);
}

/// Which pages of a server of the operator's own tell how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pages {
    /// The one that says whether it can serve.
    pub(crate) probe: Poll,
    /// The one that says how loaded it is, in Prometheus' text format.
    pub(crate) metrics: Option<Poll>,
}

impl OpenAiHost {
    /// The pages of a host that is a server of the operator's own; `None` for one that is a cloud.
    ///
    /// NIM's and Ray's are in NVIDIA's and Ray's references, the others in the servers' own routers.
    pub(crate) fn pages(self) -> Option<Pages> {
        let (probe, metrics) = match self {
            Self::Vllm | Self::SgLang | Self::Tgi | Self::Tei => ("/health", Some("/metrics")),
            Self::Nim => ("/v1/health/ready", Some("/v1/metrics")),
            Self::RayServe => ("/-/healthz", None),
            Self::Ollama => ("/", None),
            Self::OpenAi
            | Self::Mistral
            | Self::Groq
            | Self::DeepSeek
            | Self::XAi
            | Self::Together
            | Self::Fireworks
            | Self::OpenRouter
            | Self::HuggingFace
            | Self::Databricks
            | Self::Snowflake
            | Self::BedrockOpenAi
            | Self::SageMakerOpenAi
            | Self::VertexOpenAi => return None,
        };
        let page = |path, every| Poll { path: PathAndQuery::from_static(path), every };
        Some(Pages { probe: page(probe, Poll::PROBE), metrics: metrics.map(|path| page(path, Poll::METRICS)) })
    }
}

impl Provider {
    /// Whether its tokens are paid for: that of everybody but the operator's own servers and this process.
    pub fn is_paid(&self) -> bool {
        match self {
            Self::Local => false,
            Self::Remote(remote) => !matches!(&remote.api, super::Api::OpenAi { host, .. } if host.pages().is_some()),
        }
    }
}
