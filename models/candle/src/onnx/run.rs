//! An encoder that is a graph.
//!
//! Sequences of one length are computed together and others by themselves, so that nothing is padded: what a graph makes of its mask,
//! -10 000 or the least of all numbers, need not be nothing.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use candle_core::{D, DType, Device, Result, Tensor, bail};
use candle_onnx::onnx::ModelProto;
use prost::Message;
use tradewind_models::classify::Labels;
use tradewind_models::decoder::ForwardError;
use tradewind_models::encoder::{Encoder, Rows, TokenSequence};

use super::check::{InputKind, Interface, Output};
use super::encoder::GraphFiles;
use super::program::Program;
use crate::bert::{self, Pooling, Purpose};
use crate::load::LoadError;

/// Tokens that are computed together, unless one sequence has more.
const TOGETHER: usize = 1024;
/// The output of sentence-transformers that needs no more pooling.
const VECTOR: &str = "sentence_embedding";

/// A graph with what becomes of its output.
#[derive(Debug)]
struct GraphEncoder {
    program: Program,
    inputs: Vec<(String, InputKind)>,
    reading: Reading,
    is_unit_length: bool,
    dimensions: usize,
    max_tokens: usize,
    vocabulary: usize,
}

/// What the numbers of the output are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// `[sequences, dimensions]`, or `[sequences]` of one dimension.
    Row,
    /// `[sequences, tokens, dimensions]`.
    Tokens,
    /// The same, of which one row is made.
    Pooled(Pooling),
}

/// Loads a graph and tries it; sequences end at `context` tokens, and the tokenizer knows `words`.
pub(super) fn load(
    files: &GraphFiles,
    bytes: &[u8],
    interface: Interface,
    purpose: Purpose,
    (context, words): (usize, usize),
) -> std::result::Result<(Box<dyn Encoder>, Option<Labels>), LoadError> {
    let (pooling, is_unit_length) = match purpose {
        Purpose::Vectors => bert::vector_plan(files.pooling.as_deref(), files.modules.as_deref())?,
        Purpose::Scores | Purpose::TokenScores => (Pooling::Cls, false),
    };
    let load = || {
        let (output, reading) = chosen(&interface.outputs, purpose, pooling)?;
        let model = ModelProto::decode(bytes).map_err(candle_core::Error::wrap)?;
        let Some(graph) = model.graph else { bail!("there is no graph in it") };
        let program = Program::new(graph, interface.opset, &output)?;
        let vocabulary = interface.vocabulary.unwrap_or(words);
        let (inputs, max_tokens) = (interface.inputs, context);
        let mut encoder = GraphEncoder { program, inputs, reading, is_unit_length, dimensions: 0, max_tokens, vocabulary };
        encoder.try_out()?;
        Ok(encoder)
    };
    // The library that evaluates panics where a graph breaks the rules.
    let loaded = catch_unwind(AssertUnwindSafe(load)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(candle_core::Error::Msg(format!("the graph breaks the rules: {}", said.unwrap_or("no more is known"))))
    });
    let encoder = loaded.map_err(|error| LoadError::Weights(error.with_path(&files.graph)))?;
    let labels = bert::labels_of(files.config.as_deref(), purpose, encoder.dimensions)?;
    Ok((Box::new(encoder), labels))
}

#[expect(clippy::unnecessary_wraps, reason = "a build without graphs refuses here")]
pub(super) fn check(_: &Path) -> std::result::Result<(), LoadError> {
    Ok(())
}

/// The output that answers, and how it is read.
fn chosen(outputs: &[Output], purpose: Purpose, pooling: Pooling) -> Result<(String, Reading)> {
    let of_rank = |ranks: &[usize]| outputs.iter().find(|output| output.rank.is_some_and(|rank| ranks.contains(&rank)));
    let found = match purpose {
        Purpose::Vectors => {
            let vector = outputs.iter().find(|output| output.name == VECTOR);
            let pooled = || of_rank(&[3]).map(|output| (output, Reading::Pooled(pooling)));
            vector
                .map(|output| (output, Reading::Row))
                .or_else(pooled)
                .or_else(|| of_rank(&[2]).map(|output| (output, Reading::Row)))
        }
        Purpose::Scores => of_rank(&[1, 2]).map(|output| (output, Reading::Row)),
        Purpose::TokenScores => of_rank(&[3]).map(|output| (output, Reading::Tokens)),
    };
    match found {
        Some((output, reading)) => Ok((output.name.clone(), reading)),
        None => {
            let told = |output: &Output| match output.rank {
                Some(rank) => format!("`{}` of {rank} dimensions", output.name),
                None => format!("`{}`, which does not say its dimensions", output.name),
            };
            let told: Vec<String> = outputs.iter().map(told).collect();
            let dimensions = if purpose == Purpose::TokenScores { 3 } else { 2 };
            bail!("no output has the {dimensions} dimensions that this task needs: there are {}", told.join(", "))
        }
    }
}

