//! The record of one decision: what a request was, which backends were looked at and what was thought of each, where it was sent and what came of it.
//!
//! The gateway writes one for each request that the policy was asked about, as one JSON object a line; `explain` shows it to people, and a replay
//! decides it again under another policy. It is the operator's own log: it names tenants and backends, and holds numbers, but never a prompt, an
//! answer or a credential, and of claims and headers only those that the operator has named.
//!
//! # What a reader may rely on
//!
//! Money is in billionths of a US dollar, and times are in seconds (to the microsecond) unless a field says otherwise. What is absent is left out of the
//! line. Fields that a reader does not know are skipped, so that an older reader reads what a newer gateway writes; a field whose
//! meaning changes, and a new word in one of the enums, raise [`VERSION`], and a line of a later version is refused by its number.

mod attempt;
mod candidate;
mod kept;
mod line;
mod moment;
mod number;
mod outgrown;
mod shadow;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub(crate) use self::kept::is_never_shown;
pub use self::{
    attempt::{Attempt, AttemptOutcome},
    candidate::{Candidate, Excluded, Expected, Removal, RemovedReason, Score},
    kept::{Kept, LONGEST_KEPT, TokenNames, may_hold_a_credential},
    line::InvalidLine,
    moment::{InvalidMoment, Moment},
    outgrown::{Outgrown, Stays},
    shadow::{Shadow, ShadowFate},
};
use crate::Operation;
use crate::canary::Arm;

/// The version of the records that this code writes, and the latest that it reads.
pub const VERSION: u32 = 1;

/// One decision, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Which format this is: [`VERSION`].
    pub version: u32,
    /// The request's id, as in the response header `x-request-id`, the access log and the audit record.
    pub id: String,
    /// When the request's head had arrived.
    pub at: Moment,
    /// The share of the requests that were recorded then, above 0 to 1: the record stands for as many more.
    #[serde(default = "whole", skip_serializing_if = "is_whole")]
    pub share: f64,
    /// The [hash](crate::PolicyHash) of the policy that decided, in 64 hexadecimal digits.
    pub policy: String,
    /// The route that was taken; none where no route did, or where the request was refused before it was asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Who asked.
    pub tenant: String,
    /// The model, by the name that was asked for.
    pub asked: String,
    /// The model that the name stands for, or the larger one that the request went on to; if a route matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What was asked for, by its name in policy files.
    #[serde(with = "word::operation")]
    pub operation: Operation,
    /// Whether the answer was to come as events.
    #[serde(default)]
    pub streamed: bool,
    /// The prompt's tokens as they were estimated for the decision; [`Decision::usage`] has the count.
    pub prompt_tokens: u64,
    /// The most tokens that the caller allows for an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// The most room, in tokens, that turned out to be too little: a model refused the request as too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub too_small: Option<u64>,
    /// How many answers were asked for, where that is more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<u64>,
    /// How many tokens were expected in an answer; zero for operations without any.
    #[serde(default, serialize_with = "number::rounded")]
    pub expected_output_tokens: f64,
    /// What else the request asks of a model.
    #[serde(default, skip_serializing_if = "Needs::are_none")]
    pub needs: Needs,
    /// What the session was known by, as a [hash](crate::Session).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The claims that the operator has named to be recorded, each with its values: an empty list where the token does not have it, and `null` where
    /// they were [too long](LONGEST_KEPT).
    #[serde(default, skip_serializing_if = "Kept::is_empty")]
    pub claims: Kept,
    /// The headers that the operator has named to be recorded, in lower case, as [`claims`](Self::claims) are.
    #[serde(default, skip_serializing_if = "Kept::is_empty")]
    pub headers: Kept,
    /// The tenant that the token names: left out where that is [`tenant`](Self::tenant), and `null` where it names none.
    #[serde(default, skip_serializing_if = "TokenNames::are_the_tenant")]
    pub token_names: TokenNames,
    /// To which part of the sessions it belongs, where the route has a canary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm: Option<Arm>,
    /// The routes that it left before this one, because it is too long for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outgrown: Vec<Outgrown>,
    /// Why it stayed with this one, where it is too long for it and there is a larger model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stays: Option<Stays>,
    /// Every backend of the route, in the order of the policy, tier by tier, as it was known when the first attempt was chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// The attempts, in the order in which they were decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// The copy that was to be sent to the route's shadow, where one was drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Shadow>,
    /// The backend whose answer the caller got; where another went on with it, the one that had begun it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<String>,
    /// The tokens of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Tokens>,
    /// What these tokens and the time cost at the chosen backend; none where the policy gives no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_nano_usd: Option<u64>,
    /// From the request's head to the first content of a stream.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "number::rounded_if_any")]
    pub first_token_s: Option<f64>,
    /// The mean time of each further token of a stream; of several answers at once, of each of them.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "number::rounded_if_any")]
    pub per_token_s: Option<f64>,
    /// From the request's head to the end of the answer.
    #[serde(serialize_with = "number::rounded")]
    pub total_s: f64,
    /// The HTTP status of the answer.
    pub status: u16,
    /// How the answer ended.
    pub outcome: Outcome,
    /// A short, stable word for what went wrong, as in the audit record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Decision {
    /// The first attempt on the route, and not on one that the request left.
    pub fn first_attempt(&self) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.outgrown.is_none())
    }
}

