//! What a text names, and where: the labels of its tokens, put together.

use std::ops::Range;
use std::sync::Arc;

use super::label::{Labels, best};
use super::start;
use super::windows::windows;
use crate::encoder::{
    EncodeError, EncoderEngine, EncoderModel, EncoderSettings, Input, Rows, StartError, SubmitError, TokenSpan,
};

/// The label of what is nothing.
const OUTSIDE: &str = "O";

/// A running model that labels each token of a text. Clones share it.
#[derive(Debug, Clone)]
pub struct TokenClassifier {
    engine: EncoderEngine,
    labels: Labels,
    window: Option<usize>,
}

/// How the labels of tokens become entities. The names are Hugging Face's, and so are the rules but for one: what touches what is before it
/// and has the same label goes on with it, whatever its `B-` says. Models begin the parts of an address or of a number anew again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Aggregation {
    /// Tokens that follow each other and have the same label are one entity.
    #[default]
    Simple,
    /// A word has the label of its first token; words that follow each other and have the same label are one entity.
    First,
}

/// A part of a text that has a label.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// What it is, without the `B-` or `I-` that says how it begins and goes on.
    pub label: Arc<str>,
    /// How sure the model is, between 0 and 1: the mean of what the entity is made of.
    pub score: f32,
    /// Where it stands in the text.
    pub bytes: Range<usize>,
    /// The same, counted in characters.
    pub characters: Range<usize>,
}

/// Entities of the texts of one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Tagged {
    /// Of each text, in order, as they stand in it.
    pub entities: Vec<Vec<Entity>>,
    /// Tokens of all texts together, special tokens included; what windows share counts for each.
    pub prompt_tokens: usize,
}

/// A token, or a word, with the label that it has.
struct Part<'l> {
    tag: &'l str,
    begins: bool,
    score: f32,
    bytes: Range<usize>,
    word: u32,
}

/// An entity that may go on.
struct Group<'l> {
    tag: &'l str,
    scores: Vec<f32>,
    bytes: Range<usize>,
}

impl TokenClassifier {
    /// Rehearses, and starts the engine's threads. Blocks for the rehearsals. Texts of more than `window` characters are read in windows
    /// of as many that overlap; without a number, a text that is longer than the model reads is refused.
    ///
    /// # Errors
    /// When the model does not score tokens, or the engine cannot be started.
    pub fn start(model: EncoderModel, settings: EncoderSettings, window: Option<usize>) -> Result<Self, StartError> {
        Self::start_holding(model, settings, window, ())
    }

    /// The same, and drops `held` once the engine has ended and the memory of its model is free again.
    ///
    /// # Errors
    /// As of [`start`](Self::start).
    pub fn start_holding(
        model: EncoderModel,
        settings: EncoderSettings,
        window: Option<usize>,
        held: impl Send + 'static,
    ) -> Result<Self, StartError> {
        let (engine, labels) = start(model, settings, Rows::PerToken, held)?;
        Ok(Self { engine, labels, window })
    }

    /// Queues a request. Dropping what is returned cancels what is in no batch yet.
    ///
    /// # Errors
    /// When the queue is full or the engine has ended; everything else is the result's error.
    pub fn submit(
        &self,
        texts: Vec<String>,
        aggregation: Aggregation,
    ) -> Result<impl Future<Output = Result<Tagged, EncodeError>> + Send + use<>, SubmitError> {
        let whole = |text: &str| -> Vec<Range<usize>> { std::iter::once(0..text.len()).collect() };
        let divided = texts.iter().map(|text| self.window.map_or_else(|| whole(text), |most| windows(text, most)));
        let parts: Vec<(usize, Range<usize>)> =
            divided.enumerate().flat_map(|(number, windows)| windows.into_iter().map(move |window| (number, window))).collect();
        let part = |(number, window): &(usize, Range<usize>)| texts.get(*number).and_then(|text| text.get(window.clone()));
        let inputs = parts.iter().map(|place| Input::Text(part(place).unwrap_or_default().to_owned())).collect();
        let pending = self.engine.submit(inputs)?;
        let labels = self.labels.clone();
        Ok(async move {
            // An input is a window, and the caller knows only texts.
            let encoded = pending.await.map_err(|error| error.of_input(|window| parts.get(window).map_or(0, |part| part.0)))?;
            let mut entities = vec![Vec::new(); texts.len()];
            let read = encoded.outputs.into_iter().zip(&encoded.spans);
            for ((number, window), (mut output, spans)) in parts.iter().zip(read) {
                let found = entities_of(&labels, &mut output, spans, aggregation);
                if let Some(entities) = entities.get_mut(*number) {
                    entities.extend(found.into_iter().map(|entity| shifted(entity, window.start)));
                }
            }
            let entities = texts.iter().zip(entities).map(|(text, found)| placed(text, united(found))).collect();
            Ok(Tagged { entities, prompt_tokens: encoded.prompt_tokens })
        })
    }