impl GraphEncoder {
    /// Learns how many numbers a row has, and whether sequences can be as long as they are said to be.
    fn try_out(&mut self) -> Result<()> {
        let token = u32::try_from(self.vocabulary / 2).unwrap_or(0);
        let sequence = |tokens: usize| TokenSequence::of(vec![token; tokens.max(1)]);
        let (short, long) = (sequence(self.max_tokens.min(2)), sequence(self.max_tokens));
        let rows = self.rows_of(&[&short, &short])?;
        self.dimensions = rows.dim(D::Minus1)?;
        self.rows_of(&[&long]).map(drop).map_err(|error| {
            candle_core::Error::Msg(format!(
                "no {} tokens, which are the manifest's context, can be read: {error}",
                self.max_tokens
            ))
        })
    }

    /// Sequences of one length: `[sequences, rows, dimensions]`.
    fn rows_of(&self, sequences: &[&TokenSequence]) -> Result<Tensor> {
        let (count, length) = (sequences.len(), sequences.first().map_or(0, |sequence| sequence.len()));
        let values = self.inputs.iter().map(|(name, kind)| {
            let numbers: Vec<i64> = sequences.iter().flat_map(|sequence| numbers(*kind, sequence)).collect();
            Ok((name.clone(), Tensor::from_vec(numbers, (count, length), &Device::Cpu)?))
        });
        let output = self.program.run(values.collect::<Result<HashMap<_, _>>>()?)?.to_dtype(DType::F32)?;
        let rows = match (self.reading, output.dims()) {
            (Reading::Row, [sequences]) if *sequences == count => output.reshape((count, 1, 1))?,
            (Reading::Row, [sequences, _]) if *sequences == count => output.unsqueeze(1)?,
            (Reading::Tokens, [sequences, tokens, _]) if [*sequences, *tokens] == [count, length] => output,
            (Reading::Pooled(pooling), [sequences, tokens, _]) if [*sequences, *tokens] == [count, length] => match pooling {
                Pooling::Cls => output.narrow(1, 0, 1)?,
                Pooling::Mean => output.mean_keepdim(1)?,
            },
            (_, dims) => bail!("the output of {count} sequences of {length} tokens has the sizes {dims:?}"),
        };
        if self.is_unit_length {
            return rows.broadcast_div(&rows.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?);
        }
        Ok(rows)
    }

    fn outputs(&self, sequences: &[TokenSequence]) -> Result<Vec<Vec<f32>>> {
        let mut by_length: BTreeMap<usize, Vec<(usize, &TokenSequence)>> = BTreeMap::new();
        for (index, sequence) in sequences.iter().enumerate() {
            by_length.entry(sequence.len()).or_default().push((index, sequence));
        }
        let mut outputs = Vec::with_capacity(sequences.len());
        for (length, alike) in &by_length {
            for together in alike.chunks((TOGETHER / (*length).max(1)).max(1)) {
                let rows = self.rows_of(&together.iter().map(|(_, sequence)| *sequence).collect::<Vec<_>>())?;
                let rows = rows.flatten_from(1)?.to_vec2()?;
                outputs.extend(together.iter().map(|(index, _)| *index).zip(rows));
            }
        }
        outputs.sort_unstable_by_key(|(index, _)| *index);
        Ok(outputs.into_iter().map(|(_, rows)| rows).collect())
    }
}

/// What an input says of each token of a sequence.
fn numbers(kind: InputKind, sequence: &TokenSequence) -> Vec<i64> {
    let number = |(place, id): (usize, &u32)| match kind {
        InputKind::Ids => i64::from(*id),
        InputKind::Mask => 1,
        InputKind::Types => i64::from(place >= sequence.first),
        InputKind::Positions => place as i64,
    };
    sequence.ids.iter().enumerate().map(number).collect()
}

impl Encoder for GraphEncoder {
    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn rows(&self) -> Rows {
        if self.reading == Reading::Tokens { Rows::PerToken } else { Rows::One }
    }

    fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    fn vocabulary_size(&self) -> usize {
        self.vocabulary
    }

    fn encode(&mut self, sequences: &[TokenSequence]) -> std::result::Result<Vec<Vec<f32>>, ForwardError> {
        self.outputs(sequences).map_err(ForwardError::new)
    }
}
