//! The answers to all prompts of a request, as if they were the answers to one.

use std::{
    collections::VecDeque,
    task::{Context, Poll},
};

use tradewind_models::{
    ChatEngine,
    chat::{self, Event, Finish, GenerateError, Generation, TokenLikelihood, Usage},
};

use super::not_taken;
use crate::{
    error::{Error, Kind},
    inference::Failure,
};

/// What the engine makes of a request. Dropping it cancels the work.
#[derive(Debug)]
pub(super) struct Generations {
    /// Those that are not over. Each gets its turn to be read.
    parts: VecDeque<Part>,
    first: Option<Event>,
    usage: Usage,
    choices: usize,
    /// The field of the prompts.
    field: &'static str,
}

#[derive(Debug)]
struct Part {
    generation: Generation,
    /// Answers to the prompts before it.
    before: usize,
}

impl Generations {
    /// Begins to answer `requests`, whose prompts stand in that field. Waits until there is text: until then nothing has been promised, and
    /// another backend may be asked.
    pub(super) async fn begin(
        engine: &ChatEngine,
        requests: Vec<chat::ChatRequest>,
        field: &'static str,
    ) -> Result<Self, Failure> {
        let usage = Usage { prompt_tokens: 0, cached_tokens: 0, completion_tokens: 0 };
        let mut begun = Self { parts: VecDeque::new(), first: None, usage, choices: 0, field };
        for request in requests {
            let choices = request.choices.get();
            let generation = engine.submit(request).map_err(not_taken)?;
            begun.parts.push_back(Part { generation, before: begun.choices });
            begun.choices += choices;
        }
        let is_one = begun.parts.len() == 1;
        for (place, part) in begun.parts.iter_mut().enumerate() {
            // The first event says that the prompt is accepted, or why not.
            if let Some(Event::Failed(error)) = part.generation.next().await {
                let place = if is_one { field.to_owned() } else { format!("{field}[{place}]") };
                return Err(failure(error, place));
            }
        }
        match begun.next().await {
            Event::Failed(error) => Err(failure(error, field.to_owned())),
            event => Ok(Self { first: Some(event), ..begun }),
        }
    }

    /// How many answers there will be.
    pub(super) const fn choices(&self) -> usize {
        self.choices
    }

    async fn next(&mut self) -> Event {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    /// The next event of any answer. They are numbered through all prompts, and done when all are.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(first);
        }
        for _ in 0..self.parts.len() {
            let Some(mut part) = self.parts.pop_front() else { break };
            match part.generation.poll_next(context) {
                Poll::Pending => self.parts.push_back(part),
                Poll::Ready(None) => return Poll::Ready(Event::Failed(GenerateError::Stopped)),
                Poll::Ready(Some(Event::Done { usage })) => {
                    self.usage.prompt_tokens += usage.prompt_tokens;
                    self.usage.cached_tokens += usage.cached_tokens;
                    self.usage.completion_tokens += usage.completion_tokens;
                }
                Poll::Ready(Some(mut event)) => {
                    if let Some(choice) = choice_of(&mut event) {
                        *choice += part.before;
                    }
                    self.parts.push_back(part);
                    return Poll::Ready(event);
                }
            }
        }
        if self.parts.is_empty() { Poll::Ready(Event::Done { usage: self.usage }) } else { Poll::Pending }
    }

    /// All answers in full, in their order, and what they cost.
    pub(super) async fn gather(mut self) -> Result<(Vec<Gathered>, Usage), Failure> {
        let mut gathered: Vec<Gathered> = std::iter::repeat_with(Gathered::default).take(self.choices).collect();
        loop {
            match self.next().await {
                Event::Done { usage } => return Ok((gathered, usage)),
                Event::Failed(error) => return Err(failure(error, self.field.to_owned())),
                mut event => {
                    let choice = choice_of(&mut event).copied();
                    if let Some(answer) = choice.and_then(|choice| gathered.get_mut(choice)) {
                        answer.take(event);
                    }
                }
            }
        }
    }
}

/// Which answer an event is about, if it is about one.
const fn choice_of(event: &mut Event) -> Option<&mut usize> {
    match event {
        Event::Text { choice, .. }
        | Event::Call { choice, .. }
        | Event::Arguments { choice, .. }
        | Event::Finished { choice, .. } => Some(choice),
        Event::Started { .. } | Event::Done { .. } | Event::Failed(_) => None,
    }
}

/// One of the answers, in full.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) text: String,
    pub(super) tokens: Vec<TokenLikelihood>,
    /// Names and arguments.
    pub(super) calls: Vec<(String, String)>,
    /// None only of one that is not complete.
    pub(super) finish: Option<Finish>,
}

impl Gathered {
    fn take(&mut self, event: Event) {
        match event {
            Event::Text { text, tokens, .. } => {
                self.text.push_str(&text);
                self.tokens.extend(tokens);
            }
            Event::Call { name, .. } => self.calls.push((name, String::new())),
            Event::Arguments { json, .. } => {
                if let Some((_, arguments)) = self.calls.last_mut() {
                    arguments.push_str(&json);
                }
            }
            Event::Finished { finish, .. } => self.finish = Some(finish),
            Event::Started { .. } | Event::Done { .. } | Event::Failed(_) => {}
        }
    }
}

/// Whose fault it was that there is no answer to the prompt in that field.
fn failure(error: GenerateError, field: String) -> Failure {
    let sentence = format!("{error}.");
    match error {
        GenerateError::ContextExceeded { .. } => {
            Failure::unsuited(Error::new(Kind::ContextLengthExceeded, sentence).with_param(field))
        }
        GenerateError::EmptyPrompt
        | GenerateError::UnknownPromptToken { .. }
        | GenerateError::Template(_)
        | GenerateError::Tokenizer(_) => Failure::unsuited(Error::new(Kind::InvalidRequest, sentence).with_param(field)),
        GenerateError::UnknownToken { .. } => {
            Failure::unsuited(Error::new(Kind::InvalidRequest, sentence).with_param("logit_bias"))
        }
        GenerateError::Constraint(_) => Failure::unsuited(Error::new(Kind::UnsupportedParameter, sentence)),
        GenerateError::DeadlineExceeded | GenerateError::NotRead(_) => Failure::backend(Kind::Timeout, sentence),
        GenerateError::Forward(_) | GenerateError::Sample(_) | GenerateError::Panicked(_) | GenerateError::Stopped => {
            Failure::backend(Kind::UpstreamFailed, sentence)
        }
    }
}
