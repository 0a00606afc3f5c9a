//! Takes messages out of a body that comes in pieces.

use super::{FrameError, Message, PRELUDE_BYTES, message::Prelude};

/// Takes messages out of a body that comes in pieces of any size, cut anywhere.
///
/// A message that lies whole in a piece is not copied; one that was cut is put together first. No more is ever held than one frame, whose
/// length was checked as soon as it was known.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The frame that has begun in an earlier piece.
    frame: Vec<u8>,
    /// The frame was given out, and makes room for the next.
    given: bool,
}

impl Decoder {
    /// A decoder at the start of a body.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next message, taken from the front of `piece`; none when the piece is used up, which is kept as far as it is needed.
    ///
    /// # Errors
    /// [`FrameError`]; the body cannot be read further.
    pub fn next_message<'a, 'p: 'a>(&'a mut self, piece: &mut &'p [u8]) -> Result<Option<Message<'a>>, FrameError> {
        if std::mem::take(&mut self.given) {
            self.frame.clear();
        }
        if self.frame.is_empty()
            && let Some(prelude) = Prelude::read(piece)?
            && let Some(frame) = piece.split_off(..prelude.total)
        {
            return Message::parse(frame, prelude).map(Some);
        }
        self.take(piece, PRELUDE_BYTES);
        let Some(prelude) = Prelude::read(&self.frame)? else { return Ok(None) };
        self.take(piece, prelude.total);
        if self.frame.len() < prelude.total {
            return Ok(None);
        }
        self.given = true;
        Message::parse(&self.frame, prelude).map(Some)
    }

    /// Whether the bytes so far end with a message.
    #[must_use]
    pub fn is_between_messages(&self) -> bool {
        self.given || self.frame.is_empty()
    }

    /// Moves bytes from `piece` until the frame has `length`, or nothing is left.
    fn take(&mut self, piece: &mut &[u8], length: usize) {
        let missing = length.saturating_sub(self.frame.len()).min(piece.len());
        self.frame.extend_from_slice(piece.split_off(..missing).unwrap_or_default());
    }
}
