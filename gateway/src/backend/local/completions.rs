//! Completions: OpenAI's older request becomes the engine's, one for each prompt, and the engine's texts its answer.

use tokio::time::Instant;
use tradewind_models::{ChatEngine, chat};
use tradewind_protocol::openai::{CompletionChoice, CompletionLogprobs, CompletionRequest, TextCompletion, UsageBody};

use super::{
    chat::{Label, Told, reason, tenant_of, token_logprobs, usage_of, whole},
    chat_form::Form,
    completion_events::CompletionWriter,
    completion_request::translate,
    events::Events,
    generations::Generations,
    parse,
};
use crate::{
    backend::Attempt,
    inference::{Answer, Failure, Whole},
};

/// Continues the prompts of `attempt`.
pub(super) async fn answer(engine: &ChatEngine, attempt: Attempt) -> Result<Answer, Failure> {
    let inference = &attempt.inference;
    let request: CompletionRequest = parse(inference.payload.body())?;
    let deadline = Instant::now().checked_add(inference.context.remaining());
    let form = Form::of_completion(&request)?;
    let (request, prompts) = translate(request)?;
    let request = chat::ChatRequest { tenant: tenant_of(&attempt), deadline, ..request };
    let request = form.fit(request, engine).await?;
    let logprobs = Told::if_any(request.logprobs);
    let requests = prompts.into_iter().map(|prompt| chat::ChatRequest { prompt, ..request.clone() });
    let generations = Generations::begin(engine, requests.collect(), "prompt").await?;
    let label = Label::of(&attempt, "cmpl-");
    if inference.head().stream {
        let characters = vec![0; generations.choices()];
        let writer = CompletionWriter { label, include_usage: inference.head().include_usage, logprobs, characters };
        Ok(Answer::events(Box::pin(Events::new(generations, writer, inference))))
    } else {
        collect(generations, logprobs, &label).await.map(Answer::whole)
    }
}

async fn collect(generations: Generations, logprobs: Told, label: &Label) -> Result<Whole, Failure> {
    let (gathered, usage) = generations.gather().await?;
    let usage = usage_of(usage);
    let choices = (0..).zip(&gathered).map(|(index, answer)| CompletionChoice {
        index,
        text: &answer.text,
        logprobs: (logprobs == Told::Yes).then(|| CompletionLogprobs::of(token_logprobs(&answer.tokens), &mut 0)),
        finish_reason: answer.finish.map(reason),
    });
    let completion = TextCompletion {
        id: &label.id,
        object: "text_completion",
        created: label.created,
        model: &label.model,
        choices: &choices.collect::<Vec<_>>(),
        usage: Some(Some(UsageBody::generated(usage))),
    };
    whole(&completion, usage)
}
