//! What the kernels of `candle-flash-attn` ask for.

use crate::decoder::Heads;

/// Positions of a block: the fewest that the kernels take. They go through 32 at a time, and a block must not end within them.
pub(crate) const PAGE: usize = 32;
/// The widest head that there is a kernel for.
const WIDEST_HEAD: usize = 512;
/// What the width of a head is a multiple of: 16 bytes are read at a time.
const HEAD_STEP: usize = 8;
/// The generation of GPUs, Ampere, from which on there are the instructions.
const OLDEST: i32 = 8;

/// Why attention is not computed by fused kernels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(not(feature = "flash-attn"), expect(dead_code, reason = "a build without the kernels has only this to say"))]
pub(crate) enum Unfit {
    /// It takes another build.
    #[cfg(not(feature = "flash-attn"))]
    #[error("this build has none: build with `--features flash-attn`")]
    NotBuilt,
    /// There are none for a CPU.
    #[error("only GPUs of NVIDIA have them")]
    NotAGpu,
    /// The GPU is too old.
    #[error("the GPU is of compute capability {0}.{1}, and they need {OLDEST}.0")]
    OldGpu(i32, i32),
    /// Heads are too wide.
    #[error("heads have {0} numbers, and they take at most {WIDEST_HEAD}")]
    WideHeads(usize),
    /// What the driver says instead.
    #[error("the driver does not tell what the GPU can do: {0}")]
    Driver(String),
}

/// Whether the kernels compute heads like these on a GPU of that compute capability.
#[cfg_attr(not(any(feature = "flash-attn", test)), expect(dead_code, reason = "nothing is asked without the kernels"))]
pub(super) fn fits(heads: &Heads, capability: (i32, i32)) -> Result<(), Unfit> {
    let (major, minor) = capability;
    if major < OLDEST {
        return Err(Unfit::OldGpu(major, minor));
    }
    if padded(heads.dimensions) > WIDEST_HEAD {
        return Err(Unfit::WideHeads(heads.dimensions));
    }
    Ok(())
}

/// The width of a head as the kernels take it.
pub(super) fn padded(dimensions: usize) -> usize {
    dimensions.next_multiple_of(HEAD_STEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernels_do_not_take_is_told() {
        let heads = |dimensions| Heads { query: 4, kv: 2, dimensions, scale: 1.0, cap: None };
        for dimensions in [2, 64, 80, 96, 128, 256, 512] {
            assert_eq!(fits(&heads(dimensions), (8, 0)), Ok(()), "{dimensions}");
        }
        assert_eq!(fits(&heads(514), (9, 0)), Err(Unfit::WideHeads(514)));
        let old = fits(&heads(64), (7, 5)).unwrap_err();
        assert_eq!(old.to_string(), "the GPU is of compute capability 7.5, and they need 8.0");
        assert_eq!([2, 8, 100, 128].map(padded), [8, 8, 104, 128]);
    }
}
