//! What the model answers.

use serde_json::{Value, json};

use super::prompt::{Cache, Choice, Form, Image, Parallel, Prompt, Thinks, words};
use super::schema::instance;
use crate::behaviour::{Behaviour, Length};

/// What the model answers: a thought, then calls or a text.
#[derive(Debug)]
pub(crate) struct Performance {
    /// What it thought first, in the pieces in which it is streamed.
    pub(crate) thought: Vec<String>,
    /// Its text, in pieces.
    pub(crate) pieces: Vec<String>,
    pub(crate) calls: Vec<Call>,
    pub(crate) ending: Ending,
    pub(crate) spent: Spent,
}

/// A tool that is called.
#[derive(Debug)]
pub(crate) struct Call {
    /// Counts the calls of a conversation, from 1.
    pub(crate) number: usize,
    pub(crate) name: String,
    /// An object.
    pub(crate) arguments: Value,
}

/// Why an answer ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It was complete.
    Complete,
    /// This text was next.
    Stopped(String),
    /// There were no tokens left.
    Length,
    /// The tools are to be called.
    Calls,
    /// It is not to be answered.
    Filtered,
}

/// What an answer cost, in tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    /// The whole prompt.
    pub(crate) prompt: usize,
    /// Of the prompt, read from a cache.
    pub(crate) cached: usize,
    /// Of the prompt, written to a cache.
    pub(crate) written: usize,
    /// The whole answer, thought and all.
    pub(crate) answer: usize,
    /// Of the answer, the thought.
    pub(crate) thought: usize,
}

impl Performance {
    /// The whole text.
    pub(crate) fn text(&self) -> String {
        self.pieces.concat()
    }

    /// The whole thought; none if it did not think.
    pub(crate) fn thought(&self) -> Option<String> {
        Some(self.thought.concat()).filter(|thought| !thought.is_empty())
    }
}

/// Lets the model answer.
pub(crate) fn perform(behaviour: &Behaviour, prompt: &Prompt) -> Performance {
    let filtered = prompt.text.contains("forbidden");
    let calls = if filtered { Vec::new() } else { calls(prompt) };
    let (pieces, ending) = match calls.as_slice() {
        _ if filtered => (Vec::new(), Ending::Filtered),
        [] => cut(more(spoken(behaviour, prompt), prompt.begun.as_deref()), prompt),
        _ => (Vec::new(), Ending::Calls),
    };
    let thinks = prompt.thinks == Thinks::Yes && !filtered;
    let thought: Vec<String> =
        if thinks { ["First", " I", " feel", " the", " wind."].map(String::from).into() } else { Vec::new() };
    let arguments: usize = calls.iter().map(|call| words(&call.arguments.to_string())).sum();
    let begun = prompt.begun.as_ref().map_or(0, |begun| until(&behaviour.answer, begun.len()).len());
    let tokens = words(&prompt.text) + begun;
    let (cached, written) = if prompt.cache == Cache::Point { (tokens / 2, tokens / 4) } else { (0, 0) };
    let answer = thought.len() + pieces.len() + arguments;
    let spent = Spent { prompt: tokens, cached, written, answer, thought: thought.len() };
    Performance { thought, pieces, calls, ending, spent }
}

fn calls(prompt: &Prompt) -> Vec<Call> {
    if !prompt.results.is_empty() || prompt.choice == Choice::Never {
        return Vec::new();
    }
    let named = |tool: &&super::Tool| match &prompt.choice {
        Choice::Named(name) => tool.name == *name,
        _ => true,
    };
    let offered: Vec<_> = prompt.tools.iter().filter(named).collect();
    let both = prompt.text.contains("both") && prompt.parallel == Parallel::Allowed;
    // One tool can be called twice.
    let called = offered.iter().cycle().take(if offered.is_empty() { 0 } else { 1 + usize::from(both) });
    let call = |(index, tool): (usize, &&super::Tool)| {
        let arguments = match instance(&tool.schema, "value") {
            arguments @ Value::Object(_) => arguments,
            _ => json!({}),
        };
        Call { number: prompt.calls_before + index + 1, name: tool.name.clone(), arguments }
    };
    called.enumerate().map(call).collect()
}

/// What it says where nothing stops it.
fn spoken(behaviour: &Behaviour, prompt: &Prompt) -> Vec<String> {
    if !prompt.results.is_empty() {
        return pieces(&format!("The tools say: {}.", prompt.results.join(", ")));
    }
    match &prompt.form {
        Form::Json => return pieces(&json!({ "answer": behaviour.answer.concat() }).to_string()),
        Form::Schema(schema) => return pieces(&instance(schema, "answer").to_string()),
        Form::Text => {}
    }
    if prompt.images.is_empty() {
        return match (behaviour.length, prompt.limit) {
            (Length::ToTheLimit, Some(limit)) => behaviour.answer.iter().cycle().take(limit).cloned().collect(),
            _ => behaviour.answer.clone(),
        };
    }
    let image = |image: &Image| match image {
        Image::Inline { media_type, bytes } => format!("I see {media_type} of {bytes} bytes."),
        Image::Url(url) => format!("I see {url}."),
    };
    pieces(&prompt.images.iter().map(image).collect::<Vec<_>>().join(" "))
}

/// A text in pieces that begin with their space, as models write.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for (index, word) in text.split(' ').enumerate() {
        pieces.push(if index == 0 { word.to_owned() } else { format!(" {word}") });
    }
    pieces
}

/// What is left to say behind the beginning of an answer. A model goes on with anything; this one says so where it would not have begun like that.
fn more(pieces: Vec<String>, begun: Option<&str>) -> Vec<String> {
    let Some(begun) = begun else { return pieces };
    if !pieces.concat().starts_with(begun) {
        return vec![" (this is not how I begin)".to_owned()];
    }
    let mut said = begun.len();
    let mut left = Vec::new();
    for piece in pieces {
        let rest = piece.get(said.min(piece.len())..).unwrap_or_default();
        said = said.saturating_sub(piece.len());
        if !rest.is_empty() {
            left.push(rest.to_owned());
        }
    }
    left
}

/// Cuts an answer at the first stop sequence and at the limit, whichever comes first.
fn cut(pieces: Vec<String>, prompt: &Prompt) -> (Vec<String>, Ending) {
    let text = pieces.concat();
    let stop = prompt.stops.iter().filter_map(|stop| text.find(stop.as_str()).map(|at| (at, stop))).min();
    let (mut pieces, mut ending) = match stop {
        Some((at, stop)) => (until(&pieces, at), Ending::Stopped(stop.clone())),
        None => (pieces, Ending::Complete),
    };
    if let Some(limit) = prompt.limit.filter(|limit| *limit < pieces.len()) {
        pieces.truncate(limit);
        ending = Ending::Length;
    }
    (pieces, ending)
}

/// The first `bytes` bytes of the pieces, which end between two characters.
fn until(pieces: &[String], bytes: usize) -> Vec<String> {
    let mut left = bytes;
    let mut kept = Vec::new();
    for piece in pieces {
        if left == 0 {
            break;
        }
        let take = piece.len().min(left);
        kept.extend(piece.get(..take).map(str::to_owned));
        left -= take;
    }
    kept
}
