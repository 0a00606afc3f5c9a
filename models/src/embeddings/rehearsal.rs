//! Inputs that nobody asks for, computed at start, so that the engine knows how quick it is before anybody asks.

use crate::decoder::ForwardError;
use crate::encoder::Encoder;
use crate::load::Pace;
use crate::queue::Clock;

use super::size::work_of;

/// The forward passes: how many inputs, and how long each. A query, a paragraph, several of them, a long one. The first finds nothing
/// in the machine's caches and is not counted.
const PASSES: [(usize, usize); 6] = [(1, 8), (1, 8), (1, 128), (4, 96), (1, 384), (16, 12)];

/// Computes them `times` over.
///
/// # Errors
/// The model cannot be computed. It is better to know now than at the first request.
pub(super) fn rehearse(encoder: &mut dyn Encoder, times: usize, clock: &Clock) -> Result<Pace, ForwardError> {
    let mut steps = Vec::new();
    // Any token will do: what is computed does not depend on it.
    let token = u32::try_from(encoder.vocabulary_size() / 2).unwrap_or(0);
    for _ in 0..times {
        for (place, (inputs, length)) in PASSES.into_iter().enumerate() {
            let batch = vec![vec![token; length.min(encoder.max_tokens())]; inputs];
            let start = clock.now();
            encoder.encode(&batch)?;
            let took = clock.now().saturating_duration_since(start);
            if place > 0 {
                steps.push((work_of(&batch), took));
            }
        }
    }
    Ok(Pace::rehearsed(&steps))
}
