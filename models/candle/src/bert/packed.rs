//! The forward pass on a CPU, on plain slices.

mod head;
mod layer;
mod rotation;

use candle_core::Result;
use tradewind_models::decoder::ForwardError;
use tradewind_models::encoder::{Encoder, Rows, TokenSequence};

use self::head::Head;
use self::layer::{Buffers, Layer};
use self::rotation::Rotations;
use super::config::Config;
use super::head::HeadPlan;
use super::names::{embeddings_norm, final_norm};
use super::weights::Weights;
use crate::cpu::{Dense, Isa, add_and_norm, for_parts};

/// Fewer tokens than this are not worth a second thread.
const WORTHWHILE_TOKENS: usize = 32;

/// A model, arranged for the kernels.
#[derive(Debug)]
pub(super) struct Packed {
    isa: Isa,
    max_tokens: usize,
    /// `[vocabulary, width]`.
    words: Vec<f32>,
    /// `[positions, width]`; empty where queries and keys are rotated instead.
    positions: Vec<f32>,
    /// What token type 1 adds, `[width]`; empty where there is only one type.
    second_type: Vec<f32>,
    norm: Norm,
    rotations: Rotations,
    layers: Vec<Layer>,
    final_norm: Option<Norm>,
    head: Head,
    shape: Shape,
}

#[derive(Debug, Clone, Copy)]
struct Shape {
    width: usize,
    head: usize,
    vocabulary: usize,
}

/// Layer normalisation: <https://arxiv.org/abs/1607.06450>.
#[derive(Debug)]
struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
    epsilon: f32,
}

/// The sequences that one thread computes, and what they become.
#[derive(Debug, Default)]
struct Group<'a> {
    sequences: &'a [TokenSequence],
    outputs: Vec<Vec<f32>>,
}

impl Packed {
    /// Of these weights; sequences end at `context` tokens, or where the positions do if that is earlier.
    pub(super) fn new(config: &Config, plan: &HeadPlan, weights: &Weights, context: usize) -> Result<Self> {
        let positions = weights.positions(config)?;
        let count = positions.as_ref().map_or(Ok(config.positions), |table| table.dim(0))?;
        let max_tokens = context.min(count);
        let numbers = |table: Option<candle_core::Tensor>| match table {
            Some(table) => table.flatten_all()?.to_vec1(),
            None => Ok(Vec::new()),
        };
        Ok(Self {
            isa: Isa::best(),
            max_tokens,
            words: weights.words(config)?.flatten_all()?.to_vec1()?,
            positions: numbers(positions)?,
            second_type: numbers(weights.second_type(config)?)?,
            norm: Norm::load(weights, embeddings_norm(config.family), config)?,
            rotations: Rotations::new(config, max_tokens),
            layers: (0..config.layers.len()).map(|index| Layer::load(weights, config, index)).collect::<Result<_>>()?,
            final_norm: final_norm(config.family).map(|name| Norm::load(weights, name, config)).transpose()?,
            head: Head::load(weights, config, plan)?,
            shape: Shape { width: config.width, head: config.head(), vocabulary: config.vocabulary },
        })
    }

    /// What some sequences become, by this thread.
    fn outputs(&self, sequences: &[TokenSequence]) -> Vec<Vec<f32>> {
        let mut x = self.embed(sequences);
        let mut buffers = Buffers::default();
        for layer in &self.layers {
            layer.forward(self, &mut x, sequences, &mut buffers);
        }
        if let Some(norm) = &self.final_norm {
            norm.each(self.isa, &mut x);
        }
        self.head.forward(self.isa, x, sequences)
    }

    fn embed(&self, sequences: &[TokenSequence]) -> Vec<f32> {
        let width = self.shape.width;
        let tokens = sequences.iter().map(TokenSequence::len).sum::<usize>();
        let mut x = Vec::with_capacity(tokens * width);
        for sequence in sequences {
            for (position, token) in sequence.ids.iter().enumerate() {
                let row = x.len();
                let start = *token as usize * width;
                x.extend_from_slice(self.words.get(start..start + width).unwrap_or_default());
                let Some(row) = x.get_mut(row..) else { continue };
                if position >= sequence.first {
                    row.iter_mut().zip(&self.second_type).for_each(|(x, second)| *x += second);
                }
                let position = self.positions.get(position * width..(position + 1) * width).unwrap_or_default();
                self.norm.add(self.isa, row, position);
            }
        }
        x
    }
}

impl Encoder for Packed {
    fn dimensions(&self) -> usize {
        self.head.dimensions()
    }

    fn rows(&self) -> Rows {
        self.head.rows()
    }

    fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    fn vocabulary_size(&self) -> usize {
        self.shape.vocabulary
    }

    /// Each thread computes some of the sequences from end to end: they have nothing to do with each other.
    fn encode(&mut self, sequences: &[TokenSequence]) -> std::result::Result<Vec<Vec<f32>>, ForwardError> {
        let mut groups = groups(sequences, crate::threads::compute_threads());
        for_parts(&mut groups, 1, 2, |_, group| {
            for group in group {
                group.outputs = self.outputs(group.sequences);
            }
        });
        Ok(groups.into_iter().flat_map(|group| group.outputs).collect())
    }
}

/// Divides sequences, in order, into at most so many groups of about as many tokens.
fn groups(sequences: &[TokenSequence], most: usize) -> Vec<Group<'_>> {
    let tokens: usize = sequences.iter().map(TokenSequence::len).sum();
    let share = tokens.div_ceil(most.max(1)).max(WORTHWHILE_TOKENS);
    let mut groups = Vec::new();
    let mut rest = sequences;
    while !rest.is_empty() {
        let mut own = 0;
        let fitting = rest.iter().take_while(|sequence| {
            let takes = own < share;
            own += sequence.len();
            takes
        });
        let (sequences, after) = rest.split_at(fitting.count().min(rest.len()));
        rest = after;
        groups.push(Group { sequences, outputs: Vec::new() });
    }
    groups
}

/// Projections of the same input, their outputs one after the other, the first so many of them times a factor.
fn dense(weights: &Weights, parts: &[String], scaled: usize, factor: f32) -> Result<Dense> {
    let (weight, bias) = weights.projection(parts)?;
    let inputs = weight.dim(1)?;
    let (mut weight, mut bias): (Vec<f32>, Vec<f32>) = (weight.flatten_all()?.to_vec1()?, bias.to_vec1()?);
    weight.iter_mut().take(scaled * inputs).for_each(|x| *x *= factor);
    bias.iter_mut().take(scaled).for_each(|x| *x *= factor);
    Ok(Dense::new(Isa::best(), &weight, &bias))
}

impl Norm {
    fn load(weights: &Weights, name: &str, config: &Config) -> Result<Self> {
        Ok(Self {
            weight: weights.get(&format!("{name}.weight"))?.to_vec1()?,
            bias: weights.bias(name, config.width)?.to_vec1()?,
            epsilon: config.epsilon,
        })
    }

    /// Adds `y` to a row and normalises it.
    fn add(&self, isa: Isa, x: &mut [f32], y: &[f32]) {
        add_and_norm(isa, x, y, &self.weight, &self.bias, self.epsilon);
    }

    fn add_each(&self, isa: Isa, x: &mut [f32], y: &[f32]) {
        let width = self.weight.len().max(1);
        for (x, y) in x.chunks_exact_mut(width).zip(y.chunks_exact(width)) {
            self.add(isa, x, y);
        }
    }

    fn each(&self, isa: Isa, x: &mut [f32]) {
        for row in x.chunks_exact_mut(self.weight.len().max(1)) {
            self.add(isa, row, &[]);
        }
    }
}
