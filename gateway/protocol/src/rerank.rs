//! Ordering documents by how well they answer a query, in the form of Cohere's rerank API (version 2), which most servers follow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Usage;

/// `POST /v1/rerank`.
#[derive(Debug, Clone, Deserialize)]
pub struct RerankRequest {
    /// The model asked for.
    pub model: String,
    /// What is looked for.
    pub query: String,
    /// Where.
    pub documents: Vec<Document>,
    /// How many of the best to return; all without it.
    #[serde(default)]
    pub top_n: Option<u64>,
    /// How much of each document to read.
    #[serde(default)]
    pub max_tokens_per_doc: Option<u64>,
    /// Whether to repeat the documents in the answer.
    #[serde(default)]
    pub return_documents: Option<bool>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

/// A document: a text, or an object with a `text`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a document must be a string or an object with a string `text`")]
pub enum Document {
    /// A text.
    Text(String),
    /// An object.
    Object {
        /// The text.
        text: String,
    },
}

impl Document {
    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Object { text } => text,
        }
    }
}

/// The canonical answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reranked {
    /// The provider's name for the answer, if it gave one.
    pub id: Option<String>,
    /// The best first.
    pub results: Vec<Ranked>,
    /// Tokens read, if the provider told.
    pub usage: Option<Usage>,
    /// What Cohere and Bedrock bill in place of tokens, if the provider told.
    pub search_units: Option<u64>,
}

/// A document in its place.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// Its number in the request, from 0.
    pub index: usize,
    /// How well it answers the query; higher is better.
    pub relevance_score: f64,
}

impl Ranked {
    /// `results` with the best first; those that are as good keep their order.
    #[must_use]
    pub fn best_first(results: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut results: Vec<Self> = results.into_iter().collect();
        results.sort_by(|one, other| other.relevance_score.total_cmp(&one.relevance_score));
        results
    }
}
