//! From a chat and the beginning of its answer to the request that asks another model to go on.
//!
//! The beginning becomes the last message, the assistant's. How a host is told to go on with it instead of answering it is the adapter's affair.
//!
//! A request may ask for what an answer in two halves cannot give (a JSON schema is enforced from the first token, likelihoods are counted
//! from there), and hosts invent fields faster than anybody can judge them. So what is allowed is listed, and all else is in the way.

use std::ops::Range;

use bytes::Bytes;
use serde::Deserialize;

use super::{
    names::Names,
    scan::{Field, Scanner},
};
use crate::text::Loose;

/// What keeps an answer from being gone on with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotContinue {
    /// The request asks for what only an answer in one piece can give.
    #[error("the request has `{0}`")]
    Field(String),
    /// As many tokens have been sent as the caller wants.
    #[error("the answer is as long as it may be")]
    Length,
    /// It ends with what may be the beginning of a stop sequence, which the other model would not know for one.
    #[error("the answer may be in the middle of a stop sequence")]
    Stop,
    /// The request ends with a message of the assistant, which the answer goes on with already.
    #[error("the request ends with a message of the assistant")]
    Assistant,
    /// The body cannot be read.
    #[error("the body cannot be read")]
    Unreadable,
}

/// Fields that mean for half an answer what they mean for all of it.
const HARMLESS: [&str; 22] = [
    "chat_template_kwargs",
    "frequency_penalty",
    "logit_bias",
    "metadata",
    "min_p",
    "model",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt_cache_key",
    "reasoning_effort",
    "repetition_penalty",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "tools",
    "top_k",
    "top_p",
    "user",
];

/// The body of a chat with `text`, the beginning of its answer, as its last message, and with the limit of tokens reduced by the `sent` ones.
/// What is not changed stays as it came.
///
/// # Errors
/// [`CannotContinue`].
pub fn continue_with(body: &[u8], text: &str, sent: u64) -> Result<Bytes, CannotContinue> {
    let mut written = Vec::with_capacity(body.len() + text.len() + 64);
    let mut scanner = Scanner::new(body);
    let mut within = Names::default();
    let mut has_messages = false;
    while let Some(Field { name, value }) = scanner.next_field(&mut within).map_err(|_| CannotContinue::Unreadable)? {
        let value = slice(body, value)?;
        let name = slice(body, name.span)?;
        written.push(if written.is_empty() { b'{' } else { b',' });
        written.extend_from_slice(format!("\"{name}\":").as_bytes());
        match name {
            "messages" => {
                has_messages = true;
                written.extend_from_slice(longer(value, text)?.as_bytes());
            }
            "max_tokens" | "max_completion_tokens" if value != "null" => {
                let limit: u64 = serde_json::from_str(value).map_err(|_| CannotContinue::Unreadable)?;
                let left = limit.checked_sub(sent).filter(|left| *left > 0).ok_or(CannotContinue::Length)?;
                written.extend_from_slice(left.to_string().as_bytes());
            }
            "stop" if may_be_within(value, text)? => return Err(CannotContinue::Stop),
            _ if is_harmless(name, value) => written.extend_from_slice(value.as_bytes()),
            _ => return Err(CannotContinue::Field(name.to_owned())),
        }
    }
    if !has_messages {
        return Err(CannotContinue::Unreadable);
    }
    written.push(b'}');
    Ok(written.into())
}

fn slice(body: &[u8], span: Range<usize>) -> Result<&str, CannotContinue> {
    let bytes = body.get(span).ok_or(CannotContinue::Unreadable)?;
    std::str::from_utf8(bytes).map_err(|_| CannotContinue::Unreadable)
}

/// Whether a field may stay as it is. A name with escapes is none that is known.
fn is_harmless(name: &str, value: &str) -> bool {
    #[derive(Deserialize)]
    struct Format<'a> {
        #[serde(borrow, default)]
        r#type: Loose<'a>,
    }
    match name {
        _ if value == "null" => true,
        "n" => value == "1",
        "store" | "logprobs" => value == "false",
        "tool_choice" => matches!(value, "\"auto\"" | "\"none\""),
        "response_format" => serde_json::from_str::<Format<'_>>(value).is_ok_and(|format| format.r#type.text() == Some("text")),
        _ => HARMLESS.contains(&name),
    }
}

