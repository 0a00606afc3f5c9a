//! The keys and values of one sequence in one layer.

use candle_core::{Result, Tensor};

/// Positions for which there is room at first; doubled when they are used up. A whole context at once would be 377 MB
/// for SmolLM2-135M, of which a short chat uses a fiftieth.
const FIRST_ROOM: usize = 256;

/// Keys and values, each `[k, room, d]`, of which the first positions are filled.
#[derive(Debug, Default)]
pub(super) struct Cache {
    room: Option<(Tensor, Tensor)>,
}

impl Cache {
    /// Puts keys and values, each `[k, t, d]`, at the positions from `start` on, and returns those of the whole
    /// sequence, each `[k, n, d]`.
    pub(super) fn append(
        &mut self,
        keys: &Tensor,
        values: &Tensor,
        start: usize,
    ) -> Result<(Tensor, Tensor)> {
        let (heads, count, head) = keys.dims3()?;
        let end = start + count;
        let held = match &self.room {
            Some((held, _)) => held.dim(1)?,
            None => 0,
        };
        if end > held {
            let room = end.next_power_of_two().max(FIRST_ROOM);
            let grown = || Tensor::zeros((heads, room, head), keys.dtype(), keys.device());
            let (new_keys, new_values) = (grown()?, grown()?);
            if let Some((old_keys, old_values)) = self.room.take().filter(|_| start > 0) {
                new_keys.slice_set(&old_keys.narrow(1, 0, start)?.contiguous()?, 1, 0)?;
                new_values.slice_set(&old_values.narrow(1, 0, start)?.contiguous()?, 1, 0)?;
            }
            self.room = Some((new_keys, new_values));
        }
        let Some((all_keys, all_values)) = &self.room else {
            candle_core::bail!("no keys to append to the cache")
        };
        all_keys.slice_set(keys, 1, start)?;
        all_values.slice_set(values, 1, start)?;
        Ok((all_keys.narrow(1, 0, end)?, all_values.narrow(1, 0, end)?))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, IndexOp};

    use super::*;

    #[test]
    fn what_was_put_in_pieces_comes_out_whole_also_after_growing_and_after_a_new_sequence() {
        let ramp = |from: f32, count: usize| {
            let end = from + f32::from(u16::try_from(count).unwrap());
            let row = Tensor::arange(from, end, &Device::Cpu)
                .unwrap()
                .reshape((1, count, 1))
                .unwrap();
            Tensor::cat(&[&row, &(&row + 0.5).unwrap()], 0).unwrap()
        };
        let mut cache = Cache::default();
        for _sequence in 0..2 {
            cache.append(&ramp(0.0, 255), &ramp(0.0, 255), 0).unwrap();
            let (keys, values) = cache.append(&ramp(255.0, 300), &ramp(255.0, 300), 255).unwrap();
            for held in [keys, values] {
                let expected = ramp(0.0, 555).i((.., .., 0)).unwrap().to_vec2::<f32>().unwrap();
                assert_eq!(held.i((.., .., 0)).unwrap().to_vec2::<f32>().unwrap(), expected);
            }
        }
    }
}
