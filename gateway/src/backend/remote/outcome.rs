//! How an attempt at a provider came to nothing, and what that means.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use http::{Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::Value;
use tradewind_protocol::{
    chat::{ConvertError, StreamFault},
    openai::ToldError,
};
use tradewind_providers::{Adapter, Judgement, PrepareError, ReadError, Refusal, RequestFault, Verdict};

use crate::{
    client::with_causes,
    credential::{CredentialError, Shown},
    error::{Error, Kind},
    inference::{Blame, Failure, Whole},
};

/// How much of a refusal is read.
const REFUSAL_LIMIT: usize = 1024 * 1024;
/// When to come back after a rate limit that does not say.
const DEFAULT_RETRY: Duration = Duration::from_secs(1);
/// How much of a provider's own words is shown.
const MESSAGE_LIMIT: usize = 2000;

/// An attempt that came to nothing.
#[derive(Debug)]
pub(super) struct Refused {
    failure: Failure,
    /// The credential that the provider did not accept, if that was why.
    pub(super) unaccepted: Option<Shown>,
    /// The refusal of a faulty request as it came, where its dialect may be the client's.
    original: Option<Box<Whole>>,
}

impl Refused {
    pub(super) fn into_failure(self) -> Failure {
        self.failure
    }

    /// The same, told in the provider's own words: its dialect is the client's. Where it has a shape of its own for errors, over which SDKs
    /// would stumble, the words are put into OpenAI's.
    pub(super) fn passed_on(mut self) -> Self {
        let Some(original) = self.original.take() else { return self };
        if is_openais(&original.body) {
            self.failure.original = Some(original);
        } else if let Some(told) = ToldError::read(&original.body) {
            self.failure.error = detailed(self.failure.error, told);
        }
        self
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self { failure, unaccepted: None, original: None }
    }
}

/// Reads a refusal and has it judged. `shown` is the credential that the request carried.
pub(super) async fn refused(adapter: &dyn Adapter, response: Response<Incoming>, shown: Shown) -> Refused {
    let (head, body) = response.into_parts();
    // A refusal whose body is cut or too long is still a refusal.
    let body = Limited::new(body, REFUSAL_LIMIT).collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let refusal = Refusal { status: head.status, headers: &head.headers, body: &body, now: SystemTime::now() };
    let judgement = adapter.judge(&refusal);
    let verdict = judgement.verdict;
    let is_fault = matches!(verdict, Verdict::RequestFault(_));
    let original = is_fault.then(|| Box::new(Whole { status: head.status, body, usage: None }));
    let unaccepted = (verdict == Verdict::Unauthenticated).then_some(shown);
    Refused { failure: failure(judgement, head.status), unaccepted, original }
}

/// The failure that a judgement amounts to.
fn failure(judgement: Judgement, status: StatusCode) -> Failure {
    let Judgement { verdict, message } = judgement;
    let words = message.map(|message| shortened(&message));
    let detail = match &words {
        Some(words) => format!("status {}: {words}", status.as_u16()),
        None => format!("status {}", status.as_u16()),
    };
    let timed_out = status == StatusCode::GATEWAY_TIMEOUT;
    match verdict {
        Verdict::RequestFault(fault) => {
            let message = words.unwrap_or_else(|| format!("The upstream refused the request with status {}.", status.as_u16()));
            let (kind, blame) = match fault {
                RequestFault::Invalid => (Kind::InvalidRequest, Blame::Request),
                RequestFault::ContentFilter => (Kind::ContentFiltered, Blame::Request),
                RequestFault::ContextLength => (Kind::ContextLengthExceeded, Blame::ContextLength),
                RequestFault::TooLarge => (Kind::RequestTooLarge, Blame::Request),
            };
            Failure { blame, error: Error::new(kind, message), detail, original: None }
        }
        Verdict::RateLimited(after) => {
            let error = Error::new(Kind::RateLimited, "Every upstream for this model is rate limited.");
            let error = error.with_retry_after(after.unwrap_or(DEFAULT_RETRY));
            Failure { blame: Blame::RateLimited(after), error, detail, original: None }
        }
        Verdict::Failed(after) => {
            let kind = if timed_out { Kind::Timeout } else { Kind::UpstreamFailed };
            Failure { blame: Blame::Backend(after), ..Failure::backend(kind, detail) }
        }
        Verdict::Misconfigured | Verdict::Unauthenticated => {
            Failure { blame: Blame::Misconfigured, ..Failure::backend(Kind::UpstreamFailed, detail) }
        }
    }
}