    /// What the tokens are scored for.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The engine behind it.
    pub fn engine(&self) -> &EncoderEngine {
        &self.engine
    }
}

/// The entities of a text whose tokens have these scores.
fn entities_of(labels: &Labels, output: &mut [f32], spans: &[TokenSpan], aggregation: Aggregation) -> Vec<Entity> {
    let names = labels.names();
    let rows = output.chunks_exact_mut(names.len().max(1)).zip(spans);
    let parts = rows.filter_map(|(row, span)| {
        let word = span.word?;
        labels.activation().apply(row);
        let (place, score) = best(row)?;
        let (begins, tag) = tag(names.get(place)?);
        Some(Part { tag, begins, score, bytes: span.bytes.clone(), word })
    });
    match aggregation {
        Aggregation::Simple => grouped(parts),
        Aggregation::First => grouped(words(parts).into_iter()),
    }
}

/// Whether a label begins an entity, and of what.
fn tag(label: &str) -> (bool, &str) {
    match label.split_once('-') {
        Some(("B", tag)) => (true, tag),
        Some(("I", tag)) => (false, tag),
        _ => (false, label),
    }
}

/// Tokens of the same word become one, with the label of the first.
fn words<'l>(tokens: impl Iterator<Item = Part<'l>>) -> Vec<Part<'l>> {
    let mut words: Vec<Part<'l>> = Vec::new();
    for token in tokens {
        match words.last_mut() {
            Some(word) if word.word == token.word => word.bytes.end = token.bytes.end,
            _ => words.push(token),
        }
    }
    words
}

fn grouped<'l>(parts: impl Iterator<Item = Part<'l>>) -> Vec<Entity> {
    let mut groups: Vec<Group<'l>> = Vec::new();
    for part in parts {
        match groups.last_mut() {
            Some(group) if group.tag == part.tag && (!part.begins || group.bytes.end == part.bytes.start) => {
                group.scores.push(part.score);
                group.bytes.end = part.bytes.end;
            }
            _ => groups.push(Group { tag: part.tag, scores: vec![part.score], bytes: part.bytes }),
        }
    }
    groups.into_iter().filter(|group| group.tag != OUTSIDE).map(Group::entity).collect()
}

impl Group<'_> {
    fn entity(self) -> Entity {
        let score = self.scores.iter().sum::<f32>() / self.scores.len().max(1) as f32;
        Entity { label: self.tag.into(), score, bytes: self.bytes, characters: 0..0 }
    }
}

fn shifted(entity: Entity, by: usize) -> Entity {
    Entity { bytes: entity.bytes.start + by..entity.bytes.end + by, ..entity }
}

/// Entities of windows that overlap: what was found in both, or in parts, is one.
fn united(mut found: Vec<Entity>) -> Vec<Entity> {
    found.sort_by_key(|entity| (entity.bytes.start, entity.bytes.end));
    let mut united: Vec<Entity> = Vec::new();
    for entity in found {
        let overlaps = |other: &&mut Entity| other.label == entity.label && entity.bytes.start < other.bytes.end;
        match united.iter_mut().rev().find(overlaps) {
            Some(other) => {
                other.bytes.end = other.bytes.end.max(entity.bytes.end);
                other.score = other.score.max(entity.score);
            }
            None => united.push(entity),
        }
    }
    united
}

