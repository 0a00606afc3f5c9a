//! What a request asks of the model that serves it.

use tradewind_policies::Needs;

use crate::inference::Inference;

/// The bytes of a token of a prompt, about. What is learnt of each deployment makes up for the difference.
pub(super) const BYTES_PER_TOKEN: f64 = 4.0;

/// What it needs, as far as that shows without reading the whole body.
pub(super) fn needs(inference: &Inference) -> Needs {
    let head = inference.head();
    Needs {
        prompt_tokens: (inference.payload.body().len() as f64 / BYTES_PER_TOKEN) as u64,
        max_output_tokens: head.max_tokens,
        ..Needs::default()
    }
}
