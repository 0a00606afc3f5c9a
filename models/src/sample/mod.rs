//! From logits to a token: penalties and biases, then temperature, top-k, top-p and min-p, reproducible by seed.
//!
//! What is drawn depends on the request alone: on its [settings](Sampling), its tokens so far, and a random number that belongs to its
//! seed and the place of the token. The same seed gives the same text with the same build of Tradewind on the same kind of processor,
//! whoever else is answered in the same moment; another build may draw other random numbers or round a logit otherwise.

mod logprobs;
mod random;
mod sampler;
mod settings;

pub use self::logprobs::{Likelihood, Likelihoods};
pub use self::sampler::{NoFiniteLogit, Sampler};
pub use self::settings::{Sampling, SamplingError, SamplingOptions};
