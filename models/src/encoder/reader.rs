//! The thread that makes texts tokens, while the other computes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::intake::{Checked, Intake, Piece, StopOnDrop};
use super::{EncodeError, Encoder, Input, Rows, TokenSequence};
use crate::queue::panic_message;
use crate::tokenizer::{PairTokens, Tokenizer, TokenizerError};

/// What sequences a model takes.
#[derive(Debug, Clone, Copy)]
struct Limits {
    tokens: usize,
    vocabulary: usize,
}

/// Owns the tokenizer.
pub(super) struct Reader {
    tokenizer: Tokenizer,
    limits: Limits,
    rows: Rows,
}

impl Reader {
    /// For sequences that `encoder` takes.
    pub(super) fn new(tokenizer: Tokenizer, encoder: &dyn Encoder) -> Self {
        let limits = Limits { tokens: encoder.max_tokens(), vocabulary: encoder.vocabulary_size() };
        Self { tokenizer, limits, rows: encoder.rows() }
    }

    /// Serves until there are no more requests.
    pub(super) fn serve(&self, intake: &Intake) {
        let _stopped_when_this_thread_dies = StopOnDrop(intake);
        while let Some(piece) = intake.next_unread() {
            self.step(piece, intake);
        }
    }

    /// Reads some inputs of a request.
    pub(super) fn step(&self, piece: Piece, intake: &Intake) {
        let Piece { request, inputs, rest } = piece;
        let read = || inputs.into_iter().map(|(index, input)| self.read(index, input)).collect();
        let read = catch_unwind(AssertUnwindSafe(read))
            .unwrap_or_else(|panic| Err(EncodeError::Panicked(Arc::from(panic_message(panic.as_ref())))));
        intake.hand_on(request, read, rest);
    }

    fn read(&self, index: usize, input: Input) -> Result<Checked, EncodeError> {
        let checked = self.tokens(index, input).map_err(|source| EncodeError::Tokenizer { index, source })?;
        self.limits.check(index, &checked.tokens)?;
        Ok(checked)
    }

    fn tokens(&self, index: usize, input: Input) -> Result<Checked, TokenizerError> {
        let bytes = Some(input.bytes());
        match input {
            Input::Tokens(ids) => Ok(Checked { index, tokens: TokenSequence::of(ids), bytes: None, spans: Vec::new() }),
            Input::Text(text) if self.rows == Rows::PerToken => {
                let (ids, spans) = self.tokenizer.encode_with_spans(&text)?;
                Ok(Checked { index, tokens: TokenSequence::of(ids), bytes, spans })
            }
            Input::Text(text) => {
                let ids = self.tokenizer.encode(&text)?;
                Ok(Checked { index, tokens: TokenSequence::of(ids), bytes, spans: Vec::new() })
            }
            Input::Pair { first, second, overlong } => {
                let PairTokens { ids, first } = self.tokenizer.encode_pair(&first, &second, overlong, self.limits.tokens)?;
                Ok(Checked { index, tokens: TokenSequence { ids, first }, bytes, spans: Vec::new() })
            }
        }
    }
}

impl Limits {
    fn check(self, index: usize, tokens: &TokenSequence) -> Result<(), EncodeError> {
        if tokens.is_empty() {
            return Err(EncodeError::Empty { index });
        }
        if tokens.len() > self.tokens {
            return Err(EncodeError::TooLong { index, tokens: tokens.len(), limit: self.tokens });
        }
        let is_unknown = |token: &&u32| usize::try_from(**token).is_ok_and(|id| id >= self.vocabulary);
        match tokens.ids.iter().find(is_unknown) {
            Some(token) => Err(EncodeError::UnknownToken { index, token: *token, vocabulary: self.vocabulary }),
            None => Ok(()),
        }
    }
}
