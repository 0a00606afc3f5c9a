//! What a CPU makes of the weights of local chat models, and what a GPU computes their attention by.

use std::{fmt, str::FromStr};

/// What becomes of weights that are stored as floating-point numbers, before a CPU computes with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DenseWeights {
    /// Integers of eight bits, which no answer is seen to miss.
    #[default]
    EightBits,
    /// Integers of four bits, in half the memory of eight; answers are noticeably others.
    FourBits,
    /// They stay what they are.
    AsStored,
}

/// No such way.
#[derive(Debug, thiserror::Error)]
#[error("`{typed}` is no way to compute weights; accepted: \"eight-bits\", \"four-bits\", \"as-stored\"")]
pub struct InvalidDenseWeights {
    /// What was typed, or the beginning of it.
    typed: String,
}

impl FromStr for DenseWeights {
    type Err = InvalidDenseWeights;

    fn from_str(typed: &str) -> Result<Self, InvalidDenseWeights> {
        match typed {
            "eight-bits" => Ok(Self::EightBits),
            "four-bits" => Ok(Self::FourBits),
            "as-stored" => Ok(Self::AsStored),
            _ => Err(InvalidDenseWeights { typed: typed.chars().take(80).collect() }),
        }
    }
}

impl fmt::Display for DenseWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EightBits => "eight-bits",
            Self::FourBits => "four-bits",
            Self::AsStored => "as-stored",
        })
    }
}

/// What computes attention on a GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attention {
    /// Operations of candle.
    #[default]
    Operations,
    /// Fused kernels where the build, the GPU and the model have what they need, else operations.
    Kernels,
}

/// No such thing.
#[derive(Debug, thiserror::Error)]
#[error("`{typed}` computes no attention; accepted: \"operations\", \"kernels\"")]
pub struct InvalidAttention {
    /// What was typed, or the beginning of it.
    typed: String,
}

impl FromStr for Attention {
    type Err = InvalidAttention;

    fn from_str(typed: &str) -> Result<Self, InvalidAttention> {
        match typed {
            "operations" => Ok(Self::Operations),
            "kernels" => Ok(Self::Kernels),
            _ => Err(InvalidAttention { typed: typed.chars().take(80).collect() }),
        }
    }
}

impl fmt::Display for Attention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Operations => "operations",
            Self::Kernels => "kernels",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_written_as_they_are_read() {
        for way in [DenseWeights::EightBits, DenseWeights::FourBits, DenseWeights::AsStored] {
            assert_eq!(way.to_string().parse::<DenseWeights>().unwrap(), way);
        }
        assert!("4".parse::<DenseWeights>().unwrap_err().to_string().contains("\"four-bits\""));
    }
    #[test]
    fn attention_is_written_as_it_is_read() {
        for by in [Attention::Operations, Attention::Kernels] {
            assert_eq!(by.to_string().parse::<Attention>().unwrap(), by);
        }
        assert!("flash".parse::<Attention>().unwrap_err().to_string().contains("\"kernels\""));
    }
}
