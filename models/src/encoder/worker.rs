//! The thread that computes: one batch after the other, each made of what waits when the one before it is done.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::EncodeError;
use super::Encoder;
use super::intake::{Intake, StopOnDrop};
use super::waiting::Sequence;
use crate::decoder::ForwardError;
use crate::queue::panic_message;

/// Why a batch gave nothing.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    Failed(Arc<ForwardError>),
    Panicked(Arc<str>),
}

impl Fault {
    pub(super) fn error(&self) -> EncodeError {
        match self {
            Self::Failed(error) => EncodeError::Forward(Arc::clone(error)),
            Self::Panicked(message) => EncodeError::Panicked(Arc::clone(message)),
        }
    }
}

/// Owns the model.
pub(super) struct Worker(pub(super) Box<dyn Encoder>);

impl Worker {
    /// Serves until there are no more requests.
    pub(super) fn serve(&mut self, intake: &Intake) {
        let _stopped_when_this_thread_dies = StopOnDrop(intake);
        while let Some(batch) = intake.next_batch() {
            self.step(batch, intake);
        }
    }

    /// Computes a batch. A panic costs who is to blame, not the engine.
    pub(super) fn step(&mut self, batch: Vec<Sequence>, intake: &Intake) {
        let computed = catch_unwind(AssertUnwindSafe(|| self.encode(&batch)))
            .unwrap_or_else(|panic| Err(Fault::Panicked(Arc::from(panic_message(panic.as_ref())))));
        intake.done(batch, computed);
    }

    fn encode(&mut self, batch: &[Sequence]) -> Result<Vec<Vec<f32>>, Fault> {
        let sequences: Vec<_> = batch.iter().map(|sequence| sequence.tokens.clone()).collect();
        let failed = |error| Fault::Failed(Arc::new(error));
        let outputs = self.0.encode(&sequences).map_err(failed)?;
        if outputs.len() == batch.len() {
            Ok(outputs)
        } else {
            let message = format!("{} outputs for {} sequences", outputs.len(), batch.len());
            Err(failed(ForwardError::new(message)))
        }
    }
}
