//! The one sequence of the engine: it has the blocks of the cache in their order.

use crate::decoder::{Batch, Decoder, ForwardError, Row};

/// Appends `tokens` to the sequence, of which the cache holds `start` positions, and returns the logits after the last.
pub(super) fn append(decoder: &mut dyn Decoder, tokens: &[u32], start: usize) -> Result<Vec<f32>, ForwardError> {
    let length = start + tokens.len();
    let positions = (start..length).map(u32::try_from).collect::<Result<Vec<_>, _>>().map_err(ForwardError::new)?;
    let blocks = u32::try_from(length.div_ceil(decoder.cache().block_size.max(1))).map_err(ForwardError::new)?;
    let blocks: Vec<u32> = (0..blocks).collect();
    let last = u32::try_from(tokens.len().saturating_sub(1)).map_err(ForwardError::new)?;
    decoder.forward(&Batch {
        tokens,
        positions: &positions,
        slots: &positions,
        rows: &[Row { tokens: tokens.len(), length, blocks: &blocks }],
        outputs: &[last],
    })
}