/// The messages with one more.
fn longer(messages: &str, text: &str) -> Result<String, CannotContinue> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow, default)]
        role: Loose<'a>,
    }
    let read: Vec<Message<'_>> = serde_json::from_str(messages).map_err(|_| CannotContinue::Unreadable)?;
    match read.last() {
        None => return Err(CannotContinue::Unreadable),
        Some(last) if last.role.text() == Some("assistant") => return Err(CannotContinue::Assistant),
        Some(_) => {}
    }
    let list = messages.trim_end().strip_suffix(']').ok_or(CannotContinue::Unreadable)?;
    let text = serde_json::Value::from(text);
    Ok(format!("{list},{{\"role\":\"assistant\",\"content\":{text}}}]"))
}

/// Whether the text ends with the beginning of one of the stop sequences.
fn may_be_within(stops: &str, text: &str) -> Result<bool, CannotContinue> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stops {
        One(String),
        Several(Vec<String>),
    }
    let stops = match serde_json::from_str(stops).map_err(|_| CannotContinue::Unreadable)? {
        None => Vec::new(),
        Some(Stops::One(stop)) => vec![stop],
        Some(Stops::Several(stops)) => stops,
    };
    let is_begun =
        |stop: &String| stop.char_indices().skip(1).any(|(at, _)| stop.get(..at).is_some_and(|begun| text.ends_with(begun)));
    Ok(stops.iter().any(is_begun))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn continued(fields: &str, sent: u64) -> Result<String, CannotContinue> {
        let body = format!(r#"{{"model":"m","messages":[ {{"role":"user","content":"hi"}} ]{fields}}}"#);
        continue_with(body.as_bytes(), "The \"wind\"\n", sent).map(|body| String::from_utf8(body.to_vec()).unwrap())
    }

    const MESSAGES: &str = r#""messages":[ {"role":"user","content":"hi"} ,{"role":"assistant","content":"The \"wind\"\n"}]"#;

    #[test]
    fn the_beginning_becomes_the_last_message_and_the_rest_stays_as_it_came() {
        let body = continued(r#" , "temperature":1.50,"stream" : true,"tools":[ ]"#, 3).unwrap();
        assert_eq!(body, format!(r#"{{"model":"m",{MESSAGES},"temperature":1.50,"stream":true,"tools":[ ]}}"#));
    }

    #[test]
    fn the_limit_of_tokens_is_reduced() {
        let body = continued(r#","max_tokens":9,"max_completion_tokens":8"#, 3).unwrap();
        assert!(body.ends_with(r#","max_tokens":6,"max_completion_tokens":5}"#), "{body}");
        assert_eq!(continued(r#","max_tokens":3"#, 3), Err(CannotContinue::Length));
        assert!(continued(r#","max_tokens":null"#, 3).is_ok());
    }

    #[test]
    fn what_only_a_whole_answer_can_give_is_in_the_way() {
        for (name, value) in [
            ("n", "2"),
            ("logprobs", "true"),
            ("response_format", r#"{"type":"json_schema"}"#),
            ("tool_choice", "\"required\""),
            ("guided_json", "{}"),
            ("modalities", r#"["audio"]"#),
            ("continue_final_message", "true"),
            ("to\\u0070_p", "1"),
        ] {
            assert_eq!(continued(&format!(r#","{name}":{value}"#), 1), Err(CannotContinue::Field(name.to_owned())));
        }
        for harmless in [r#","n":1"#, r#","logprobs":false"#, r#","response_format":{"type":"text"}"#, r#","audio":null"#] {
            assert!(continued(harmless, 1).is_ok(), "{harmless}");
        }
    }

    #[test]
    fn half_a_stop_sequence_is_in_the_way() {
        for (stop, is_in_the_way) in [
            (r#""\nEND""#, true),
            (r#"["x","d\"\n!"]"#, true),
            (r#""END""#, false),
            (r#""\n""#, false),
            ("null", false),
            ("[]", false),
        ] {
            let outcome = continued(&format!(r#","stop":{stop}"#), 1);
            assert_eq!(outcome == Err(CannotContinue::Stop), is_in_the_way, "{stop}");
        }
    }

    #[test]
    fn a_message_of_the_assistant_is_not_followed_by_another() {
        let body = br#"{"model":"m","messages":[{"role":"assistant","content":"The"}]}"#;
        assert_eq!(continue_with(body, "wind", 1), Err(CannotContinue::Assistant));
        assert_eq!(continue_with(br#"{"messages":[]}"#, "wind", 1), Err(CannotContinue::Unreadable));
        assert_eq!(continue_with(b"{}", "wind", 1), Err(CannotContinue::Unreadable));
    }
}
