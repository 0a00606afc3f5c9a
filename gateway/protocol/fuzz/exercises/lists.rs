//! Requests and answers of embeddings and of reranking.

use std::collections::BTreeSet;

use tradewind_protocol::{
    Capabilities, Embeddings, bedrock,
    chat::{Dropped, Target},
    cohere, gemini,
    openai::{self, EncodingFormat},
    rerank::Reranked,
    tgi,
};

use super::{IDENTITY, assert_json};

/// Embeddings: a request is written for every target, an answer read in every dialect and written so that it says the same when read again.
pub(crate) fn embeddings(bytes: &[u8]) {
    if let Ok(request) = openai::read_embeddings(bytes) {
        let dropped = &mut Dropped::new();
        for model in ["amazon.titan-embed-text-v2:0", "cohere.embed-v4:0", "amazon.nova-2-multimodal-embeddings-v1:0"] {
            let target = Target { model, capabilities: &Capabilities::UNKNOWN };
            let encoded = bedrock::encode_embeddings(&request, &target, dropped);
            encoded.iter().flat_map(|encoded| &encoded.bodies).for_each(|body| assert_json(body));
        }
        if let Ok(texts) = request.texts() {
            gemini::encode_predict(&request, &texts, dropped).iter().for_each(|body| assert_json(body));
            gemini::encode_batch_embed(&request, "m", &texts, dropped).iter().for_each(|body| assert_json(body));
            cohere::encode_embed(&request, "m", &texts, dropped).iter().for_each(|body| assert_json(body));
        }
        tgi::encode_tei_embeddings(&request, dropped).iter().for_each(|body| assert_json(body));
    }
    let answers = [
        openai::read_embeddings_answer(bytes),
        gemini::read_predict(bytes),
        gemini::read_batch_embed(bytes),
        cohere::read_embed(bytes),
        bedrock::read_embeddings([(bytes, None)]),
        tgi::read_tei_embeddings(bytes),
    ];
    for answer in answers.iter().flatten() {
        same_vectors(answer, EncodingFormat::Float);
        same_vectors(answer, EncodingFormat::Base64);
    }
}

fn same_vectors(answer: &Embeddings, format: EncodingFormat) {
    let body = openai::write_embeddings(answer, format, &IDENTITY);
    let text = String::from_utf8_lossy(&body);
    let again = openai::read_embeddings_answer(&body).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(again.vectors, answer.vectors, "{text}");
}

/// Reranking, likewise.
pub(crate) fn rerank(bytes: &[u8]) {
    if let Ok(request) = openai::read_rerank(bytes) {
        let dropped = &mut Dropped::new();
        bedrock::encode_rerank(&request, "arn", dropped).iter().for_each(|body| assert_json(body));
        cohere::encode_rerank(&request, "m", dropped).iter().for_each(|body| assert_json(body));
        tgi::encode_tei_rerank(&request, dropped).iter().for_each(|body| assert_json(body));
    }
    let answers = [
        openai::read_rerank_answer(bytes),
        cohere::read_rerank(bytes),
        bedrock::read_rerank(bytes),
        tgi::read_tei_rerank(bytes, None),
        tgi::read_tei_rerank(bytes, Some(1)),
    ];
    for answer in answers.iter().flatten() {
        same_order(answer);
    }
}

fn same_order(answer: &Reranked) {
    let request = openai::read_rerank(br#"{"model":"m","query":"q","documents":["a","b"],"return_documents":true}"#)
        .expect("a request is a request");
    let body = openai::write_rerank(answer, &request, &IDENTITY);
    let text = String::from_utf8_lossy(&body);
    let again = openai::read_rerank_answer(&body).unwrap_or_else(|error| panic!("{error}: {text}"));
    let indexes = |answer: &Reranked| answer.results.iter().map(|ranked| ranked.index).collect::<BTreeSet<_>>();
    assert_eq!(indexes(&again), indexes(answer), "{text}");
    // Numbers are read to the last digit but one, so documents that are nearly as good may change places.
    for (again, told) in again.results.iter().zip(&answer.results) {
        let (again, told) = (again.relevance_score, told.relevance_score);
        assert!((again - told).abs() <= told.abs() * 1e-12, "{again} is not {told}: {text}");
    }
    assert!(
        answer.results.is_sorted_by(|one, other| one.relevance_score >= other.relevance_score),
        "the best is not first: {text}"
    );
}
