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

use candle_core::quantized::{QMatMul, QTensor};
use candle_core::{Device, Module, Result, Tensor, bail};
use tradewind_models::decoder::{Batch, CacheLayout, Row};

use self::arena::Arena;
use self::attention::{LANES, Pool, Sight};
pub(crate) use self::dense::Dense;
pub(crate) use self::isa::Isa;
use self::linear::PackedLinear;
pub(crate) use self::parallel::for_parts;
pub(crate) use self::sentences::{Attention, add_and_norm, gelu};
use crate::backend::Backend;
use crate::llama::{Config, RopeTable};
use crate::load::CacheNumbers;

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
    rope: RopeTable,
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
    /// Another format, by which candle multiplies.
    Stored(Vec<QMatMul>),
}

/// A batch, and what the tokens of each of its rows see.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    batch: &'a Batch<'a>,
    sights: Vec<Sight<'a>>,
}

impl Cpu {
    /// A pool with room for so many tokens, if the model's heads have a size that the kernels can take.
    pub(crate) fn new(config: &Config, rope: RopeTable, cache_tokens: usize, numbers: CacheNumbers) -> Option<Self> {
        if !config.heads.dimensions.is_multiple_of(LANES) {
            return None;
        }
        let mut cpu = Self {
            isa: Isa::best(),
            config: config.clone(),
            rope,
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
        2 * config.layers * config.heads.kv * config.heads.dimensions * numbers.bytes()
    }

    fn empty_pools(&mut self) {
        self.pools = (0..self.config.layers).map(|_| Pool::new(self.config.heads, self.blocks, self.numbers)).collect();
    }

    /// Rotates the queries and keys of one token.
    fn rotate(&self, qkv: &mut [f32], position: u32) {
        let heads = &self.config.heads;
        let (cos, sin) = self.rope.at(position);
        for head in qkv.chunks_exact_mut(heads.dimensions).take(heads.query + heads.kv) {
            elementwise::rotate(self.isa, head, cos, sin);
        }
    }
}

impl Backend for Cpu {
    type Matrix = Matrix;
    type Weights = Weights;
    type Vector = Vec<f32>;
    type Step<'a> = Step<'a>;

    fn device(&self) -> &Device {
        &Device::Cpu
    }

    fn weights(&self, parts: Vec<QTensor>) -> Result<Weights> {
        if let Some(packed) = PackedLinear::new(&parts, &self.weights)? {
            return Ok(Weights(Layout::Packed(packed)));
        }
        let parts = parts.into_iter().map(QMatMul::from_qtensor).collect::<Result<_>>()?;
        Ok(Weights(Layout::Stored(parts)))
    }

    fn vector(&self, tensor: QTensor) -> Result<Vec<f32>> {
        tensor.dequantize(&Device::Cpu)?.to_vec1()
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

    fn embed(&self, table: &QTensor, tokens: &[u32]) -> Result<Matrix> {
        let rows = table.embedding(&Tensor::new(tokens, &Device::Cpu)?)?;
        Matrix::from_tensor(&rows)
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
            Layout::Stored(parts) => {
                let x = Tensor::from_slice(&x.values, (x.rows(), x.width), &Device::Cpu)?;
                let outputs = parts.iter().map(|part| part.forward(&x)).collect::<Result<Vec<_>>>()?;
                Matrix::from_tensor(&Tensor::cat(&outputs, 1)?)
            }
        }
    }

    fn attend(&mut self, layer: usize, mut qkv: Matrix, step: &Step<'_>) -> Result<Matrix> {
        let heads = self.config.heads;
        let (queries, keys) = (heads.query * heads.dimensions, heads.kv * heads.dimensions);
        if qkv.width != queries + 2 * keys {
            bail!("rows of {} are not {} queries with keys and values", qkv.width, heads.query)
        }
        let width = qkv.width;
        for_parts(&mut qkv.values, width, WORTHWHILE_ROWS, |row, qkv| {
            self.rotate(qkv, step.batch.positions.get(row).copied().unwrap_or(0));
        });
        let Some(pool) = self.pools.get_mut(layer) else { bail!("there is no layer {layer}") };
        for (row, slot) in qkv.values.chunks_exact(width).zip(step.batch.slots) {
            let (_, row) = row.split_at(queries);
            let (keys, values) = row.split_at(keys);
            pool.write(*slot, keys, values);
        }
        Ok(Matrix { values: pool.attend(self.isa, &qkv.values, width, &step.sights), width: queries })
    }

    fn gated(&self, gate_up: Matrix) -> Result<Matrix> {
        let width = gate_up.width / 2;
        let mut gated = Matrix::zeros(gate_up.rows(), width);
        for_parts(&mut gated.values, width, WORTHWHILE_ROWS, |row, product| {
            let (gate, up) = gate_up.row(row).split_at(width.min(gate_up.row(row).len()));
            elementwise::gated(self.isa, gate, up, product);
        });
        Ok(gated)
    }

    fn add(&self, mut x: Matrix, y: &Matrix) -> Result<Matrix> {
        if x.values.len() != y.values.len() {
            bail!("matrices of {} and {} numbers cannot be added", x.values.len(), y.values.len())
        }
        elementwise::add(self.isa, &mut x.values, &y.values);
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
