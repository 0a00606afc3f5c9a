//! The Open Inference Protocol, version 2, over HTTP with JSON: tensors in, tensors out. KServe, Triton and `MLServer` speak it.
//!
//! What is here is as much of it as models of texts need: inputs of type `BYTES`, which are texts, and outputs of any type as JSON. The
//! extension for tensors in binary form is not among it. <https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol>

mod answer;
mod metadata;
mod path;
mod request;

pub use self::answer::{Data, ErrorBody, InferAnswer, OutputTensor};
pub use self::metadata::{LIVE, Live, ModelMetadata, ModelReady, Ready, ServerMetadata, TensorMetadata};
pub use self::path::Path;
pub use self::request::{InferRequest, InvalidInput, RequestedOutput};

/// The type of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Datatype {
    /// Texts.
    Bytes,
    /// Single precision.
    Fp32,
    /// Signed whole numbers.
    Int64,
}
