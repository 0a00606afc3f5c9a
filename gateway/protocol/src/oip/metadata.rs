//! What a server and its models say of themselves.

use serde::Serialize;

use super::Datatype;

/// `GET /v2`.
#[derive(Debug, Clone, Serialize)]
pub struct ServerMetadata {
    /// The server's name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What it speaks beyond the protocol.
    pub extensions: &'static [&'static str],
}

/// `GET /v2/health/live`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Live {
    /// Whether it answers.
    pub live: bool,
}

/// The answer of a server that answers.
pub const LIVE: Live = Live { live: true };

/// `GET /v2/health/ready`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Ready {
    /// Whether all models are there.
    pub ready: bool,
}

/// `GET /v2/models/{model}/ready`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ModelReady<'a> {
    /// The model asked for.
    pub name: &'a str,
    /// Whether it is there.
    pub ready: bool,
}

/// `GET /v2/models/{model}`.
#[derive(Debug, Clone, Serialize)]
pub struct ModelMetadata<'a> {
    /// The model asked for.
    pub name: &'a str,
    /// What runs it.
    pub platform: &'static str,
    /// The tensors that it takes.
    pub inputs: Vec<TensorMetadata>,
    /// The tensors that it gives.
    pub outputs: Vec<TensorMetadata>,
}

/// A tensor that a model takes or gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TensorMetadata {
    /// Its name.
    pub name: &'static str,
    /// What it is made of.
    pub datatype: Datatype,
    /// How many there are of what, the outermost first; -1 is any number.
    pub shape: Vec<i64>,
}

impl TensorMetadata {
    /// A tensor of one dimension, of any length.
    #[must_use]
    pub fn list(name: &'static str, datatype: Datatype) -> Self {
        Self { name, datatype, shape: vec![-1] }
    }

    /// Any number of rows of so many numbers, or of a number that is not known.
    #[must_use]
    pub fn rows(name: &'static str, width: Option<usize>) -> Self {
        let width = width.and_then(|width| i64::try_from(width).ok()).unwrap_or(-1);
        Self { name, datatype: Datatype::Fp32, shape: vec![-1, width] }
    }
}
