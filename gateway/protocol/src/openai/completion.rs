//! `POST /v1/completions`, in full, for backends that answer it in this process.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::{FinishReason, Logprob, StopSequences, TokenLogprob, Unsupported, UsageBody};

/// Texts to continue. Fields that this type has no member for land in `rest`, where [`CompletionRequest::unsupported`] finds those
/// that cannot be ignored.
#[derive(Debug, Clone, Deserialize)]
pub struct CompletionRequest {
    /// The model asked for.
    pub model: String,
    /// What to continue.
    pub prompt: CompletionPrompt,
    /// Spread of the sampling, 0 (always the likeliest token) to 2.
    #[serde(default)]
    pub temperature: Option<f64>,
    /// Share of the probability mass to sample from, above 0 up to 1.
    #[serde(default)]
    pub top_p: Option<f64>,
    /// How many of the likeliest tokens to sample from; 0 or -1 for all. vLLM's name, as the next two.
    #[serde(default)]
    pub top_k: Option<i64>,
    /// How likely a token must be, as a share of the likeliest one's probability.
    #[serde(default)]
    pub min_p: Option<f64>,
    /// What the logits of tokens that are there already are divided by.
    #[serde(default)]
    pub repetition_penalty: Option<f64>,
    /// What is taken from the logit of a token for each time that the answer has it.
    #[serde(default)]
    pub frequency_penalty: Option<f64>,
    /// What is taken from the logit of a token that the answer has.
    #[serde(default)]
    pub presence_penalty: Option<f64>,
    /// What is added to the logits of tokens, by their ids.
    #[serde(default)]
    pub logit_bias: Option<BTreeMap<String, f64>>,
    /// Makes sampling repeatable.
    #[serde(default)]
    pub seed: Option<i64>,
    /// How many answers to give to each prompt.
    #[serde(default)]
    pub n: Option<u64>,
    /// How many answers to make, of which the best `n` are given.
    #[serde(default)]
    pub best_of: Option<u64>,
    /// How many of the likeliest tokens to tell in each place, beside the one that was chosen.
    #[serde(default)]
    pub logprobs: Option<u64>,
    /// Texts before which generation ends.
    #[serde(default)]
    pub stop: Option<StopSequences>,
    /// The most tokens to generate for an answer.
    #[serde(default)]
    pub max_tokens: Option<u64>,
    /// Whether the answer comes as events.
    #[serde(default)]
    pub stream: Option<bool>,
    /// Options of the stream; read by [`super::Head`].
    #[serde(default)]
    pub stream_options: Option<Value>,
    /// The form of the answer, as chats and vLLM's extension have it.
    #[serde(default)]
    pub response_format: Option<Value>,
    /// The form of the answer, as vLLM's extension has it.
    #[serde(default)]
    pub structured_outputs: Option<Value>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

impl CompletionRequest {
    /// The first field that would have to be ignored although it may change the answer.
    #[must_use]
    pub fn unsupported(&self) -> Option<Unsupported> {
        self.rest.iter().find_map(|(name, value)| {
            let (is_accepted, accepted) = match name.as_str() {
                "user" => (true, ""),
                "echo" => (value == false, "only false"),
                "suffix" => (value == "", "only an empty string"),
                _ => (false, "nothing"),
            };
            (!is_accepted && !value.is_null()).then(|| Unsupported { param: name.clone(), accepted })
        })
    }
}

/// One prompt or several, as text or as token ids.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "it must be a string, an array of strings, an array of token ids or an array of such arrays")]
pub enum CompletionPrompt {
    /// One text.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
    /// One text, tokenised by the caller.
    Tokens(Vec<u32>),
    /// Several texts, tokenised by the caller.
    TokenLists(Vec<Vec<u32>>),
}

/// An answer, or one event of it: both have the same form.
#[derive(Debug, Clone, Serialize)]
pub struct TextCompletion<'a> {
    /// A name for this answer, `cmpl-…`, the same in every event of it.
    pub id: &'a str,
    /// Always `text_completion`.
    pub object: &'static str,
    /// Seconds since 1970, the same in every event.
    pub created: u64,
    /// The model that answers.
    pub model: &'a str,
    /// The answers, or what an event adds to one of them.
    pub choices: &'a [CompletionChoice<'a>],
    /// Tokens read and generated. In a stream absent unless asked for; then `null` in all events but the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Option<UsageBody>>,
}

/// One answer, or what is added to it.
#[derive(Debug, Clone, Serialize)]
pub struct CompletionChoice<'a> {
    /// Which: those to the first prompt, then those to the second, and so on.
    pub index: u32,
    /// The text.
    pub text: &'a str,
    /// How likely its tokens were, if that was asked.
    pub logprobs: Option<CompletionLogprobs>,
    /// Why generation ended; none while it goes on.
    pub finish_reason: Option<FinishReason>,
}

/// How likely the tokens of a text were: four lists of the same length.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CompletionLogprobs {
    /// Where each token begins in the text of the answer, in characters.
    pub text_offset: Vec<usize>,
    /// The natural logarithm of the probability of each.
    pub token_logprobs: Vec<f64>,
    /// The tokens.
    pub tokens: Vec<String>,
    /// The likeliest in the place of each, and the one that was chosen.
    pub top_logprobs: Vec<TopLogprobs>,
}

