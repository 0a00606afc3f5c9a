//! The lists that watsonx.ai answers with.

use http::HeaderMap;
use serde::{Deserialize, de::DeserializeOwned};
use tradewind_protocol::{
    Embeddings, Operation, Usage,
    chat::StreamDecoder,
    openai::ToldError,
    rerank::{Ranked, Reranked},
};

use crate::{ReadError, Reply, Translate, Translated};

/// Reads vectors, or documents in order.
#[derive(Debug)]
pub(super) struct Lists(pub(super) Operation);

#[derive(Deserialize)]
struct List<T> {
    results: Vec<T>,
    input_token_count: Option<u64>,
}

#[derive(Deserialize)]
struct Vector {
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Score {
    index: usize,
    score: f64,
}

impl Translate for Lists {
    fn whole(&mut self, answers: &[Reply]) -> Result<Translated, ReadError> {
        let [answer] = answers else {
            return Err(ReadError::Malformed(format!("{} answers to one request", answers.len())));
        };
        if self.0 == Operation::Rerank {
            let list: List<Score> = read(&answer.body)?;
            let results = list.results.into_iter().map(|item| Ranked { index: item.index, relevance_score: item.score });
            let usage = list.input_token_count.map(|tokens| Usage::new(tokens, 0));
            return Ok(Translated::Rerank(Reranked { id: None, results: results.collect(), usage, search_units: None }));
        }
        let list: List<Vector> = read(&answer.body)?;
        Ok(Translated::Embeddings(Embeddings {
            vectors: list.results.into_iter().map(|item| item.embedding).collect(),
            usage: list.input_token_count.map(|tokens| Usage::new(tokens, 0)),
        }))
    }

    fn stream(&mut self, _headers: &HeaderMap) -> Result<Box<dyn StreamDecoder>, ReadError> {
        Err(ReadError::Malformed("a list does not come as events".to_owned()))
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ReadError> {
    serde_json::from_slice(body).map_err(|error| match ToldError::read(body) {
        Some(told) => ReadError::Told { status: told.status(), message: told.message },
        None => ReadError::Malformed(error.to_string()),
    })
}
