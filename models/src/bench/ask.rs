//! One client: what it asks, and when it hears what.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{BenchError, Plan};
use crate::ChatEngine;
use crate::chat::{ChatRequest, Event, Generation, Message, Role, Usage};
use crate::sample::{Sampling, SamplingOptions};

/// What prompts are made of.
const WORDS: [&str; 16] = [
    "wind", "ship", "harbour", "table", "river", "stone", "letter", "winter", "garden", "bridge", "music", "paper", "market",
    "silver", "morning", "island",
];

/// Of the prompt from which it is learnt how many tokens a byte has.
const SAMPLE_BYTES: usize = 600;

/// Less than any logit that a model makes.
const FORBIDDEN: f32 = -100.0;

/// Asks an engine.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    pub(super) engine: ChatEngine,
    sampling: Sampling,
    tokens_per_byte: f64,
}

/// What a client heard.
#[derive(Debug)]
pub(super) struct Heard {
    asked: Instant,
    pub(super) prompt_tokens: usize,
    /// When each token came.
    pub(super) tokens: Vec<Instant>,
    /// Of an answer that came to its end.
    pub(super) usage: Option<Usage>,
}

impl Heard {
    /// From asking to the first token.
    pub(super) fn first_token(&self) -> Result<Duration, BenchError> {
        self.tokens.first().map(|first| *first - self.asked).ok_or(BenchError::Nothing("first token"))
    }

    /// How many tokens came in this time.
    pub(super) fn tokens_within(&self, from: Instant, to: Instant) -> usize {
        self.tokens.iter().filter(|token| (from..to).contains(token)).count()
    }
}

impl Asker {
    pub(super) async fn new(engine: ChatEngine, plan: &Plan) -> Result<Self, BenchError> {
        let logit_bias = plan.stop_tokens.iter().map(|token| (*token, FORBIDDEN)).collect();
        let sampling = Sampling::new(SamplingOptions { temperature: 0.0, logit_bias, ..SamplingOptions::default() })?;
        let mut asker = Self { engine, sampling, tokens_per_byte: 1.0 };
        let sample = asker.request(vec![message(Role::User, prose(SAMPLE_BYTES, "sample"))], 1);
        let heard = asker.ask(sample).await?;
        asker.tokens_per_byte = heard.prompt_tokens as f64 / SAMPLE_BYTES as f64;
        Ok(asker)
    }

    /// A question of about so many tokens, which begins with its name.
    pub(super) fn text(&self, tokens: usize, name: &str) -> String {
        prose((tokens as f64 / self.tokens_per_byte) as usize, name)
    }

    /// The answer has exactly as many tokens, if nobody leaves.
    pub(super) fn request(&self, messages: Vec<Message>, answer: usize) -> ChatRequest {
        // With its likelihood, so that each token is told, even one without text.
        let (sampling, max_tokens, logprobs) = (self.sampling.clone(), Some(answer), Some(0));
        ChatRequest { sampling, max_tokens, logprobs, ..ChatRequest::new(messages) }
    }

    /// A question of about so many tokens.
    pub(super) fn question(&self, tokens: usize, name: &str, answer: usize) -> ChatRequest {
        self.request(vec![message(Role::User, self.text(tokens, name))], answer)
    }

    /// Hears the whole answer.
    pub(super) async fn ask(&self, request: ChatRequest) -> Result<Heard, BenchError> {
        self.hear(request, std::future::pending()).await
    }

    /// Hears the answer until `leave`.
    pub(super) async fn hear(&self, request: ChatRequest, leave: impl Future<Output = ()>) -> Result<Heard, BenchError> {
        let asked = Instant::now();
        hear(self.engine.submit(request)?, asked, usize::MAX, leave).await
    }

    /// The same, in a task of its own.
    pub(super) fn spawn(&self, request: ChatRequest, leave: impl Future<Output = ()> + Send + 'static) -> Hearing {
        let asker = self.clone();
        tokio::spawn(async move { asker.hear(request, leave).await })
    }
}

/// A client in a task of its own.
pub(super) type Hearing = JoinHandle<Result<Heard, BenchError>>;

/// Hears an answer, until `leave` or so many tokens.
pub(super) async fn hear(
    mut generation: Generation,
    asked: Instant,
    most: usize,
    leave: impl Future<Output = ()>,
) -> Result<Heard, BenchError> {
    let mut heard = Heard { asked, prompt_tokens: 0, tokens: Vec::new(), usage: None };
    let mut leave = std::pin::pin!(leave);
    while heard.tokens.len() < most {
        let event = tokio::select! {
            event = generation.next() => event,
            () = &mut leave => break,
        };
        match event {
            Some(Event::Started { prompt_tokens }) => heard.prompt_tokens = prompt_tokens,
            Some(Event::Text { tokens, .. }) => heard.tokens.extend(std::iter::repeat_n(Instant::now(), tokens.len())),
            Some(Event::Call { .. } | Event::Arguments { .. } | Event::Finished { .. }) => {}
            Some(Event::Done { usage }) => heard.usage = Some(usage),
            Some(Event::Failed(error)) => return Err(error.into()),
            None => break,
        }
    }
    Ok(heard)
}

pub(super) fn message(role: Role, content: String) -> Message {
    Message::new(role, content)
}

/// So many bytes of text. Texts of different names have nothing in common from the start, and so find nothing of each other in the cache.
fn prose(bytes: usize, name: &str) -> String {
    let mut text = name.to_owned();
    let mut place = name.bytes().fold(7_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(byte)));
    while text.len() < bytes {
        place = place.wrapping_mul(5).wrapping_add(3);
        text.push(' ');
        text.push_str(WORDS.get((place >> 8) % WORDS.len()).copied().unwrap_or_default());
    }
    text.truncate(bytes.max(name.len()));
    text
}
