//! The forward pass on a CPU, on plain slices.

use candle_core::{Result, bail};
use tradewind_models::decoder::ForwardError;
use tradewind_models::encoder::Encoder;

use super::Weights;
use super::config::Config;
use crate::cpu::{Attention, Dense, Isa, Scratch, add_and_norm, for_parts, gelu};

/// Fewer tokens than this are not worth a second thread.
const WORTHWHILE_TOKENS: usize = 32;

/// A BERT model, arranged for the kernels.
#[derive(Debug)]
pub(super) struct Packed {
    isa: Isa,
    max_tokens: usize,
    /// `[vocabulary, width]`.
    words: Vec<f32>,
    /// `[positions, width]`.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    shape: Shape,
}

#[derive(Debug, Clone, Copy)]
struct Shape {
    width: usize,
    head: usize,
    vocabulary: usize,
}

#[derive(Debug)]
struct Layer {
    /// Query, key and value projections in one, since they share their input.
    qkv: Dense,
    attended: Dense,
    attention_norm: Norm,
    up: Dense,
    down: Dense,
    output_norm: Norm,
}

#[derive(Debug)]
struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
    epsilon: f32,
}

/// The sequences that one thread computes, and what it needs for that.
#[derive(Debug, Default)]
struct Group<'a> {
    sequences: &'a [Vec<u32>],
    vectors: Vec<Vec<f32>>,
}

/// Activations of a pass.
#[derive(Debug, Default)]
struct Buffers {
    qkv: Vec<f32>,
    mixed: Vec<f32>,
    inner: Vec<f32>,
    sum: Vec<f32>,
    scratch: Scratch,
    attention: Attention,
}

impl Packed {
    /// Whether there are kernels for a model of these dimensions.
    pub(super) fn takes(config: &Config) -> bool {
        let head = config.hidden_size.checked_div(config.num_attention_heads).unwrap_or(0);
        Attention::takes(head) && head * config.num_attention_heads == config.hidden_size
    }

    /// Of these weights; sequences end at `context` tokens, or where the positions do if that is earlier.
    pub(super) fn new(config: &Config, weights: &Weights, context: usize) -> Result<Self> {
        let positions = weights.positions()?;
        let (count, width) = positions.dims2()?;
        let shape = Shape { width, head: width / config.num_attention_heads, vocabulary: config.vocab_size };
        let words = weights.numbers("embeddings.word_embeddings.weight")?;
        if width != config.hidden_size || words.len() != width * config.vocab_size {
            bail!(
                "the weights are not of {} tokens and width {}, as the configuration says",
                config.vocab_size,
                config.hidden_size
            )
        }
        Ok(Self {
            isa: Isa::best(),
            max_tokens: context.min(count),
            words,
            positions: positions.flatten_all()?.to_vec1()?,
            norm: Norm::load(weights, "embeddings.LayerNorm", config)?,
            layers: (0..config.num_hidden_layers).map(|index| Layer::load(weights, config, index)).collect::<Result<_>>()?,
            shape,
        })
    }

    /// Vectors of some sequences, by this thread.
    fn vectors(&self, sequences: &[Vec<u32>]) -> Vec<Vec<f32>> {
        let mut x = self.embed(sequences);
        let mut buffers = Buffers::default();
        for layer in &self.layers {
            layer.forward(self, &mut x, sequences, &mut buffers);
        }
        let mut rest = x.as_slice();
        let pool = |sequence: &Vec<u32>| {
            let (rows, after) = rest.split_at(rest.len().min(sequence.len() * self.shape.width));
            rest = after;
            mean_of_unit_length(rows, self.shape.width)
        };
        sequences.iter().map(pool).collect()
    }

    fn embed(&self, sequences: &[Vec<u32>]) -> Vec<f32> {
        let width = self.shape.width;
        let tokens = sequences.iter().map(Vec::len).sum::<usize>();
        let mut x = Vec::with_capacity(tokens * width);
        for sequence in sequences {
            for (token, position) in sequence.iter().zip(self.positions.chunks_exact(width)) {
                let start = *token as usize * width;
                x.extend_from_slice(self.words.get(start..start + width).unwrap_or_default());
                if let Some(row) = x.rchunks_exact_mut(width).next() {
                    self.norm.add(self.isa, row, position);
                }
            }
        }
        x
    }
}

impl Encoder for Packed {
    fn dimensions(&self) -> usize {
        self.shape.width
    }

    fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    fn vocabulary_size(&self) -> usize {
        self.shape.vocabulary
    }

    /// Each thread computes some of the sequences from end to end: they have nothing to do with each other.
    fn encode(&mut self, sequences: &[Vec<u32>]) -> std::result::Result<Vec<Vec<f32>>, ForwardError> {
        let mut groups = groups(sequences, crate::threads::compute_threads());
        for_parts(&mut groups, 1, 2, |_, group| {
            for group in group {
                group.vectors = self.vectors(group.sequences);
            }
        });
        Ok(groups.into_iter().flat_map(|group| group.vectors).collect())
    }
}

/// Divides sequences, in order, into at most so many groups of about as many tokens.
fn groups(sequences: &[Vec<u32>], most: usize) -> Vec<Group<'_>> {
    let tokens: usize = sequences.iter().map(Vec::len).sum();
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
        groups.push(Group { sequences, vectors: Vec::new() });
    }
    groups
}

impl Layer {
    fn load(weights: &Weights, config: &Config, index: usize) -> Result<Self> {
        let name = |part: &str| format!("encoder.layer.{index}.{part}");
        let dense = |part: &str| -> Result<Dense> { dense(weights, &[&name(part)], |_| 1.0) };
        let norm = |part: &str| Norm::load(weights, &name(part), config);
        #[expect(clippy::cast_precision_loss, reason = "a head has some hundred values")]
        let scale = ((config.hidden_size / config.num_attention_heads) as f32).sqrt().recip();
        let qkv = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        Ok(Self {
            qkv: self::dense(weights, &qkv.each_ref().map(String::as_str), |part| if part == 0 { scale } else { 1.0 })?,
            attended: dense("attention.output.dense")?,
            attention_norm: norm("attention.output.LayerNorm")?,
            up: dense("intermediate.dense")?,
            down: dense("output.dense")?,
            output_norm: norm("output.LayerNorm")?,
        })
    }

    /// `x` `[tokens, width]` becomes the layer's output.
    fn forward(&self, model: &Packed, x: &mut [f32], sequences: &[Vec<u32>], buffers: &mut Buffers) {
        let Shape { width, head, .. } = model.shape;
        let isa = model.isa;
        let Buffers { qkv, mixed, inner, sum, scratch, attention } = buffers;
        self.qkv.forward(isa, x, qkv, scratch);
        mixed.clear();
        mixed.resize(x.len(), 0.0);
        let (mut qkv, mut rest) = (qkv.as_slice(), mixed.as_mut_slice());
        for sequence in sequences {
            let (own, after) = qkv.split_at(qkv.len().min(sequence.len() * 3 * width));
            let (mixed, rest_after) = rest.split_at_mut(rest.len().min(sequence.len() * width));
            (qkv, rest) = (after, rest_after);
            attention.mix(isa, own, mixed, width, head);
        }
        self.attended.forward(isa, mixed, sum, scratch);
        self.attention_norm.add_each(isa, x, sum);
        self.up.forward(isa, x, inner, scratch);
        gelu(isa, inner);
        self.down.forward(isa, inner, sum, scratch);
        self.output_norm.add_each(isa, x, sum);
    }
}

/// Projections of the same input, their outputs one after the other, each times a factor.
fn dense(weights: &Weights, names: &[&str], factor: impl Fn(usize) -> f32) -> Result<Dense> {
    let (mut weight, mut bias) = (Vec::new(), Vec::new());
    for (part, name) in names.iter().enumerate() {
        let factor = factor(part);
        weight.extend(weights.numbers(&format!("{name}.weight"))?.iter().map(|x| x * factor));
        bias.extend(weights.numbers(&format!("{name}.bias"))?.iter().map(|x| x * factor));
    }
    Ok(Dense::new(&weight, &bias))
}

impl Norm {
    fn load(weights: &Weights, name: &str, config: &Config) -> Result<Self> {
        Ok(Self {
            weight: weights.numbers(&format!("{name}.weight"))?,
            bias: weights.numbers(&format!("{name}.bias"))?,
            epsilon: config.layer_norm_eps,
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
}

/// The mean of rows, which only its direction is left of.
fn mean_of_unit_length(rows: &[f32], width: usize) -> Vec<f32> {
    let mut sum = vec![0.0; width];
    for row in rows.chunks_exact(width.max(1)) {
        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
    sum.iter_mut().for_each(|x| *x /= length);
    sum
}
