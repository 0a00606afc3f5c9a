//! The decoder's operations on a CPU, on plain slices.
//!
//! candle's tensors cost an allocation and a dispatch for each of some ten operations a layer, and its kernels for quantised weights
//! round activations to eight bits; for a small model both are felt. Here a pass is a few loops over a few vectors.

mod arena;
mod attention;
mod dense;
mod elementwise;
mod isa;
mod linear;
mod parallel;
mod sentences;

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Result, Tensor, bail};
use tradewind_models::decoder::{Batch, CacheLayout, Row};

use self::arena::Arena;
use self::attention::{LANES, Pool, Sight};
pub(crate) use self::dense::{Dense, Scratch};
pub(crate) use self::elementwise::add;
pub(crate) use self::isa::Isa;
use self::linear::PackedLinear;
pub(crate) use self::linear::packed_bytes;
pub(crate) use self::parallel::for_parts;
pub(crate) use self::sentences::{Attention, add_and_norm, gelu, multiply, rotate_halves};
use crate::backend::Backend;
use crate::decoder::{Activation, Config, Pairing, Reach, RopeTable};
use crate::load::{CacheNumbers, DenseWeights};

/// Fewer rows than this are not worth a second thread.
const WORTHWHILE_ROWS: usize = 8;

/// The instructions that the kernels are chosen for on this processor.
pub(crate) fn kernels() -> &'static str {
    Isa::best().name()
}

/// The CPU, with the pool of one model.
#[derive(Debug)]
pub(crate) struct Cpu {
    isa: Isa,
    config: Config,
    ropes: Vec<RopeTable>,
    dense: DenseWeights,
    weights: Arena,
    /// One for each layer.
    pools: Vec<Pool>,
    blocks: usize,
    numbers: CacheNumbers,
}

/// Activations, row by row.
#[derive(Debug, Clone)]
pub(crate) struct Matrix {
    values: Vec<f32>,
    width: usize,
}

/// Stacked weight matrices.
#[derive(Debug)]
pub(crate) struct Weights(Layout);

#[derive(Debug)]
enum Layout {
    /// Of our kernels.
    Packed(PackedLinear),
    /// `[out, in]` in f32, by which candle multiplies.
    Dense(Tensor),
}

/// A batch, and what the tokens of each of its rows see.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    batch: &'a Batch<'a>,
    sights: Vec<Sight<'a>>,
}

impl Cpu {
    /// A pool with room for so many tokens, if the model's heads have a size that the kernels can take.
    pub(crate) fn new(
        config: &Config,
        ropes: Vec<RopeTable>,
        cache_tokens: usize,
        numbers: CacheNumbers,
        dense: DenseWeights,
    ) -> Option<Self> {
        if !config.heads.dimensions.is_multiple_of(LANES) {
            return None;
        }
        let mut cpu = Self {
            isa: Isa::best(),
            config: config.clone(),
            ropes,
            dense,
            weights: Arena::default(),
            pools: Vec::new(),
            blocks: cache_tokens.div_ceil(LANES),
            numbers,
        };
        cpu.empty_pools();
        Some(cpu)
    }

    /// The bytes of a token's keys and values.
    pub(crate) fn bytes_per_token(config: &Config, numbers: CacheNumbers) -> usize {
        2 * config.layers.len() * config.heads.kv * config.heads.dimensions * numbers.bytes()
    }

    fn empty_pools(&mut self) {
        let pool = |reach: &Reach| Pool::new(self.config.heads, reach.window, self.blocks, self.numbers);
        self.pools = self.config.layers.iter().map(pool).collect();
    }

    /// Rotates the queries and keys of one token.
    fn rotate(&self, rope: &RopeTable, qkv: &mut [f32], position: u32) {
        let heads = &self.config.heads;
        let (cos, sin) = rope.at(position);
        for head in qkv.chunks_exact_mut(heads.dimensions).take(heads.query + heads.kv) {
            match rope.pairing() {
                Pairing::Neighbours => elementwise::rotate(self.isa, head, cos, sin),
                Pairing::Halves => elementwise::rotate_halves(self.isa, head, cos, sin),
            }
        }
    }

    /// The tensor in fewer bits, if our kernels do not take it as it is.
    fn packable(&self, part: QTensor) -> Result<QTensor> {
        if PackedLinear::takes(part.dtype()) {
            return Ok(part);
        }
        let format = match self.dense {
            DenseWeights::FourBits if is_dense(&part) => GgmlDType::Q4_1,
            DenseWeights::FourBits | DenseWeights::EightBits | DenseWeights::AsStored => GgmlDType::Q8_0,
        };
        QTensor::quantize(&part.dequantize(&Device::Cpu)?, format)
    }