/// What a request asks of a model beyond its operation and the tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Needs {
    /// It offers tools.
    #[serde(skip_serializing_if = "is_not")]
    pub tools: bool,
    /// It holds images.
    #[serde(skip_serializing_if = "is_not")]
    pub vision: bool,
    /// Its answer is to follow a JSON schema.
    #[serde(skip_serializing_if = "is_not")]
    pub json_schema: bool,
    /// It asks for likelihoods.
    #[serde(skip_serializing_if = "is_not")]
    pub logprobs: bool,
    /// The length that it asks of embeddings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u64>,
}

impl From<crate::Needs> for Needs {
    /// The tokens have fields of their own in the record.
    fn from(needs: crate::Needs) -> Self {
        let crate::Needs { tools, vision, json_schema, logprobs, dimensions, .. } = needs;
        Self { tools, vision, json_schema, logprobs, dimensions }
    }
}

impl Decision {
    /// How many tokens its prompt has, as far as that was known when its backend was chosen.
    pub fn length(&self) -> u64 {
        let Self { prompt_tokens, max_output_tokens, too_small, .. } = *self;
        crate::request::Needs { prompt_tokens, max_output_tokens, too_small, ..crate::request::Needs::default() }.length()
    }

    /// How many answers were to be made: one at least.
    pub fn answers(&self) -> u64 {
        self.answers.unwrap_or(1).max(1)
    }
}

impl Needs {
    /// Whether it asks for nothing of the kind.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

/// The tokens of an answer, in OpenAI's convention: the prompt's include those of a cache, and the completion's those of reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Of the input.
    pub prompt_tokens: u64,
    /// Of the output.
    pub completion_tokens: u64,
    /// Of the input, those read from a prompt cache.
    #[serde(default)]
    pub cached_tokens: u64,
    /// Of the input, those written to a prompt cache.
    #[serde(default)]
    pub cache_write_tokens: u64,
    /// Of the output, those of reasoning.
    #[serde(default)]
    pub reasoning_tokens: u64,
    /// Whether the gateway counted, because nobody told.
    #[serde(default, skip_serializing_if = "is_not")]
    pub estimated: bool,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The caller got a whole answer.
    Completed,
    /// It broke off after its first byte.
    Interrupted,
    /// The caller went away first.
    ClientClosed,
    /// There was an error in its place.
    Failed,
}

const fn whole() -> f64 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_whole(share: &f64) -> bool {
    *share >= 1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_not(flag: &bool) -> bool {
    !flag
}

/// Words of other crates' types.
mod word {
    /// An operation, by its name.
    pub(super) mod operation {
        use serde::{Deserialize, Deserializer, Serializer, de::Error};

        use crate::Operation;

        pub(in crate::decision) fn serialize<S: Serializer>(operation: &Operation, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_str(operation.as_str())
        }

        pub(in crate::decision) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Operation, D::Error> {
            let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
            Operation::from_name(&name).ok_or_else(|| D::Error::custom(format!("`{name}` is no operation")))
        }
    }
}
