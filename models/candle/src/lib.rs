//! The forward passes, on candle's tensors: a quantised Llama from GGUF and a BERT sentence encoder from safetensors.
//!
//! They are our own rather than `candle-transformers`': those own their cache and know one position for a whole batch,
//! so no batch could be made of sequences of different lengths, and they run a model as it is stored even where another layout of
//! the same weights is many times faster (see `cpu::linear`).
//!
//! [`load_chat`] and [`load_embeddings`] hand out parts for the engines of `tradewind-models`; [`footprint`] says beforehand what a model
//! takes of memory, and [`Machine`] what there is; nothing else leaves.

mod backend;
mod bert;
mod cpu;
mod device;
mod footprint;
mod gguf;
mod llama;
mod load;
mod machine;
mod memory;
mod portable;
mod threads;

pub use self::device::{DeviceChoice, DeviceError, GpuMemory, gpu_memory, gpus};
pub use self::footprint::{Footprint, footprint};
pub use self::load::{LoadError, LoadOptions, load_chat, load_embeddings};
pub use self::machine::Machine;
pub use self::memory::Memory;
pub use self::threads::{ThreadsError, compute_threads, limit_compute_threads};
