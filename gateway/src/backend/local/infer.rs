//! Inference by the Open Inference Protocol: texts in, and vectors, scores, labels or entities out.

use std::collections::BTreeMap;

use serde_json::Value;
use tradewind_models::{
    Classifier, EncoderEngine, Reranker, TokenClassifier,
    classify::{Aggregation, Entity},
    encoder::{Input, Overlong},
};
use tradewind_protocol::{
    Usage,
    oip::{Data, InferAnswer, InferRequest, OutputTensor},
};

use super::{
    answered, encode_failure, not_taken, parse,
    tensors::{EMBEDDING, END, INDEX, LABEL, SCORE, SCORES, START, TEXT, TEXT_PAIR},
};
use crate::{
    backend::Attempt,
    error::{Error, Kind},
    inference::{Answer, Failure},
};

/// How many texts one request may have, as many as one for embeddings.
const MOST_TEXTS: usize = 2048;
/// A parameter by which clients ask for tensors in binary form. That is an extension, and a server without it answers with JSON.
const BINARY_OUTPUT: &str = "binary_data_output";
/// What to do with two texts that are too long together, in Hugging Face's words.
const TRUNCATION: &str = "truncation";
/// How labels of tokens become entities, in the same words.
const AGGREGATION: &str = "aggregation_strategy";

/// A request, read.
struct Asked<'a> {
    request: InferRequest,
    texts: Vec<String>,
    /// What each is read with.
    pairs: Option<Vec<String>>,
    model: &'a str,
}

/// Vectors.
pub(super) async fn embed(engine: &EncoderEngine, attempt: Attempt) -> Result<Answer, Failure> {
    let asked = Asked::read(&attempt, [])?;
    asked.refuse_pairs()?;
    let inputs = asked.texts.iter().cloned().map(Input::Text).collect();
    let made = engine.submit(inputs).map_err(not_taken)?.await.map_err(failure)?;
    asked.answer(vec![OutputTensor::rows(EMBEDDING, engine.dimensions(), &made.outputs)], made.prompt_tokens)
}

/// A score for each pair. The second text is cut where both are too long.
pub(super) async fn rerank(reranker: &Reranker, attempt: Attempt) -> Result<Answer, Failure> {
    let mut asked = Asked::read(&attempt, [])?;
    let Some(pairs) = asked.pairs.take() else {
        return Err(invalid(format!("There is no input `{TEXT_PAIR}`: send what may answer each `{TEXT}`.")));
    };
    let overlong = Overlong::CutSecond { most: None };
    let queries = asked.texts.iter().cloned();
    let inputs = queries.zip(pairs).map(|(first, second)| Input::Pair { first, second, overlong }).collect();
    let scored = reranker.submit_pairs(inputs).map_err(not_taken)?.await.map_err(failure)?;
    asked.answer(vec![OutputTensor::list(SCORE, Data::Floats(scored.scores))], scored.prompt_tokens)
}

/// Labels of texts, or of pairs.
pub(super) async fn classify(classifier: &Classifier, attempt: Attempt) -> Result<Answer, Failure> {
    let mut asked = Asked::read(&attempt, [TRUNCATION])?;
    let overlong = match asked.word(TRUNCATION)? {
        None | Some("do_not_truncate") => Overlong::Refuse,
        Some("only_second") => Overlong::CutSecond { most: None },
        Some("longest_first") => Overlong::CutLonger,
        Some(_) => return Err(invalid(format!("`{TRUNCATION}` must be do_not_truncate, only_second or longest_first."))),
    };
    let texts = asked.texts.iter().cloned();
    let inputs = match asked.pairs.take() {
        Some(pairs) => texts.zip(pairs).map(|(first, second)| Input::Pair { first, second, overlong }).collect(),
        None if overlong == Overlong::Refuse => texts.map(Input::Text).collect(),
        None => return Err(invalid(format!("`{TRUNCATION}` is for pairs of texts; a single text is not cut."))),
    };
    let classified = classifier.submit(inputs).map_err(not_taken)?.await.map_err(failure)?;
    let best: Vec<(&str, f32)> = classified.scores.iter().filter_map(|scores| classifier.best(scores)).collect();
    let (labels, scores) = best.into_iter().unzip();
    let names = classifier.labels().names();
    let outputs = vec![
        OutputTensor::list(LABEL, Data::Texts(labels)),
        OutputTensor::list(SCORE, Data::Floats(scores)),
        OutputTensor::rows(SCORES, names.len(), &classified.scores).of_labels(names),
    ];
    asked.answer(outputs, classified.prompt_tokens)
}

