//! From a conversation or a text to the tokens of a prompt, on a thread of its own: a long text must not hold up the answers that are being generated.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::mpsc;

use super::intake::Intake;
use super::{ChatRequest, Event, GenerateError, Prompt};
use crate::queue::panic_message;
use crate::template::ChatTemplate;
use crate::tokenizer::Tokenizer;

/// A request as it was handed in.
#[derive(Debug)]
pub(super) struct ChatJob {
    pub(super) request: ChatRequest,
    pub(super) events: mpsc::Sender<Event>,
}

/// A request that can be computed.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) job: ChatJob,
    /// At least one, and fewer than the model's context holds.
    pub(super) prompt: Vec<u32>,
}

/// Makes prompts.
#[derive(Debug)]
pub(super) struct Prompter {
    pub(super) tokenizer: Tokenizer,
    pub(super) template: ChatTemplate,
    /// Tokens of the model's context.
    pub(super) limit: usize,
    /// How many tokens the model knows.
    pub(super) vocabulary: usize,
}

impl Prompter {
    /// Serves until there are no more requests.
    pub(super) fn serve(&self, intake: &Intake) {
        while self.serve_next(intake) {}
    }

    /// Waits for the next request and makes its prompt; false if there will be none.
    pub(super) fn serve_next(&self, intake: &Intake) -> bool {
        let Some(job) = intake.next_raw() else { return false };
        // Nobody waits for it any more.
        if job.events.is_closed() {
            intake.hand_on(None);
            return true;
        }
        match self.try_prompt(&job.request, intake) {
            Ok(prompt) => {
                // A reader that left in this very moment is noticed before the next step.
                let _left = job.events.try_send(Event::Started { prompt_tokens: prompt.len() });
                intake.hand_on(Some(Ready { job, prompt }));
            }
            Err(error) => {
                tracing::debug!(%error, "a request cannot be computed");
                // Before it is told: whoever asks again at once must not find the queue full of it.
                intake.hand_on(None);
                let _left = job.events.try_send(Event::Failed(error));
            }
        }
        true
    }

    /// A panic costs this request.
    fn try_prompt(&self, request: &ChatRequest, intake: &Intake) -> Result<Vec<u32>, GenerateError> {
        let prompt = catch_unwind(AssertUnwindSafe(|| self.prompt(request, intake)));
        let panicked = |payload: Box<dyn Any + Send>| Err(GenerateError::Panicked(panic_message(payload.as_ref()).into()));
        prompt.unwrap_or_else(panicked)
    }

    fn prompt(&self, request: &ChatRequest, intake: &Intake) -> Result<Vec<u32>, GenerateError> {
        if request.deadline.is_some_and(|deadline| intake.now() >= deadline) {
            return Err(GenerateError::DeadlineExceeded);
        }
        let prompt = self.encode(request)?;
        intake.learn(|estimates| request.teach(estimates, prompt.len()));
        if let Some((token, _)) = request.sampling.options().logit_bias.iter().find(|(token, _)| self.is_unknown(*token)) {
            return Err(GenerateError::UnknownToken { token: *token, vocabulary: self.vocabulary });
        }
        match prompt.len() {
            0 => Err(GenerateError::EmptyPrompt),
            prompt_tokens if prompt_tokens >= self.limit => {
                Err(GenerateError::ContextExceeded { prompt_tokens, limit: self.limit })
            }
            _ => Ok(prompt),
        }
    }

    fn encode(&self, request: &ChatRequest) -> Result<Vec<u32>, GenerateError> {
        match &request.prompt {
            Prompt::Conversation(messages) => {
                Ok(self.tokenizer.encode(&self.template.render(messages, request.toolbox.as_ref())?)?)
            }
            Prompt::Text(text) => Ok(self.tokenizer.encode(text)?),
            Prompt::Tokens(tokens) => match tokens.iter().position(|token| self.is_unknown(*token)) {
                Some(place) => Err(GenerateError::UnknownPromptToken { place, vocabulary: self.vocabulary }),
                None => Ok(tokens.clone()),
            },
        }
    }

    fn is_unknown(&self, token: u32) -> bool {
        usize::try_from(token).map_or(true, |token| token >= self.vocabulary)
    }
}
