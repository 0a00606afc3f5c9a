//! What the kernels compute, number by number, and everything that they ask for.

use candle_core::{DType, Device, Result, Tensor};

use super::{Call, Kernel, PAGE};

/// Computes on the CPU, in 32 bits, what the kernels compute of the same numbers in 16.
#[derive(Debug)]
pub(crate) struct Reference;

/// A call, as numbers.
struct Numbers {
    queries: Vec<Vec<Vec<f32>>>,
    /// By block and place.
    keys: Vec<Vec<Vec<Vec<f32>>>>,
    values: Vec<Vec<Vec<Vec<f32>>>>,
    query_ends: Vec<u32>,
    key_ends: Vec<u32>,
    table: Vec<Vec<u32>>,
}

impl Kernel for Reference {
    fn attend(&self, call: &Call<'_>) -> Result<Tensor> {
        let numbers = Numbers::of(call)?;
        numbers.check(call);
        let (tokens, heads, dimensions) = call.queries.dims3()?;
        let mut mixed = Vec::with_capacity(tokens * heads * dimensions);
        for row in 0..numbers.table.len() {
            let (first, end) = (numbers.query_ends[row] as usize, numbers.query_ends[row + 1] as usize);
            let length = (numbers.key_ends[row + 1] - numbers.key_ends[row]) as usize;
            for token in first..end {
                // The last query stands at the last key.
                let place = length - (end - token);
                for head in 0..heads {
                    mixed.extend(numbers.mix(call, row, token, head, place));
                }
            }
        }
        Tensor::from_vec(mixed, (tokens, heads, dimensions), &Device::Cpu)?.to_dtype(DType::F16)
    }
}

impl Numbers {
    fn of(call: &Call<'_>) -> Result<Self> {
        for x in [call.queries, call.keys, call.values] {
            assert_eq!((x.dtype(), x.is_contiguous()), (DType::F16, true));
        }
        let pool = |x: &Tensor| -> Result<Vec<Vec<Vec<Vec<f32>>>>> {
            let blocks = x.dim(0)?;
            (0..blocks).map(|block| x.get(block)?.to_dtype(DType::F32)?.to_vec3()).collect()
        };
        Ok(Self {
            queries: call.queries.to_dtype(DType::F32)?.to_vec3()?,
            keys: pool(call.keys)?,
            values: pool(call.values)?,
            query_ends: call.step.queries.to_vec1()?,
            key_ends: call.step.keys.to_vec1()?,
            table: call.step.table.to_vec2()?,
        })
    }

    /// What the kernels ask for, and would not notice the lack of.
    fn check(&self, call: &Call<'_>) {
        let (tokens, heads, dimensions) = call.queries.dims3().unwrap();
        let (blocks, page, kv_heads, key_dimensions) = call.keys.dims4().unwrap();
        assert_eq!(call.keys.dims(), call.values.dims());
        assert_eq!((page, page % 32, key_dimensions), (PAGE, 0, dimensions));
        assert!(dimensions.is_multiple_of(8) && dimensions <= 512 && heads.is_multiple_of(kv_heads));
        for ends in [&self.query_ends, &self.key_ends] {
            assert_eq!((ends.len(), ends[0]), (self.table.len() + 1, 0));
            assert!(ends.is_sorted_by(|a, b| a < b));
        }
        assert_eq!(*self.query_ends.last().unwrap() as usize, tokens);
        let counts = |ends: &[u32]| ends.windows(2).map(|ends| (ends[1] - ends[0]) as usize).collect::<Vec<_>>();
        let (queries, keys) = (counts(&self.query_ends), counts(&self.key_ends));
        assert_eq!(queries.iter().max(), Some(&call.step.most_queries));
        assert_eq!(keys.iter().max(), Some(&call.step.most_keys));
        for (row, length) in self.table.iter().zip(&keys) {
            assert!(row.len() * page >= *length && row.iter().all(|block| (*block as usize) < blocks));
        }
    }

    /// What one head of one token mixes.
    fn mix(&self, call: &Call<'_>, row: usize, token: usize, head: usize, place: usize) -> Vec<f32> {
        let query = &self.queries[token][head];
        let kv = head / (self.queries[token].len() / self.keys[0][0].len());
        let from = call.before.map_or(0, |before| place.saturating_sub(before));
        let at = |position: usize| (self.table[row][position / PAGE] as usize, position % PAGE);
        let scores = (from..=place).map(|position| {
            let (block, place) = at(position);
            let product: f32 = query.iter().zip(&self.keys[block][place][kv]).map(|(a, b)| a * b).sum();
            let score = product * call.scale;
            call.cap.map_or(score, |cap| cap * (score / cap).tanh())
        });
        let scores: Vec<f32> = scores.collect();
        let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights: Vec<f32> = scores.iter().map(|score| (score - largest).exp()).collect();
        let sum: f32 = weights.iter().sum();
        let mut mixed = vec![0.0; query.len()];
        for (position, weight) in (from..=place).zip(&weights) {
            let (block, place) = at(position);
            for (mixed, value) in mixed.iter_mut().zip(&self.values[block][place][kv]) {
                *mixed += weight / sum * value;
            }
        }
        mixed
    }
}