/// What texts name, and where.
pub(super) async fn tag(classifier: &TokenClassifier, attempt: Attempt) -> Result<Answer, Failure> {
    let asked = Asked::read(&attempt, [AGGREGATION])?;
    asked.refuse_pairs()?;
    let aggregation = match asked.word(AGGREGATION)? {
        None | Some("simple") => Aggregation::Simple,
        Some("first") => Aggregation::First,
        Some(_) => return Err(invalid(format!("`{AGGREGATION}` must be simple or first."))),
    };
    let tagged = classifier.submit(asked.texts.clone(), aggregation).map_err(not_taken)?.await.map_err(failure)?;
    let found: Vec<(usize, &Entity)> = tagged
        .entities
        .iter()
        .enumerate()
        .flat_map(|(text, entities)| entities.iter().map(move |entity| (text, entity)))
        .collect();
    let integers = |of: fn(&(usize, &Entity)) -> usize| Data::Integers(found.iter().map(of).collect());
    let outputs = vec![
        OutputTensor::list(INDEX, integers(|(text, _)| *text)),
        OutputTensor::list(LABEL, Data::Texts(found.iter().map(|(_, entity)| &*entity.label).collect())),
        OutputTensor::list(SCORE, Data::Floats(found.iter().map(|(_, entity)| entity.score).collect())),
        OutputTensor::list(START, integers(|(_, entity)| entity.characters.start)),
        OutputTensor::list(END, integers(|(_, entity)| entity.characters.end)),
    ];
    asked.answer(outputs, tagged.prompt_tokens)
}

impl<'a> Asked<'a> {
    /// Reads the body of an attempt, which may have these parameters.
    fn read<const MORE: usize>(attempt: &'a Attempt, parameters: [&str; MORE]) -> Result<Self, Failure> {
        let mut request: InferRequest = parse(attempt.inference.payload.body())?;
        check_parameters(&request.parameters, &parameters)?;
        let texts = request.take_texts([TEXT, TEXT_PAIR]).map_err(|error| invalid(sentence(&error.to_string())))?;
        let [texts, pairs] = texts;
        let texts = texts.ok_or_else(|| invalid(format!("There is no input `{TEXT}`: send a BYTES tensor of that name.")))?;
        if texts.is_empty() || texts.len() > MOST_TEXTS {
            return Err(invalid(format!("`{TEXT}` must hold 1 to {MOST_TEXTS} texts.")));
        }
        if let Some(pairs) = pairs.as_ref().filter(|pairs| pairs.len() != texts.len()) {
            let (texts, pairs) = (texts.len(), pairs.len());
            return Err(invalid(format!("`{TEXT}` has {texts} texts and `{TEXT_PAIR}` {pairs}: send as many of each.")));
        }
        Ok(Self { request, texts, pairs, model: &attempt.inference.head().model })
    }

    fn refuse_pairs(&self) -> Result<(), Failure> {
        match self.pairs {
            Some(_) => Err(invalid(format!("This model takes no `{TEXT_PAIR}`, only `{TEXT}`."))),
            None => Ok(()),
        }
    }

    /// The parameter of that name, which is a string.
    fn word(&self, name: &str) -> Result<Option<&str>, Failure> {
        match self.request.parameters.get(name) {
            None => Ok(None),
            Some(Value::String(word)) => Ok(Some(word)),
            Some(_) => Err(invalid(format!("`{name}` must be a string."))),
        }
    }

    /// The outputs that are wanted.
    fn answer(&self, outputs: Vec<OutputTensor<'_>>, prompt_tokens: usize) -> Result<Answer, Failure> {
        let names = outputs.iter().map(|output| output.name).collect::<Vec<_>>().join(", ");
        let mut outputs = outputs;
        if let Some(wanted) = &self.request.outputs {
            if let Some(unknown) = wanted.iter().find(|wanted| outputs.iter().all(|output| output.name != wanted.name)) {
                return Err(invalid(format!("There is no output `{}`; accepted: {names}.", unknown.name)));
            }
            outputs.retain(|output| wanted.iter().any(|wanted| wanted.name == output.name));
        }
        let answer = InferAnswer { model_name: self.model, id: self.request.id.as_deref(), outputs };
        let body = serde_json::to_vec(&answer).map_err(|error| Failure::backend(Kind::Internal, error.to_string()))?;
        Ok(answered(body, Usage::new(prompt_tokens as u64, 0)))
    }
}

/// A parameter that is not known could change the answer, so it is not passed over.
fn check_parameters(parameters: &BTreeMap<String, Value>, accepted: &[&str]) -> Result<(), Failure> {
    let is_known = |name: &str| name == BINARY_OUTPUT || accepted.contains(&name);
    match parameters.keys().find(|name| !is_known(name)) {
        None => Ok(()),
        Some(name) => {
            let accepted = if accepted.is_empty() { "none".to_owned() } else { accepted.join(", ") };
            Err(invalid(format!("This model has no parameter `{name}`; accepted: {accepted}.")))
        }
    }
}

fn failure(error: tradewind_models::encoder::EncodeError) -> Failure {
    encode_failure(error, TEXT)
}

fn invalid(message: String) -> Failure {
    Failure::request(Error::new(Kind::InvalidRequest, message))
}

/// What a library says, as a sentence.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}