/// Counts characters.
fn placed(text: &str, mut entities: Vec<Entity>) -> Vec<Entity> {
    let count = |bytes: Range<usize>| text.get(bytes).map_or(0, |part| part.chars().count());
    let (mut at, mut characters) = (0, 0);
    for entity in &mut entities {
        characters += count(at..entity.bytes.start);
        at = entity.bytes.start;
        entity.characters = characters..characters + count(entity.bytes.clone());
    }
    entities
}

#[cfg(test)]
mod tests {
    use super::super::label::Activation;
    use super::*;

    const NAMES: [&str; 4] = ["O", "B-NAME", "I-NAME", "CITY"];

    /// Scores of which the label at `place` has the highest.
    fn row(place: usize) -> [f32; 4] {
        let mut row = [0.0; 4];
        row[place] = 3.0;
        row
    }

    /// Entities of tokens (bytes, word, label) as (label, bytes).
    fn entities(tokens: &[(Range<usize>, Option<u32>, usize)], aggregation: Aggregation) -> Vec<(String, Range<usize>)> {
        let labels = Labels::new(NAMES.map(str::to_owned), Activation::Softmax);
        let mut output: Vec<f32> = tokens.iter().flat_map(|token| row(token.2)).collect();
        let spans: Vec<_> = tokens.iter().map(|(bytes, word, _)| TokenSpan { bytes: bytes.clone(), word: *word }).collect();
        let found = entities_of(&labels, &mut output, &spans, aggregation);
        // By Python: math.exp(3) / (math.exp(3) + 3)
        assert!(found.iter().all(|entity| (entity.score - 0.870_047).abs() < 1e-5), "{found:?}");
        found.into_iter().map(|entity| (entity.label.to_string(), entity.bytes)).collect()
    }

    #[test]
    fn an_entity_begins_where_its_label_says_so_or_changes() {
        // Two names side by side, a city, and a name without a beginning; special tokens say nothing.
        let tokens = [
            (0..0, None, 1),
            (0..3, Some(0), 1),
            (4..7, Some(1), 2),
            (8..11, Some(2), 1),
            (12..13, Some(3), 0),
            (14..17, Some(4), 3),
            (18..20, Some(5), 3),
            (21..24, Some(6), 2),
            (0..0, None, 2),
        ];
        let found = [("NAME", 0..7), ("NAME", 8..11), ("CITY", 14..20), ("NAME", 21..24)];
        assert_eq!(entities(&tokens, Aggregation::Simple), found.map(|(label, bytes)| (label.to_owned(), bytes)));
    }

    #[test]
    fn what_touches_is_one_entity_even_if_each_part_of_it_says_that_it_begins() {
        let tokens = [(0..3, Some(0), 1), (3..4, Some(1), 1), (4..7, Some(2), 1), (8..9, Some(3), 1)];
        let found = [("NAME", 0..7), ("NAME", 8..9)].map(|(label, bytes)| (label.to_owned(), bytes));
        assert_eq!(entities(&tokens, Aggregation::Simple), found);
        assert_eq!(entities(&tokens, Aggregation::First), found);
    }

    #[test]
    fn a_word_has_the_label_of_its_first_token_if_that_is_asked_for() {
        let tokens = [(0..2, Some(0), 1), (2..5, Some(0), 0), (5..7, Some(0), 3), (8..10, Some(1), 0), (10..12, Some(1), 1)];
        assert_eq!(entities(&tokens, Aggregation::First), [("NAME".to_owned(), 0..7)]);
        assert_eq!(entities(&tokens, Aggregation::Simple).len(), 3);
    }

    #[test]
    fn what_two_windows_saw_of_an_entity_is_put_together_and_counted_in_characters() {
        let entity = |label: &str, bytes| Entity { label: label.into(), score: 0.5, bytes, characters: 0..0 };
        let found = vec![entity("NAME", 3..6), entity("CITY", 4..9), entity("NAME", 5..8), entity("NAME", 8..9)];
        let united = placed("ü abcd efg", united(found));
        let places: Vec<_> =
            united.iter().map(|entity| (&*entity.label, entity.bytes.clone(), entity.characters.clone())).collect();
        assert_eq!(places, [("NAME", 3..8, 2..7), ("CITY", 4..9, 3..8), ("NAME", 8..9, 7..8)]);
    }
}
