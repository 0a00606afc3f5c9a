//! Lines out of a body that comes in pieces.

use memchr::memchr;

use crate::{chat::StreamFault, sse::MAX_EVENT_BYTES};

/// Takes whole lines out of pieces that are cut anywhere.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The line that has begun in an earlier piece.
    line: Vec<u8>,
}

impl Lines {
    /// Reads the next piece, and calls back with each line that is now whole, without its end.
    pub(super) fn push(
        &mut self,
        piece: &[u8],
        mut on_line: impl FnMut(&[u8]) -> Result<(), StreamFault>,
    ) -> Result<(), StreamFault> {
        let mut rest = piece;
        while let Some(end) = memchr(b'\n', rest) {
            let (line, tail) = rest.split_at(end);
            rest = tail.get(1..).unwrap_or_default();
            if self.line.is_empty() {
                on_line(line)?;
            } else {
                self.line.extend_from_slice(line);
                on_line(&self.line)?;
                self.line.clear();
            }
        }
        self.line.extend_from_slice(rest);
        if self.line.len() > MAX_EVENT_BYTES {
            return Err(StreamFault::Malformed(format!("a line is longer than {MAX_EVENT_BYTES} bytes")));
        }
        Ok(())
    }

    /// The body has ended: the last line may lack its end.
    pub(super) fn finish(&mut self, on_line: impl FnOnce(&[u8]) -> Result<(), StreamFault>) -> Result<(), StreamFault> {
        on_line(&std::mem::take(&mut self.line))
    }
}
