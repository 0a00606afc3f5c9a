//! Anthropic's Messages API: requests, answers, streams and errors, to and from the canonical form.
//!
//! Claude is served in this dialect by Anthropic itself, and by Amazon Bedrock, Vertex AI, Azure AI Foundry, Databricks and Snowflake. The
//! hosts differ in a few members of the body ([`Flavor`]) and in what the model can do, which the caller of [`encode`] tells. Answers and
//! events are the same everywhere; only the framing of a stream differs, so [`Decoder`] reads server-sent events and [`EventDecoder`] reads
//! single events, whatever brought them.
//!
//! Source: the types of Anthropic's published SDKs and its API reference, for both live versions.

mod answer;
mod block;
mod content;
mod decoder;
mod error;
mod event;
mod extensions;
mod format;
mod messages;
mod request;
mod sampling;
mod stop_reason;
mod thinking;
mod tools;
mod usage;

pub use answer::read_answer;
pub use decoder::{Decoder, EventDecoder};
pub use error::{ApiError, read_error, status_of};
pub use request::encode;

/// How a host wants the body of a request.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Whose body it is.
    pub flavor: Flavor,
    /// Values of `anthropic-beta`, for hosts that take them in the body.
    pub betas: &'a [String],
    /// Whether the host fetches images and documents from `https:` addresses.
    pub urls: crate::Support,
}

/// Which members a body has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    /// Anthropic's own: the model and `stream` stand in the body, the version in a header.
    Direct(Version),
    /// Bedrock's InvokeModel: the version and the betas stand in the body, the model and the choice to stream in the address.
    Bedrock,
    /// Vertex AI's rawPredict: the version and `stream` stand in the body, the model in the address.
    Vertex,
}

/// The live versions of the API.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Version {
    /// `2023-06-01`.
    #[default]
    V2023_06_01,
    /// `2026-10-21`: refuses `temperature`, `top_p` and `top_k`, even at their defaults.
    V2026_10_21,
}

impl Version {
    /// The value of the header `anthropic-version`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2023_06_01 => "2023-06-01",
            Self::V2026_10_21 => "2026-10-21",
        }
    }
}

impl Options<'static> {
    /// For Anthropic, and hosts that serve its API unchanged.
    #[must_use]
    pub const fn direct(version: Version) -> Self {
        Self { flavor: Flavor::Direct(version), betas: &[], urls: crate::Support::Yes }
    }

    /// For Vertex AI, which fetches nothing.
    #[must_use]
    pub const fn vertex() -> Self {
        Self { flavor: Flavor::Vertex, betas: &[], urls: crate::Support::No }
    }
}

impl<'a> Options<'a> {
    /// For Bedrock's InvokeModel, which fetches nothing. It refuses betas that it does not know.
    #[must_use]
    pub const fn bedrock(betas: &'a [String]) -> Self {
        Self { flavor: Flavor::Bedrock, betas, urls: crate::Support::No }
    }
}