    /// Whether the weights are to be multiplied by as f32, nothing being rounded.
    fn stays_dense(&self, part: &QTensor) -> bool {
        let fits = part.shape().dims().last().is_some_and(|inputs| PackedLinear::fits(*inputs));
        !fits || is_dense(part) && self.dense == DenseWeights::AsStored
    }
}

/// Whether its weights are floating-point numbers.
fn is_dense(part: &QTensor) -> bool {
    matches!(part.dtype(), GgmlDType::F32 | GgmlDType::F16 | GgmlDType::BF16)
}

impl Backend for Cpu {
    type Matrix = Matrix;
    type Weights = Weights;
    type Vector = Vec<f32>;
    type Step<'a> = Step<'a>;

    fn weights(&self, parts: Vec<QTensor>) -> Result<Weights> {
        if parts.iter().any(|part| self.stays_dense(part)) {
            let parts = parts.iter().map(|part| part.dequantize(&Device::Cpu)).collect::<Result<Vec<_>>>()?;
            return Ok(Weights(Layout::Dense(Tensor::cat(&parts, 0)?)));
        }
        let parts = parts.into_iter().map(|part| self.packable(part)).collect::<Result<Vec<_>>>()?;
        Ok(Weights(Layout::Packed(PackedLinear::new(&parts, &self.weights)?)))
    }

    fn vector(&self, parts: Vec<QTensor>) -> Result<Vec<f32>> {
        let parts = parts.iter().map(|part| part.dequantize(&Device::Cpu)?.to_vec1()).collect::<Result<Vec<Vec<f32>>>>()?;
        Ok(parts.concat())
    }

    fn cache(&self) -> CacheLayout {
        CacheLayout { blocks: self.blocks, block_size: LANES }
    }

    fn rebuild_cache(&mut self) -> Result<()> {
        self.empty_pools();
        Ok(())
    }

    fn step<'a>(&self, batch: &'a Batch<'a>) -> Result<Step<'a>> {
        let sight = |row: &Row<'a>| Sight { blocks: row.blocks, before: row.length - row.tokens, tokens: row.tokens };
        Ok(Step { batch, sights: batch.rows.iter().map(sight).collect() })
    }

    fn embed(&self, table: &Weights, tokens: &[u32], scale: f32) -> Result<Matrix> {
        let mut rows = match &table.0 {
            Layout::Packed(packed) => {
                let mut rows = Matrix::zeros(tokens.len(), packed.inputs());
                for (token, row) in tokens.iter().zip(rows.values.chunks_exact_mut(packed.inputs())) {
                    packed.unpack(*token as usize, row);
                }
                rows
            }
            Layout::Dense(table) => Matrix::from_tensor(&table.index_select(&Tensor::new(tokens, &Device::Cpu)?, 0)?)?,
        };
        rows.values.iter_mut().for_each(|value| *value *= scale);
        Ok(rows)
    }

    fn rms_norm(&self, x: &Matrix, weight: &Vec<f32>, epsilon: f32) -> Result<Matrix> {
        if weight.len() != x.width {
            bail!("rows of {} do not fit a norm of {}", x.width, weight.len())
        }
        let mut normed = Matrix::zeros(x.rows(), x.width);
        for_parts(&mut normed.values, x.width, WORTHWHILE_ROWS, |row, normed| {
            elementwise::rms_norm(self.isa, x.row(row), weight, epsilon, normed);
        });
        Ok(normed)
    }

    fn linear(&self, weights: &Weights, x: &Matrix) -> Result<Matrix> {
        match &weights.0 {
            Layout::Packed(packed) if packed.inputs() == x.width => {
                Ok(Matrix { values: packed.forward(self.isa, &x.values), width: packed.outputs() })
            }
            Layout::Packed(packed) => bail!("rows of {} do not fit weights for {}", x.width, packed.inputs()),
            Layout::Dense(weights) => {
                let x = Tensor::from_slice(&x.values, (x.rows(), x.width), &Device::Cpu)?;
                Matrix::from_tensor(&x.matmul(&weights.t()?)?)
            }
        }
    }

    fn add_bias(&self, mut x: Matrix, bias: &Vec<f32>) -> Result<Matrix> {
        if bias.len() != x.width {
            bail!("rows of {} do not fit a bias of {}", x.width, bias.len())
        }
        for row in x.values.chunks_exact_mut(bias.len().max(1)) {
            add(self.isa, row, bias);
        }
        Ok(x)
    }

