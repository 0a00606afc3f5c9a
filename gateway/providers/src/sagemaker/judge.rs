//! What an error of SageMaker, or of the container behind it, means for the request and for the backend.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    Judgement, Refusal, RequestFault, Verdict,
    aws::{error_message, error_type, is_throttled, is_unauthenticated},
    retry_after,
};

/// How SageMaker words, as a fault of the request, what an operator must mend: the endpoint or its component.
const MISCONFIGURED: [&str; 3] = ["not found", "inference component", "is not in service"];

/// How containers word that a text does not fit the model.
const TOO_LONG: [&str; 4] = ["maximum context length", "must have less than", "longer than the maximum", "input length"];

/// `ModelError`: the container's own answer.
#[derive(Deserialize, Default)]
struct ModelError {
    #[serde(rename = "OriginalStatusCode")]
    status: Option<u16>,
    #[serde(rename = "OriginalMessage")]
    message: Option<String>,
}

/// The container's own error, in the forms of OpenAI's API and of TGI.
#[derive(Deserialize)]
struct ContainerError {
    error: Option<Words>,
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    Text(String),
    Object { message: String },
}

/// Judges an answer whose status is no success.
pub(super) fn judge(refusal: &Refusal<'_>) -> Judgement {
    let name = error_type(refusal.headers, refusal.body).unwrap_or_default();
    let wait = retry_after(refusal.headers, refusal.now);
    if refusal.status.as_u16() == 424 || name == "ModelError" {
        return of_container(refusal.body, wait);
    }
    let message = error_message(refusal.body);
    let words = message.as_deref().unwrap_or_default().to_ascii_lowercase();
    let verdict = match refusal.status.as_u16() {
        401 => Verdict::Unauthenticated,
        _ if is_unauthenticated(&name) => Verdict::Unauthenticated,
        _ if is_throttled(&name) => Verdict::RateLimited(wait),
        // The model is being loaded.
        _ if name == "ModelNotReadyException" => Verdict::Failed(wait),
        429 => Verdict::RateLimited(wait),
        400 if MISCONFIGURED.iter().any(|known| words.contains(known)) => Verdict::Misconfigured,
        402..=407 | 411 | 415 | 421 => Verdict::Misconfigured,
        413 => Verdict::RequestFault(RequestFault::TooLarge),
        408 => Verdict::Failed(wait),
        400..=499 => Verdict::RequestFault(RequestFault::Invalid),
        // 530 too: something that SageMaker depends on.
        _ => Verdict::Failed(wait),
    };
    Judgement { verdict, message }
}

/// Judges by the status that the container itself answered with.
fn of_container(body: &[u8], wait: Option<Duration>) -> Judgement {
    // Not JSON: nothing is known but that the model failed.
    let error: ModelError = serde_json::from_slice(body).unwrap_or_default();
    let message = error.message.as_deref().map(words_of).filter(|words| !words.is_empty()).or_else(|| error_message(body));
    let words = message.as_deref().unwrap_or_default().to_ascii_lowercase();
    let verdict = match error.status {
        Some(429) => Verdict::RateLimited(wait),
        // TGI's own 424: generation failed. The others are not the request's fault either.
        Some(408 | 424) | None => Verdict::Failed(wait),
        Some(413) => Verdict::RequestFault(RequestFault::TooLarge),
        Some(400 | 422) if TOO_LONG.iter().any(|known| words.contains(known)) => {
            Verdict::RequestFault(RequestFault::ContextLength)
        }
        Some(400 | 409 | 422) => Verdict::RequestFault(RequestFault::Invalid),
        // Credentials, paths and content types of the container are not for the caller to mend.
        Some(400..=499) => Verdict::Misconfigured,
        Some(_) => Verdict::Failed(wait),
    };
    Judgement { verdict, message }
}

/// The words in a container's error, or all of it.
fn words_of(original: &str) -> String {
    let words = serde_json::from_str::<ContainerError>(original).ok().and_then(|error| match error.error {
        Some(Words::Text(message) | Words::Object { message }) => Some(message),
        None => error.message,
    });
    words.unwrap_or_else(|| original.to_owned())
}
