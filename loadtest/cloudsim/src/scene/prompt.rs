//! What the model is asked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// What the model is asked, as far as its answer depends on it.
#[derive(Debug, Default)]
pub(crate) struct Prompt {
    pub(crate) model: String,
    /// Everything the user and the system said.
    pub(crate) text: String,
    /// The beginning of the answer, where it is to go on with one.
    pub(crate) begun: Option<String>,
    /// The most tokens to answer with.
    pub(crate) limit: Option<usize>,
    /// The texts at which to stop.
    pub(crate) stops: Vec<String>,
    pub(crate) tools: Vec<Tool>,
    pub(crate) choice: Choice,
    /// Whether more than one call is allowed in an answer.
    pub(crate) parallel: Parallel,
    /// How many calls the history has: a new call needs a new id.
    pub(crate) calls_before: usize,
    /// What the tools gave back in the last turn, if it is a turn of tools.
    pub(crate) results: Vec<String>,
    pub(crate) images: Vec<Image>,
    pub(crate) form: Form,
    pub(crate) thinks: Thinks,
    pub(crate) cache: Cache,
}

/// A tool on offer.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    pub(crate) name: String,
    /// The JSON schema of its arguments.
    pub(crate) schema: Value,
}

/// Whether the model must call a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Choice {
    #[default]
    Auto,
    Never,
    Some,
    Named(String),
}

/// Whether an answer may hold several calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Parallel {
    #[default]
    Allowed,
    Refused,
}

/// Whether the model was asked to think first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Thinks {
    #[default]
    No,
    Yes,
}

/// Whether a part of the prompt is to be cached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Cache {
    #[default]
    None,
    Point,
}

/// What the answer must be.
#[derive(Clone, Debug, Default)]
pub(crate) enum Form {
    #[default]
    Text,
    /// Any JSON object.
    Json,
    /// An instance of this schema.
    Schema(Value),
}

/// An image in the prompt.
#[derive(Clone, Debug)]
pub(crate) enum Image {
    Inline { media_type: String, bytes: usize },
    Url(String),
}

/// An image that is a `data:` URL with base64; none if it is not.
pub(crate) fn data_url(url: &str) -> Option<Image> {
    let (media_type, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
    Image::inline(media_type, data)
}

/// The words of a text, each of which counts as a token.
pub(crate) fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

impl Image {
    /// An image in base64; none if it is not base64.
    pub(crate) fn inline(media_type: &str, data: &str) -> Option<Self> {
        let bytes = STANDARD.decode(data).ok()?.len();
        Some(Self::Inline { media_type: media_type.to_owned(), bytes })
    }
}

impl Prompt {
    /// Adds what somebody said.
    pub(crate) fn say(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }
}
