//! Probabilities of tokens.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::text::Text;

/// `logprobsResult`: for each step the token chosen, and the likeliest ones.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LogprobsResult<'a> {
    #[serde(borrow)]
    chosen_candidates: Vec<Token<'a>>,
    #[serde(borrow)]
    top_candidates: Vec<TopCandidates<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TopCandidates<'a> {
    #[serde(borrow)]
    candidates: Vec<Token<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token<'a> {
    #[serde(borrow, default)]
    token: Text<'a>,
    /// Absent where it is 0, as in all of Google's JSON.
    #[serde(default)]
    log_probability: f64,
}

/// OpenAI's `logprobs`.
#[derive(Serialize)]
struct Logprobs<'a> {
    content: Vec<Entry<'a>>,
    refusal: Option<()>,
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(flatten)]
    chosen: Alternative<'a>,
    top_logprobs: Vec<Alternative<'a>>,
}

#[derive(Serialize)]
struct Alternative<'a> {
    token: &'a str,
    logprob: f64,
    bytes: &'a [u8],
}

impl<'a> From<&'a Token<'a>> for Alternative<'a> {
    fn from(token: &'a Token<'a>) -> Self {
        Self { token: &token.token, logprob: token.log_probability, bytes: token.token.as_bytes() }
    }
}

/// The probabilities in OpenAI's form.
pub(super) fn to_openai(raw: &RawValue) -> Result<Box<RawValue>, serde_json::Error> {
    let result: LogprobsResult<'_> = serde_json::from_str(raw.get())?;
    let mut top = result.top_candidates.iter();
    let content = result.chosen_candidates.iter().map(|chosen| Entry {
        chosen: chosen.into(),
        top_logprobs: top.next().into_iter().flat_map(|top| &top.candidates).map(Alternative::from).collect(),
    });
    serde_json::value::to_raw_value(&Logprobs { content: content.collect(), refusal: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_stands_with_its_alternatives() {
        let raw = r#"{"chosenCandidates":[{"token":"é","tokenId":1,"logProbability":-0.5},{"token":"b"}],
            "topCandidates":[{"candidates":[{"token":"é","logProbability":-0.5},{"token":"x","logProbability":-1.5}]}]}"#;
        let raw = RawValue::from_string(raw.to_owned()).unwrap();
        let json = r#"{"content":[{"token":"é","logprob":-0.5,"bytes":[195,169],"top_logprobs":[{"token":"é","logprob":-0.5,"bytes":[195,169]},{"token":"x","logprob":-1.5,"bytes":[120]}]},{"token":"b","logprob":0.0,"bytes":[98],"top_logprobs":[]}],"refusal":null}"#;
        assert_eq!(to_openai(&raw).unwrap().get(), json);
    }
}
