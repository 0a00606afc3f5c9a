//! A streamed answer: what a backend's decoder finds, and what a client's encoder takes.

use super::FinishReason;
use crate::Usage;

/// One step of a streamed answer. `choice` says to which of several answers it belongs; it is 0 unless more were asked for.
///
/// The order is: [`Start`](Self::Start) once, then what the model says, [`Finish`](Self::Finish) for each choice, and
/// [`Usage`](Self::Usage) at most once, last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StreamEvent<'a> {
    /// The answer begins; what the provider told of it.
    Start {
        /// The provider's name for the answer; empty if it gave none.
        id: &'a str,
    },
    /// More text.
    Text {
        /// Which answer.
        choice: u32,
        /// The text; not empty.
        text: &'a str,
    },
    /// More thought.
    Reasoning {
        /// Which answer.
        choice: u32,
        /// The text; not empty.
        text: &'a str,
    },
    /// The proof that the thoughts so far are the model's own; ends one block of thought.
    ReasoningSignature {
        /// Which answer.
        choice: u32,
        /// The proof.
        signature: &'a str,
    },
    /// A block of thought that the provider encrypted.
    RedactedReasoning {
        /// Which answer.
        choice: u32,
        /// The ciphertext.
        data: &'a str,
    },
    /// More of why the model will not answer.
    Refusal {
        /// Which answer.
        choice: u32,
        /// The text; not empty.
        text: &'a str,
    },
    /// A call of a tool begins.
    ToolCall {
        /// Which answer.
        choice: u32,
        /// The number of the call, from 0: it counts calls only, not blocks of content.
        index: u32,
        /// The call's name; never empty.
        id: &'a str,
        /// Which tool.
        name: &'a str,
        /// Gemini's proof that the call is the model's own.
        signature: Option<&'a str>,
    },
    /// More of the arguments of a call. Every call has some, `{}` at least.
    ToolArguments {
        /// Which answer.
        choice: u32,
        /// Which call.
        index: u32,
        /// A piece of JSON.
        fragment: &'a str,
    },
    /// Probabilities of the tokens just sent, in OpenAI's form: a JSON object.
    Logprobs {
        /// Which answer.
        choice: u32,
        /// The JSON.
        json: &'a str,
    },
    /// An answer ends.
    Finish {
        /// Which answer.
        choice: u32,
        /// Why.
        reason: FinishReason,
    },
    /// The tokens used by all answers together.
    Usage(Usage),
}

/// Takes what a decoder finds.
pub trait Sink {
    /// Takes one event.
    fn event(&mut self, event: StreamEvent<'_>);
}

impl<F: FnMut(StreamEvent<'_>)> Sink for F {
    fn event(&mut self, event: StreamEvent<'_>) {
        self(event);
    }
}

/// Reads the body of a streamed answer in pieces of any size, cut anywhere.
pub trait StreamDecoder: Send {
    /// Reads the next piece.
    ///
    /// # Errors
    /// [`StreamFault`]: the upstream told of an error, or what it sent is none of its dialect. Nothing more may be read.
    fn push(&mut self, piece: &[u8], sink: &mut dyn Sink) -> Result<(), StreamFault>;

    /// The body has ended.
    ///
    /// # Errors
    /// [`StreamFault`], where the answer has not.
    fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), StreamFault>;

    /// Whether the answer has come to its proper end, so that nothing of importance can follow.
    fn is_done(&self) -> bool;
}

/// Why a stream cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    /// The upstream told of an error in the stream. `status` is the HTTP status that it corresponds to.
    #[error("the upstream reported an error: {message}")]
    Told {
        /// Such as 429, 500, 529.
        status: u16,
        /// The upstream's words.
        message: String,
    },
    /// What came is not of the dialect: a bad checksum, no JSON, an impossible order.
    #[error("the stream is malformed: {0}")]
    Malformed(String),
    /// The body ended before the answer did.
    #[error("the stream ended before the answer did")]
    Cut,
}
