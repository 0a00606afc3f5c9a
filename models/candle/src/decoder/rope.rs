//! Rotary position embedding: Su et al., <https://arxiv.org/abs/2104.09864>.

use super::config::Config;

/// How one kind of layer rotates.
#[derive(Debug, Clone)]
pub(crate) struct Rope {
    /// The base of the frequencies.
    pub(crate) base: f64,
    pub(crate) pairing: Pairing,
    /// What the frequency of each pair is divided by: one for each pair of numbers that turns.
    pub(crate) divisors: Vec<f64>,
    /// By which cosines and sines are multiplied.
    pub(crate) magnitude: f64,
}

/// Which numbers of a head turn together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pairing {
    /// Neighbours: how GGUF stores the query and key rows of `llama`.
    Neighbours,
    /// One of the first half with one of the second: how every other file stores them.
    Halves,
}

/// The bands of frequencies of Llama 3.1, of which the slow ones are stretched: Grattafiori et al., <https://arxiv.org/abs/2407.21783>.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bands {
    /// What slow frequencies are divided by.
    pub(super) factor: f64,
    /// Turns within the original context: what makes fewer than `low` is slow, what makes more than `high` stays as it is.
    pub(super) low: f64,
    pub(super) high: f64,
    /// Positions that the model was trained on at first.
    pub(super) original: f64,
}

impl Rope {
    /// Turns `pairs` pairs of each head, as they are.
    pub(super) fn plain(base: f64, pairing: Pairing, pairs: usize) -> Self {
        Self { base, pairing, divisors: vec![1.0; pairs], magnitude: 1.0 }
    }

    /// Pairs of a head that turn.
    pub(crate) fn pairs(&self) -> usize {
        self.divisors.len()
    }

    /// Positions count for less, all alike: Chen et al., <https://arxiv.org/abs/2306.15595>.
    pub(super) fn stretched(mut self, factor: f64) -> Self {
        self.divisors.iter_mut().for_each(|divisor| *divisor *= factor);
        self
    }

    pub(super) fn in_bands(mut self, bands: Bands) -> Self {
        let pairs = self.pairs();
        for (pair, divisor) in self.divisors.iter_mut().enumerate() {
            let turns = bands.original * frequency(self.base, pair, pairs) / std::f64::consts::TAU;
            let kept = ((turns - bands.low) / (bands.high - bands.low)).clamp(0.0, 1.0);
            *divisor = 1.0 / ((1.0 - kept) / bands.factor + kept);
        }
        self
    }
}

fn frequency(base: f64, pair: usize, pairs: usize) -> f64 {
    base.powf(-(pair as f64) / pairs as f64)
}

/// Cosines and sines of every position, each `[context, pairs]`.
#[derive(Debug, Clone)]
pub(crate) struct RopeTable {
    cos: Vec<f32>,
    sin: Vec<f32>,
    pairs: usize,
    pairing: Pairing,
}

impl RopeTable {
    /// One for each of the model's rotations.
    pub(super) fn all(config: &Config) -> Vec<Self> {
        config.ropes.iter().map(|rope| Self::new(rope, config.context)).collect()
    }

    fn new(rope: &Rope, context: usize) -> Self {
        let pairs = rope.pairs();
        let frequencies = rope.divisors.iter().enumerate().map(|(pair, divisor)| frequency(rope.base, pair, pairs) / divisor);
        let frequencies: Vec<f64> = frequencies.collect();
        let angles = (0..context).flat_map(|position| frequencies.iter().map(move |frequency| position as f64 * frequency));
        let magnitude = rope.magnitude;
        let (cos, sin) = angles.map(|angle| ((magnitude * angle.cos()) as f32, (magnitude * angle.sin()) as f32)).unzip();
        Self { cos, sin, pairs, pairing: rope.pairing }
    }

    /// The cosines and sines of a position; none if it lies beyond the context.
    pub(crate) fn at(&self, position: u32) -> (&[f32], &[f32]) {
        let start = position as usize * self.pairs;
        let pairs = start..start + self.pairs;
        (self.cos.get(pairs.clone()).unwrap_or_default(), self.sin.get(pairs).unwrap_or_default())
    }

    pub(crate) fn pairing(&self) -> Pairing {
        self.pairing
    }

    /// Positions and pairs.
    pub(crate) fn shape(&self) -> (usize, usize) {
        (self.cos.len().checked_div(self.pairs).unwrap_or(0), self.pairs)
    }

    pub(crate) fn cos(&self) -> &[f32] {
        &self.cos
    }

    pub(crate) fn sin(&self) -> &[f32] {
        &self.sin
    }
}