impl CompletionLogprobs {
    /// Of these tokens, before which the text of the answer has so many characters. Counts on.
    #[must_use]
    pub fn of(tokens: Vec<TokenLogprob>, characters: &mut usize) -> Self {
        let mut told = Self::default();
        for TokenLogprob { chosen, top_logprobs } in tokens {
            // A token that goes on with a character begins where that does.
            let is_within = chosen.bytes.first().is_some_and(|byte| !begins_character(*byte));
            told.text_offset.push(characters.saturating_sub(usize::from(is_within)));
            *characters += chosen.bytes.iter().filter(|byte| begins_character(**byte)).count();
            let chosen_too = std::iter::once(&chosen).filter(|chosen| top_logprobs.iter().all(|top| top.bytes != chosen.bytes));
            let top = top_logprobs.iter().chain(chosen_too).map(|token| (spelled(token), token.logprob));
            told.top_logprobs.push(TopLogprobs(top.collect()));
            told.token_logprobs.push(chosen.logprob);
            told.tokens.push(spelled(&chosen));
        }
        told
    }
}

/// Whether the byte is not one of those that go on with a character in UTF-8.
const fn begins_character(byte: u8) -> bool {
    byte & 0b1100_0000 != 0b1000_0000
}

/// A token as this API writes it: what is no text by its bytes.
fn spelled(token: &Logprob) -> String {
    match str::from_utf8(&token.bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("bytes:{}", token.bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>()),
    }
}

/// The likeliest tokens of a place, in that order. A JSON object.
#[derive(Debug, Clone, PartialEq)]
pub struct TopLogprobs(Vec<(String, f64)>);

impl Serialize for TopLogprobs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Tokens that are not shown have the same text, none: the likeliest of them stands for all.
        let is_first = |place: usize, name: &String| self.0.iter().take(place).all(|(before, _)| before != name);
        let entries = self.0.iter().enumerate().filter(|(place, (name, _))| is_first(*place, name));
        serializer.collect_map(entries.map(|(_, (name, logprob))| (name, logprob)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &str) -> CompletionRequest {
        serde_json::from_str(&format!(r#"{{"model":"m",{fields}}}"#)).unwrap()
    }

    #[test]
    fn reads_the_four_kinds_of_prompt() {
        let prompt = |json: &str| serde_json::from_str::<CompletionPrompt>(json).map_err(|error| error.to_string());
        assert_eq!(prompt(r#""a""#), Ok(CompletionPrompt::Text("a".to_owned())));
        assert_eq!(prompt(r#"["a","b"]"#), Ok(CompletionPrompt::Texts(vec!["a".to_owned(), "b".to_owned()])));
        assert_eq!(prompt("[1,2]"), Ok(CompletionPrompt::Tokens(vec![1, 2])));
        assert_eq!(prompt("[[1],[2]]"), Ok(CompletionPrompt::TokenLists(vec![vec![1], vec![2]])));
        assert!(prompt("[-1]").unwrap_err().contains("array of token ids"));
    }

    #[test]
    fn what_would_change_the_answer_is_named_and_what_asks_for_nothing_is_not() {
        assert_eq!(request(r#""prompt":"a","user":"u","echo":false,"suffix":"","anything":null"#).unsupported(), None);
        for field in [r#""echo":true"#, r#""suffix":"x""#, r#""invented":1"#] {
            let unsupported = request(&format!(r#""prompt":"a",{field}"#)).unsupported().unwrap();
            assert_eq!(Some(unsupported.param.as_str()), field.split('"').nth(1));
        }
    }

    #[test]
    fn likelihoods_are_lists_with_the_places_of_tokens_in_the_text() {
        let token = |bytes: &[u8], logprob| Logprob::new(bytes.to_vec(), logprob);
        let of = |chosen: Logprob, top: Vec<Logprob>| TokenLogprob { chosen, top_logprobs: top };
        let mut characters = 0;
        let first =
            vec![of(token(b"ab", -0.5), vec![token(b"ab", -0.5), token(b"c", -2.0)]), of(token(&[0xc3], -1.0), Vec::new())];
        let told = serde_json::to_value(CompletionLogprobs::of(first, &mut characters)).unwrap();
        let expected = serde_json::json!({
            "text_offset": [0, 2],
            "token_logprobs": [-0.5, -1.0],
            "tokens": ["ab", "bytes:\\xc3"],
            "top_logprobs": [{ "ab": -0.5, "c": -2.0 }, { "bytes:\\xc3": -1.0 }],
        });
        assert_eq!(told, expected);
        let rest = vec![of(token(&[0xa9], 0.0), Vec::new()), of(token(b"!", 0.0), vec![token(b"", -3.0), token(b"", -4.0)])];
        let told = serde_json::to_value(CompletionLogprobs::of(rest, &mut characters)).unwrap();
        assert_eq!(told["text_offset"], serde_json::json!([2, 3]));
        assert_eq!(told["top_logprobs"][1], serde_json::json!({ "": -3.0, "!": 0.0 }));
    }
}
