//! What a caller asks of the chat engine.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use tokio::time::Instant;

use crate::constrain::Pattern;
use crate::load::Estimates;
use crate::sample::Sampling;
use crate::template::Message;
use crate::tools::Toolbox;

/// A conversation or a text to continue.
#[derive(Debug, Clone)]
pub struct ChatRequest {
    /// What is to be continued.
    pub prompt: Prompt,
    /// For whom the answer is made.
    pub tenant: Tenant,
    /// How soon it is wanted.
    pub priority: Priority,
    /// How to choose tokens.
    pub sampling: Sampling,
    /// How many answers to make, each with random numbers of its own. They share what is computed of the prompt.
    pub choices: NonZeroUsize,
    /// Tells with each token how likely it was, and how likely so many of the likeliest were.
    pub logprobs: Option<usize>,
    /// What the answer must be, from its first token to its last.
    pub pattern: Option<Pattern>,
    /// The functions that the answer may call.
    pub toolbox: Option<Toolbox>,
    /// The answer ends before the first of these strings that its text would contain; empty ones are ignored.
    pub stop: Vec<String>,
    /// The most tokens to generate; without it, as many as the model's context has room for.
    pub max_tokens: Option<usize>,
    /// When the answer is of no use any more.
    pub deadline: Option<Instant>,
}

/// What is to be continued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// A conversation, in the words of the model's template.
    Conversation(Vec<Message>),
    /// A text, without the template. The token that begins every text of the model is added, where it has one.
    Text(String),
    /// Tokens, to which nothing is added.
    Tokens(Vec<u32>),
}

/// Whoever is to have a fair part of the engine. Between tenants nothing is shared, not even the time that a common prompt would save.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its name.
    pub name: Arc<str>,
    /// Its part, against that of others.
    pub weight: NonZeroU32,
}

impl Default for Tenant {
    /// The one that has no name.
    fn default() -> Self {
        Self { name: Arc::default(), weight: NonZeroU32::MIN }
    }
}

/// How soon an answer is wanted. The greater is put aside first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Somebody waits for it.
    #[default]
    Interactive,
    /// Nobody does: it is made when nothing else is to be done, and a little all the same.
    Batch,
}

impl Priority {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Interactive => Self::Batch,
            Self::Batch => Self::Interactive,
        }
    }
}

/// What a turn adds beside its content, as if it were text: templates name the role and mark both ends.
const TURN: usize = 16;

impl ChatRequest {
    /// One answer to this conversation, as long as it comes, by the model's own distribution.
    pub fn new(messages: Vec<Message>) -> Self {
        Self::of(Prompt::Conversation(messages))
    }

    /// The same for any prompt.
    pub fn of(prompt: Prompt) -> Self {
        Self {
            prompt,
            tenant: Tenant::default(),
            priority: Priority::default(),
            sampling: Sampling::default(),
            choices: NonZeroUsize::MIN,
            logprobs: None,
            pattern: None,
            toolbox: None,
            stop: Vec::new(),
            max_tokens: None,
            deadline: None,
        }
    }

    /// About how many tokens the prompt has, by what was learnt of others.
    pub(super) fn expected_tokens(&self, estimates: &Estimates) -> f64 {
        match &self.prompt {
            Prompt::Tokens(tokens) => tokens.len() as f64,
            Prompt::Text(text) => estimates.prompt.expected(text.len()),
            Prompt::Conversation(messages) => estimates.prompt.expected(self.bytes(messages)),
        }
    }

    /// The prompt turned out to have so many tokens.
    pub(super) fn teach(&self, estimates: &mut Estimates, tokens: usize) {
        match &self.prompt {
            Prompt::Tokens(_) => {}
            Prompt::Text(text) => estimates.prompt.learn(text.len(), tokens),
            Prompt::Conversation(messages) => estimates.prompt.learn(self.bytes(messages), tokens),
        }
    }

    fn bytes(&self, messages: &[Message]) -> usize {
        bytes(messages) + self.toolbox.as_ref().map_or(0, Toolbox::bytes)
    }
}

/// The size of a conversation.
pub(super) fn bytes(messages: &[Message]) -> usize {
    let calls = |message: &Message| message.calls.iter().map(|call| call.name.len() + call.arguments.len() + TURN).sum::<usize>();
    messages.iter().map(|message| message.content.len() + calls(message) + TURN).sum()
}
