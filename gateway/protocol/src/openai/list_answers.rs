//! Lists of vectors and of ranked documents, as OpenAI-shaped hosts send them, read into the canonical form.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::{
    answer::AnswerError,
    string_or::{Expecting, StringOr},
    told::ToldError,
};
use crate::{
    Embeddings, Usage,
    rerank::{Ranked, Reranked},
    text::Loose,
};

#[derive(Deserialize)]
struct VectorList<'a> {
    #[serde(borrow)]
    data: Vec<VectorItem<'a>>,
    usage: Option<ReadUsage>,
}

#[derive(Deserialize)]
struct VectorItem<'a> {
    #[serde(borrow)]
    embedding: StringOr<'a, Values>,
    index: Option<usize>,
}

/// Numbers; Snowflake wraps them once more.
#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    Flat(Vec<f32>),
    Nested(Vec<Vec<f32>>),
}

impl Expecting for Values {
    const EXPECTED: &'static str = "numbers or base64";
}

/// Counts of an operation that only reads: some hosts tell the sum alone.
#[derive(Deserialize)]
struct ReadUsage {
    prompt_tokens: Option<u64>,
    total_tokens: Option<u64>,
}

impl ReadUsage {
    fn usage(&self) -> Option<Usage> {
        self.prompt_tokens.or(self.total_tokens).map(|tokens| Usage::new(tokens, 0))
    }
}

/// Reads a list of embeddings: numbers, base64, or numbers in a list of one.
///
/// # Errors
/// [`AnswerError`].
pub fn read_embeddings_answer(body: &[u8]) -> Result<Embeddings, AnswerError> {
    let mut list: VectorList<'_> = read(body)?;
    list.data.sort_by_key(|item| item.index);
    let vectors = list.data.into_iter().map(|item| match item.embedding {
        StringOr::String(text) => floats(&text),
        StringOr::Other(Values::Flat(values)) => Ok(values),
        StringOr::Other(Values::Nested(values)) => <[Vec<f32>; 1]>::try_from(values)
            .map(|[values]| values)
            .map_err(|values| AnswerError::Malformed(format!("{} vectors for one input", values.len()))),
    });
    Embeddings { vectors: vectors.collect::<Result<_, _>>()?, usage: list.usage.and_then(|usage| usage.usage()) }.finite()
}

/// Little-endian `f32`s in base64.
fn floats(text: &str) -> Result<Vec<f32>, AnswerError> {
    let bytes = STANDARD.decode(text).map_err(|error| AnswerError::Malformed(error.to_string()))?;
    let (chunks, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(AnswerError::Malformed(format!("a vector of {} bytes", bytes.len())));
    }
    Ok(chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect())
}

#[derive(Deserialize)]
struct RankedList<'a> {
    #[serde(borrow, default)]
    id: Loose<'a>,
    #[serde(alias = "data")]
    results: Vec<RankedItem>,
    usage: Option<ReadUsage>,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct RankedItem {
    index: usize,
    #[serde(alias = "score")]
    relevance_score: f64,
}

#[derive(Deserialize)]
struct Meta {
    billed_units: Option<BilledUnits>,
}

#[derive(Deserialize)]
struct BilledUnits {
    search_units: Option<f64>,
}

/// Reads a list of ranked documents: Cohere's form, which vLLM, Together and others follow, or the bare list of text embeddings servers.
///
/// # Errors
/// [`AnswerError`].
pub fn read_rerank_answer(body: &[u8]) -> Result<Reranked, AnswerError> {
    let list = if body.trim_ascii_start().starts_with(b"[") {
        RankedList { id: Loose::default(), results: read(body)?, usage: None, meta: None }
    } else {
        read(body)?
    };
    let results = list.results.into_iter().map(|item| Ranked { index: item.index, relevance_score: item.relevance_score });
    let units = list.meta.and_then(|meta| meta.billed_units).and_then(|units| units.search_units);
    Ok(Reranked {
        id: list.id.text().map(ToOwned::to_owned),
        results: Ranked::best_first(results),
        usage: list.usage.and_then(|usage| usage.usage()),
        search_units: units.map(super::answer::whole),
    })
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, AnswerError> {
    serde_json::from_slice(body).map_err(|error| match ToldError::read(body) {
        Some(told) => AnswerError::Told { status: told.status(), message: told.message },
        None => AnswerError::Malformed(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_read_in_every_spelling() {
        for embedding in ["[1.0,-2.5]", "[[1.0,-2.5]]", "\"AACAPwAAIMA=\""] {
            let body = format!(
                r#"{{"object":"list","data":[{{"embedding":{embedding},"index":0}}],"model":"m","usage":{{"total_tokens":3}}}}"#
            );
            let read = read_embeddings_answer(body.as_bytes()).unwrap();
            assert_eq!((read.vectors, read.usage), (vec![vec![1.0, -2.5]], Some(Usage::new(3, 0))), "{embedding}");
        }
        for embedding in ["[[1.0],[2.0]]", "\"AAA=\"", "\"?\"", "{}"] {
            let body = format!(r#"{{"data":[{{"embedding":{embedding},"index":0}}]}}"#);
            assert!(matches!(read_embeddings_answer(body.as_bytes()), Err(AnswerError::Malformed(_))), "{embedding}");
        }
    }

    #[test]
    fn the_order_of_vectors_is_that_of_the_inputs() {
        let body = br#"{"data":[{"embedding":[2.0],"index":1},{"embedding":[1.0],"index":0}]}"#;
        assert_eq!(read_embeddings_answer(body).unwrap().vectors, [[1.0], [2.0]]);
    }

    #[test]
    fn documents_are_ranked_whatever_the_list_is_called() {
        for body in [
            r#"[{"index":1,"score":0.5},{"index":0,"score":0.9}]"#,
            r#"{"results":[{"index":1,"relevance_score":0.5,"document":{"text":"x"}},{"index":0,"relevance_score":0.9}]}"#,
            r#"{"data":[{"index":0,"relevance_score":0.9},{"index":1,"relevance_score":0.5}]}"#,
        ] {
            let read = read_rerank_answer(body.as_bytes()).unwrap();
            assert_eq!(read.results.iter().map(|ranked| ranked.index).collect::<Vec<_>>(), [0, 1], "{body}");
        }
        let told = read_rerank_answer(br#"{"error":"overloaded","error_type":"Overloaded"}"#);
        assert!(matches!(told, Err(AnswerError::Told { .. })));
    }
}