/// What a status told inside a success, or inside a stream before anything else, amounts to.
fn told(status: u16, message: &str) -> Failure {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let verdict = match status.as_u16() {
        429 => Verdict::RateLimited(None),
        400 | 413 | 422 => Verdict::RequestFault(RequestFault::Invalid),
        _ => Verdict::Failed(None),
    };
    failure(Judgement { verdict, message: Some(message.to_owned()) }, status)
}

/// Why a request could not be made.
pub(super) fn unprepared(error: PrepareError) -> Refused {
    let failure = match error {
        PrepareError::Convert(ConvertError::Unsupported { param, message }) => {
            Failure::unsuited(Error::new(Kind::UnsupportedParameter, message).with_param(param))
        }
        PrepareError::Convert(ConvertError::Invalid { param, message }) => {
            Failure::request(Error::new(Kind::InvalidRequest, message).with_param(param))
        }
        PrepareError::NotOffered(what) => {
            let error = Error::new(Kind::UnsupportedParameter, "No upstream for this model offers this operation.");
            Failure { detail: what, ..Failure::unsuited(error) }
        }
    };
    failure.into()
}

/// Why a request could not be authorised. The caller is not told: it is between the operator and the cloud.
pub(super) fn unauthorized(error: &CredentialError) -> Refused {
    Failure::backend(Kind::UpstreamFailed, format!("no credential: {}", with_causes(error))).into()
}

/// Why a whole answer could not be read.
pub(super) fn unreadable(error: &ReadError) -> Failure {
    match error {
        ReadError::Told { status, message } => told(*status, message),
        ReadError::Malformed(_) => Failure::backend(Kind::UpstreamFailed, error.to_string()),
    }
}

/// Why a stream could not be begun.
pub(super) fn not_begun(fault: &StreamFault) -> Failure {
    match fault {
        StreamFault::Told { status, message } => told(*status, message),
        StreamFault::Malformed(_) | StreamFault::Cut => Failure::backend(Kind::UpstreamFailed, fault.to_string()),
    }
}

/// What the client is told of a stream that could not go on.
pub(super) fn interrupted(fault: &StreamFault) -> Error {
    let message = match fault {
        StreamFault::Told { message, .. } => {
            format!("The answer broke off: the upstream reported an error: {}", shortened(message))
        }
        StreamFault::Malformed(_) => "The answer broke off: the upstream sent what is no answer.".to_owned(),
        StreamFault::Cut => "The answer broke off: the upstream closed the stream before its end.".to_owned(),
    };
    Error::new(Kind::StreamInterrupted, message)
}

/// The error with the field and the code that an upstream told. A number is no code: it repeats the status, or is the upstream's own.
fn detailed(mut error: Error, told: ToldError) -> Error {
    if let Some(param) = told.param {
        error = error.with_param(param);
    }
    let code = told.code.filter(|code| code.parse::<u64>().is_err());
    match code {
        Some(code) if error.kind() == Kind::InvalidRequest => error.with_code(code),
        _ => error,
    }
}

/// Whether the body tells an error exactly as OpenAI does: all four members, each of its type. There may be more. Azure, where its filter found
/// something, leaves the type empty and tells in `innererror` what its own SDK reads.
fn is_openais(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Document {
        error: HashMap<String, Value>,
    }
    let Ok(Document { error }) = serde_json::from_slice(body) else { return false };
    let is_text = |name| error.get(name).is_some_and(Value::is_string);
    let is_text_or_null = |name| error.get(name).is_some_and(|value| value.is_string() || value.is_null());
    let has_type = is_text("type") || error.contains_key("innererror");
    is_text("message") && has_type && is_text_or_null("param") && is_text_or_null("code")
}

fn shortened(message: &str) -> String {
    message.chars().take(MESSAGE_LIMIT).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
