//! Token ids against those of llama.cpp, for every kind of tokenizer that GGUF files name.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use serde::Deserialize;
use tradewind_models::tokenizer::{AfterStructure, GgufVocabulary, TokenKind, Tokenizer};

/// What `golden/vocabularies.py` made.
#[derive(Deserialize)]
struct Golden {
    texts: Vec<String>,
    vocabularies: Vec<Vocabulary>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Vocabulary {
    model: String,
    tokens: Vec<(String, u8)>,
    merges: Vec<String>,
    scores: Vec<f32>,
    begin: u32,
}

#[derive(Deserialize)]
struct Case {
    vocabulary: usize,
    pre: Option<String>,
    adds_space: Option<bool>,
    /// Of the model.
    name: String,
    ids: Vec<Vec<u32>>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/vocabularies.json")).unwrap()
}

impl Case {
    fn tokenizer(&self, golden: &Golden) -> Tokenizer {
        let vocabulary = &golden.vocabularies[self.vocabulary];
        let kind = |kind: u8| match kind {
            2 => TokenKind::Unknown,
            3 => TokenKind::Control,
            4 => TokenKind::UserDefined,
            6 => TokenKind::Byte,
            _ => TokenKind::Text,
        };
        let gguf = GgufVocabulary {
            model: vocabulary.model.clone(),
            pre: self.pre.clone().unwrap_or_else(|| "default".to_owned()),
            tokens: vocabulary.tokens.iter().map(|(token, number)| (token.clone(), kind(*number))).collect(),
            merges: vocabulary.merges.clone(),
            scores: vocabulary.scores.clone(),
            begin: Some(vocabulary.begin),
            adds_begin: None,
            adds_space: self.adds_space,
            after_structure: if self.name == "phi-3" { AfterStructure::Dropped } else { AfterStructure::Kept },
        };
        Tokenizer::from_gguf(gguf).unwrap()
    }
}

#[test]
fn ids_are_those_of_llama_cpp_for_every_kind_of_tokenizer() {
    let golden = golden();
    for case in &golden.cases {
        let tokenizer = case.tokenizer(&golden);
        for (text, ids) in golden.texts.iter().zip(&case.ids) {
            assert_eq!(&tokenizer.encode(text).unwrap(), ids, "{:?}, {:?}, {text:?}", case.pre, case.adds_space);
        }
    }
}

#[test]
fn the_pieces_of_a_text_stream_back_to_the_text() {
    let golden = golden();
    for case in &golden.cases {
        let tokenizer = case.tokenizer(&golden);
        for text in golden.texts.iter().filter(|text| !text.contains(['<', '▁'])) {
            let mut decoder = tokenizer.stream_decoder().unwrap();
            let pieces: String = tokenizer.encode(text).unwrap().into_iter().map(|token| decoder.push(token)).collect();
            let expected = if case.pre.is_none() && case.adds_space.is_none() && !text.is_empty() {
                format!(" {text}")
            } else {
                text.clone()
            };
            assert_eq!(pieces + &decoder.finish(), expected, "{:?}", case.pre);
        }
    }
}
