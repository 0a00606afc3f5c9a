//! Answers with embeddings, of whichever vendor.

use serde::Deserialize;

use crate::{Embeddings, Usage, openai::AnswerError};

/// An answer in any of the three forms, which do not contradict each other.
#[derive(Deserialize)]
struct Answer {
    /// Titan: the one vector.
    embedding: Option<Vec<f32>>,
    #[serde(rename = "inputTextTokenCount")]
    tokens: Option<u64>,
    /// Cohere and Nova.
    embeddings: Option<Vectors>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Vectors {
    /// Cohere, where no type was asked for.
    Lists(Vec<Vec<f32>>),
    /// Cohere, by type.
    ByType { float: Vec<Vec<f32>> },
    /// Nova.
    Objects(Vec<Object>),
}

#[derive(Deserialize)]
struct Object {
    embedding: Vec<f32>,
}

/// Reads the answers of InvokeModel in order, each with the count of tokens that its header told; one in the body wins.
///
/// # Errors
/// [`AnswerError::Malformed`], where one is none of the forms.
pub fn read_embeddings<'a>(answers: impl IntoIterator<Item = (&'a [u8], Option<u64>)>) -> Result<Embeddings, AnswerError> {
    let mut all = Embeddings::default();
    for (body, told) in answers {
        let answer: Answer = serde_json::from_slice(body).map_err(|error| AnswerError::Malformed(error.to_string()))?;
        if let Some(tokens) = answer.tokens.or(told) {
            let before = all.usage.unwrap_or_default().prompt_tokens;
            all.usage = Some(Usage::new(before.saturating_add(tokens), 0));
        }
        match (answer.embedding, answer.embeddings) {
            (Some(vector), _) => all.vectors.push(vector),
            (None, Some(Vectors::Lists(vectors) | Vectors::ByType { float: vectors })) => all.vectors.extend(vectors),
            (None, Some(Vectors::Objects(objects))) => all.vectors.extend(objects.into_iter().map(|object| object.embedding)),
            (None, None) => return Err(AnswerError::Malformed("there is neither `embedding` nor `embeddings`".to_owned())),
        }
    }
    all.finite()
}
