//! OpenAI's older completions request as the engine's.

use tradewind_models::chat::{ChatRequest, Prompt};
use tradewind_protocol::openai::{CompletionPrompt, CompletionRequest, StopSequences};

use super::{
    chat_form,
    chat_request::{MOST_CHOICES, MOST_LOGPROBS, at_least_one, choices, out_of_range, stops, unsupported_field},
    sampling::{SamplingFields, sampling},
};
use crate::inference::Failure;

/// How long an answer is where the caller does not say.
const USUAL_TOKENS: usize = 16;

/// The engine's request, but for whose it is and when it must be done, and the prompts that it is to be made for.
pub(super) fn translate(mut request: CompletionRequest) -> Result<(ChatRequest, Vec<Prompt>), Failure> {
    request.rest.retain(|field, _| !chat_form::is_known(field));
    if let Some(unsupported) = request.unsupported() {
        return Err(unsupported_field(unsupported.param, unsupported.accepted));
    }
    let (prompts, choices) = (prompts(request.prompt)?, choices(request.n)?);
    if prompts.len().saturating_mul(choices.get()) > MOST_CHOICES {
        return Err(unsupported_field(
            "prompt".to_owned(),
            "as many prompts as make, with `n` answers each, 16 answers together",
        ));
    }
    if request.best_of.is_some_and(|best_of| best_of != choices.get() as u64) {
        return Err(unsupported_field("best_of".to_owned(), "the same as `n`"));
    }
    let logprobs = match request.logprobs {
        Some(most) if most > MOST_LOGPROBS => return Err(out_of_range("logprobs", "use 0 to 20")),
        most => most.map(|most| usize::try_from(most).unwrap_or(0)),
    };
    let max_tokens = at_least_one("max_tokens", request.max_tokens)?.or(Some(USUAL_TOKENS));
    let sampling = sampling(&SamplingFields {
        temperature: request.temperature,
        top_p: request.top_p,
        top_k: request.top_k,
        min_p: request.min_p,
        repetition_penalty: request.repetition_penalty,
        frequency_penalty: request.frequency_penalty,
        presence_penalty: request.presence_penalty,
        logit_bias: request.logit_bias.as_ref(),
        seed: request.seed,
    })?;
    let stop = stops(request.stop.map(StopSequences::into_vec))?;
    let one = ChatRequest::of(Prompt::Text(String::new()));
    Ok((ChatRequest { sampling, choices, logprobs, stop, max_tokens, ..one }, prompts))
}

fn prompts(prompt: CompletionPrompt) -> Result<Vec<Prompt>, Failure> {
    let prompts: Vec<Prompt> = match prompt {
        CompletionPrompt::Text(text) => vec![Prompt::Text(text)],
        CompletionPrompt::Texts(texts) => texts.into_iter().map(Prompt::Text).collect(),
        CompletionPrompt::Tokens(tokens) => vec![Prompt::Tokens(tokens)],
        CompletionPrompt::TokenLists(lists) => lists.into_iter().map(Prompt::Tokens).collect(),
    };
    if prompts.is_empty() { Err(out_of_range("prompt", "send at least one prompt")) } else { Ok(prompts) }
}

#[cfg(test)]
mod tests {
    use tradewind_models::sample::{Sampling, SamplingOptions};

    use super::*;
    use crate::inference::Blame;

    fn with(fields: &str) -> Result<(ChatRequest, Vec<Prompt>), (Blame, String)> {
        let request = serde_json::from_str(&format!(r#"{{"model":"m",{fields}}}"#)).unwrap();
        translate(request).map_err(|failure| (failure.blame, failure.error.to_string()))
    }

    #[test]
    fn a_plain_request_is_translated_field_by_field() {
        let fields =
            r#""prompt":"hi","temperature":0,"seed":7,"stop":"x","n":2,"best_of":2,"logprobs":3,"top_k":5,"logit_bias":{"1":2}"#;
        let (request, prompts) = with(fields).unwrap();
        let options = SamplingOptions {
            temperature: 0.0,
            seed: Some(7),
            top_k: 5,
            logit_bias: vec![(1, 2.0)],
            ..SamplingOptions::default()
        };
        assert_eq!(request.sampling, Sampling::new(options).unwrap());
        assert_eq!((request.choices.get(), request.logprobs, request.stop), (2, Some(3), vec!["x".to_owned()]));
        assert_eq!(request.max_tokens, Some(16));
        assert_eq!(prompts, [Prompt::Text("hi".to_owned())]);
        assert_eq!(with(r#""prompt":"hi","max_tokens":3"#).unwrap().0.max_tokens, Some(3));
    }

    #[test]
    fn a_prompt_is_one_text_or_several_or_tokens() {
        let prompts = |prompt: &str| with(&format!(r#""prompt":{prompt}"#)).unwrap().1;
        let text = |text: &str| Prompt::Text(text.to_owned());
        assert_eq!(prompts(r#"["a","b"]"#), [text("a"), text("b")]);
        assert_eq!(prompts("[1,2]"), [Prompt::Tokens(vec![1, 2])]);
        assert_eq!(prompts("[[1],[2,3]]"), [Prompt::Tokens(vec![1]), Prompt::Tokens(vec![2, 3])]);
    }

    #[test]
    fn what_is_not_offered_or_wrong_is_told_with_its_field() {
        let many = format!(r#""prompt":[{}"a"],"n":4"#, r#""a","#.repeat(4));
        for (fields, blame, field) in [
            (r#""prompt":"a","echo":true"#, Blame::Unsuited, "echo"),
            (r#""prompt":"a","suffix":"b""#, Blame::Unsuited, "suffix"),
            (r#""prompt":"a","n":2,"best_of":3"#, Blame::Unsuited, "best_of"),
            (r#""prompt":"a","n":17"#, Blame::Unsuited, "n"),
            (&many, Blame::Unsuited, "prompt"),
            (r#""prompt":[]"#, Blame::Invalid, "prompt"),
            (r#""prompt":"a","logprobs":21"#, Blame::Invalid, "logprobs"),
            (r#""prompt":"a","max_tokens":0"#, Blame::Invalid, "max_tokens"),
            (r#""prompt":"a","temperature":3"#, Blame::Invalid, "temperature"),
            (r#""prompt":"a","stop":["1","2","3","4","5"]"#, Blame::Invalid, "stop"),
        ] {
            let (actual, error) = with(fields).unwrap_err();
            assert!(actual == blame && error.contains(&format!("`{field}`")), "{fields}: {error}");
        }
    }
}
