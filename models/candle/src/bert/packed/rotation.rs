//! Positions as angles by which queries and keys are rotated: <https://arxiv.org/abs/2104.09864>.

use super::super::config::Config;
use crate::cpu::{Isa, rotate_halves};

/// The angles of each base that a model's layers use.
#[derive(Debug)]
pub(super) struct Rotations {
    tables: Vec<Table>,
    head: usize,
}

/// Of one base.
#[derive(Debug)]
struct Table {
    theta: f64,
    /// `[positions, head / 2]`.
    cos: Vec<f32>,
    /// The same.
    sin: Vec<f32>,
}

impl Rotations {
    /// Up to so many positions.
    pub(super) fn new(config: &Config, positions: usize) -> Self {
        let head = config.head();
        let mut tables: Vec<Table> = Vec::new();
        for theta in config.layers.iter().filter_map(|sight| sight.theta) {
            if !tables.iter().any(|table| table.theta == theta) {
                tables.push(Table::new(theta, positions, head));
            }
        }
        Self { tables, head }
    }

    /// Rotates the queries and keys of one sequence, `[length, 3 width]`.
    pub(super) fn apply(&self, isa: Isa, theta: f64, qkv: &mut [f32], width: usize) {
        let half = (self.head / 2).max(1);
        let Some(table) = self.tables.iter().find(|table| table.theta == theta) else { return };
        let angles = table.cos.chunks_exact(half).zip(table.sin.chunks_exact(half));
        for (row, (cos, sin)) in qkv.chunks_exact_mut((3 * width).max(1)).zip(angles) {
            for head in row.chunks_exact_mut(self.head.max(1)).take(2 * width / self.head.max(1)) {
                let (left, right) = head.split_at_mut(half);
                rotate_halves(isa, left, right, cos, sin);
            }
        }
    }
}

impl Table {
    /// Angles are made in f32 as the reference makes them, whose rounding is felt at late positions.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "the precision is that of the reference")]
    fn new(theta: f64, positions: usize, head: usize) -> Self {
        let speeds: Vec<f32> = (0..head / 2).map(|pair| 1.0 / (theta as f32).powf(2.0 * pair as f32 / head as f32)).collect();
        let angles = (0..positions).flat_map(|position| speeds.iter().map(move |speed| position as f32 * speed));
        let (cos, sin) = angles.map(|angle| (angle.cos(), angle.sin())).unzip();
        Self { theta, cos, sin }
    }
}
