//! The forward passes, on candle's tensors: decoders of the Llama family, from GGUF and from Hugging Face folders, and encoders of the
//! BERT family; other encoders as graphs of ONNX.
//!
//! They are our own rather than `candle-transformers`': those own their cache and know one position for a whole batch,
//! so no batch could be made of sequences of different lengths, and they run a model as it is stored even where another layout of
//! the same weights is many times faster (see `cpu::linear`).
//!
//! # How a CPU computes weights
//! Formats of scaled integers in blocks of 32 (Q4_0 to Q8_0), and Q4_K and Q5_K, whose scales are products, keep their integers; activations
//! are rounded to sixteen bits. What else is quantised (Q6_K, Q2_K, Q3_K) becomes Q8_0, and so do weights that are stored in 16 or 32 bits,
//! unless [`DenseWeights::AsStored`] asks for these as they are. candle's kernels for K-quants would round activations to eight bits, with one
//! scale for 256 of them, which is felt more than a weight that is off by four in a thousand of its block's largest.
//!
//! [`load_chat`] and [`load_encoder`] hand out parts for the engines of `tradewind-models`; [`footprint`] says beforehand what a model
//! takes of memory, and [`Machine`] what there is; nothing else leaves.

mod backend;
mod bert;
mod chat;
mod cpu;
mod decoder;
mod device;
mod footprint;
mod load;
mod machine;
mod memory;
mod onnx;
mod portable;
mod threads;

pub use self::chat::{load_chat, load_chat_at};
pub use self::device::{DeviceChoice, DeviceError, GpuMemory, gpu_memory, gpus};
pub use self::footprint::{Footprint, footprint};
pub use self::load::{AttentionBy, CacheNumbers, DenseWeights, LoadError, LoadOptions, load_encoder};
pub use self::machine::Machine;
pub use self::memory::Memory;
pub use self::onnx::GraphFaults;
pub use self::threads::{ThreadsError, compute_threads, limit_compute_threads};
