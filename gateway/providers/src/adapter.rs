//! What the gateway asks of a provider: where a request goes and what it looks like, how the answer is read, what a refusal means.
//!
//! An adapter is a value made once a backend from its description; one call of [`Adapter::prepare`] an attempt. It does no I/O and knows
//! no secret: the gateway adds the credential in the manner that [`Adapter::authentication`] names, last, so that the bytes signed are
//! the bytes sent.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, StatusCode};
use tradewind_protocol::{
    Capabilities, Embeddings, Operation, Payload,
    chat::{ChatResponse, ConvertError, Dropped, StreamDecoder},
    rerank::Reranked,
};

use crate::Judgement;

/// What one provider is like.
pub trait Adapter: fmt::Debug + Send + Sync {
    /// OpenTelemetry's `gen_ai.provider.name`.
    fn name(&self) -> &'static str;

    /// How its requests are authorised.
    fn authentication(&self) -> Authentication;

    /// The requests that do what is asked.
    ///
    /// # Errors
    /// [`PrepareError`], where this provider cannot do it or nobody can.
    fn prepare(&self, ask: &Ask<'_>) -> Result<Exchange, PrepareError>;

    /// What an answer whose status is no success means.
    fn judge(&self, refusal: &Refusal<'_>) -> Judgement;

    /// What a model of that name can do, as far as this provider's models are known; an operator's word goes above it.
    fn capabilities(&self, model: &str) -> Capabilities {
        let _unknown = model;
        Capabilities::UNKNOWN
    }
}

/// How requests are authorised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// `Authorization: Bearer`.
    Bearer,
    /// The key alone in a header of its own; tokens of an identity provider still go as `Authorization: Bearer`.
    Header(HeaderName),
    /// A signature, AWS version 4, with the name of the service and the region; keys go as `Authorization: Bearer`.
    SigV4 {
        /// Such as `bedrock`.
        service: &'static str,
        /// Such as `us-east-1`.
        region: String,
    },
}

/// What is asked of a provider.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// What to do.
    pub operation: Operation,
    /// What this backend calls the model.
    pub model: &'a str,
    /// What the model can do.
    pub capabilities: &'a Capabilities,
    /// The client's request.
    pub payload: &'a Payload,
}

impl Ask<'_> {
    /// Refuses to have Claude go on behind white space: it takes none at the end of what was begun, and without it the halves do not fit.
    ///
    /// # Errors
    /// [`ConvertError::Unsupported`].
    pub(crate) fn check_begun_for_claude(&self) -> Result<(), ConvertError> {
        if self.payload.begun().is_some_and(|begun| begun.ends_with(char::is_whitespace)) {
            return Err(ConvertError::unsupported("messages", "This model does not go on behind white space."));
        }
        Ok(())
    }
}

/// The requests of an attempt, and how their answers are read.
#[derive(Debug)]
pub struct Exchange {
    /// Absolute URI, method, headers of the provider, body. One; several only where a provider takes one input at a time.
    pub requests: Vec<Request<Bytes>>,
    /// How the answers are read.
    pub reader: Reader,
    /// Which of the caller's fields were left out.
    pub dropped: Dropped,
}

/// How answers are read.
#[derive(Debug)]
pub enum Reader {
    /// They are in the client's dialect already: bytes pass through.
    Passthrough,
    /// They are read into the canonical form.
    Translated(Box<dyn Translate>),
}

/// Reads the answers of one exchange.
pub trait Translate: fmt::Debug + Send {
    /// Reads whole answers, each a success, in the order of the requests.
    ///
    /// # Errors
    /// [`ReadError`].
    fn whole(&mut self, answers: &[Reply]) -> Result<Translated, ReadError>;

    /// What reads the body of a streamed answer, whose head this is.
    ///
    /// # Errors
    /// [`ReadError::Malformed`], where the head says that the body is none: a wrong content type.
    fn stream(&mut self, headers: &HeaderMap) -> Result<Box<dyn StreamDecoder>, ReadError>;
}

/// A whole answer whose status is a success.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// What was read.
#[derive(Debug)]
pub enum Translated {
    /// The answer to a chat or a text completion.
    Chat(ChatResponse),
    /// Vectors.
    Embeddings(Embeddings),
    /// Documents in order.
    Rerank(Reranked),
}

/// An answer whose status is no success.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'a> {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, whole or cut: JSON, or whatever stood between sent.
    pub body: &'a [u8],
    /// By which a date in `Retry-After` is judged.
    pub now: std::time::SystemTime,
}

/// Why there are no requests for what is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// The request cannot be put into this provider's dialect.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// The provider does not offer the operation, or not for this model: a mistake of the policy.
    #[error("{0}")]
    NotOffered(String),
}

/// Why an answer cannot be read, although its status is a success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is not of its dialect.
    #[error("the answer is malformed: {0}")]
    Malformed(String),
    /// It tells of an error. `status` is the HTTP status that it corresponds to.
    #[error("a success with an error inside: {message}")]
    Told {
        /// Such as 429, 500.
        status: u16,
        /// The upstream's words.
        message: String,
    },
}

impl From<tradewind_protocol::openai::AnswerError> for ReadError {
    fn from(error: tradewind_protocol::openai::AnswerError) -> Self {
        use tradewind_protocol::openai::AnswerError;
        match error {
            AnswerError::Malformed(what) => Self::Malformed(what),
            AnswerError::Told { status, message } => Self::Told { status, message },
        }
    }
}