    fn norm_heads(&self, mut qkv: Matrix, query: &Vec<f32>, key: &Vec<f32>, epsilon: f32) -> Result<Matrix> {
        let heads = self.config.heads;
        if qkv.width != heads.qkv_width() || query.len() != heads.dimensions || key.len() != heads.dimensions {
            bail!("rows of {} do not fit norms of {} and {}", qkv.width, query.len(), key.len())
        }
        let weights = || std::iter::repeat_n(query, heads.query).chain(std::iter::repeat_n(key, heads.kv));
        let width = qkv.width;
        for_parts(&mut qkv.values, width, WORTHWHILE_ROWS, |_, row| {
            let mut normed = vec![0.0; heads.dimensions];
            for (head, weight) in row.chunks_exact_mut(heads.dimensions).zip(weights()) {
                elementwise::rms_norm(self.isa, head, weight, epsilon, &mut normed);
                head.copy_from_slice(&normed);
            }
        });
        Ok(qkv)
    }

    fn attend(&mut self, layer: usize, mut qkv: Matrix, step: &Step<'_>) -> Result<Matrix> {
        let heads = self.config.heads;
        let (queries, keys) = (heads.query * heads.dimensions, heads.kv * heads.dimensions);
        if qkv.width != heads.qkv_width() {
            bail!("rows of {} are not {} queries with keys and values", qkv.width, heads.query)
        }
        let rope = self.config.layers.get(layer).and_then(|reach| self.ropes.get(reach.rope));
        let Some(rope) = rope else { bail!("layer {layer} has no rotation") };
        let width = qkv.width;
        for_parts(&mut qkv.values, width, WORTHWHILE_ROWS, |row, qkv| {
            self.rotate(rope, qkv, step.batch.positions.get(row).copied().unwrap_or(0));
        });
        let Some(pool) = self.pools.get_mut(layer) else { bail!("there is no layer {layer}") };
        for (row, slot) in qkv.values.chunks_exact(width).zip(step.batch.slots) {
            let (_, row) = row.split_at(queries);
            let (keys, values) = row.split_at(keys);
            pool.write(*slot, keys, values);
        }
        Ok(Matrix { values: pool.attend(self.isa, &qkv.values, width, &step.sights), width: queries })
    }

    fn gated(&self, gate_up: Matrix, activation: Activation) -> Result<Matrix> {
        let width = gate_up.width / 2;
        let mut gated = Matrix::zeros(gate_up.rows(), width);
        for_parts(&mut gated.values, width, WORTHWHILE_ROWS, |row, product| {
            let (gate, up) = gate_up.row(row).split_at(width.min(gate_up.row(row).len()));
            match activation {
                Activation::Silu => elementwise::gated_by_silu(self.isa, gate, up, product),
                Activation::Gelu => elementwise::gated_by_gelu(self.isa, gate, up, product),
            }
        });
        Ok(gated)
    }

    fn soft_cap(&self, mut x: Matrix, cap: f32) -> Result<Matrix> {
        let width = x.width;
        for_parts(&mut x.values, width, WORTHWHILE_ROWS, |_, row| elementwise::soft_cap(self.isa, row, cap));
        Ok(x)
    }

    fn add(&self, mut x: Matrix, y: &Matrix) -> Result<Matrix> {
        if x.values.len() != y.values.len() {
            bail!("matrices of {} and {} numbers cannot be added", x.values.len(), y.values.len())
        }
        add(self.isa, &mut x.values, &y.values);
        Ok(x)
    }

    fn rows(&self, x: &Matrix, indices: &[u32]) -> Result<Matrix> {
        let values = indices.iter().flat_map(|index| x.row(*index as usize)).copied().collect();
        Ok(Matrix { values, width: x.width })
    }

    fn numbers(&self, x: Matrix) -> Result<Vec<f32>> {
        Ok(x.values)
    }
}

impl Matrix {
    fn zeros(rows: usize, width: usize) -> Self {
        Self { values: vec![0.0; rows * width], width }
    }

    fn from_tensor(tensor: &Tensor) -> Result<Self> {
        let (_, width) = tensor.dims2()?;
        Ok(Self { values: tensor.flatten_all()?.to_vec1()?, width })
    }

    fn rows(&self) -> usize {
        self.values.len().checked_div(self.width).unwrap_or(0)
    }

    /// The row of that number; empty if there are not as many.
    fn row(&self, number: usize) -> &[f32] {
        self.values.get(number * self.width..(number + 1) * self.width).unwrap_or_default()
    }
}
