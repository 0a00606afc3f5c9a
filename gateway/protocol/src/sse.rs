//! Server-sent events: an incremental decoder and an encoder.
//!
//! The decoder accepts what real providers send: LF, CRLF or CR line ends, `data:` with or without a space, several data lines
//! an event, comments used as keep-alives, and a last event that ends with the body and not with a blank line. It follows
//! the HTML Living Standard, section 9.2.6, except for that last point and for `id` and `retry`, which no model API uses.
//!
//! An event that lies whole in one piece, with its data on one line, is given out where it lies. Nearly all do; the others are put
//! together first.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use memchr::memchr2;

/// The largest event accepted, in bytes: far above a real one, and a bound on what a hostile upstream makes us hold.
pub const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

/// One event of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event:` field; empty when there was none.
    pub name: &'a [u8],
    /// The `data:` lines, joined by line feeds.
    pub data: &'a [u8],
    /// Where it stands in the piece that ended it; from 0 where it began in an earlier one.
    pub span: Range<usize>,
}

/// An event grew past [`MAX_EVENT_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a server-sent event is larger than {MAX_EVENT_BYTES} bytes")]
pub struct EventTooLarge;

/// Takes a body in pieces of any size and calls back once an event.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The line that has begun and not ended.
    line: Vec<u8>,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// The last byte was CR: an LF that follows belongs to the same line end.
    after_cr: bool,
}

impl Decoder {
    /// A decoder at the start of a body.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the next piece. Returns how many of its bytes belong to events that are now complete: what follows that offset
    /// is the beginning of an event whose end has not arrived.
    ///
    /// # Errors
    /// [`EventTooLarge`]; the stream cannot be read further.
    pub fn push(&mut self, piece: &[u8], mut on_event: impl FnMut(Event<'_>)) -> Result<usize, EventTooLarge> {
        let mut rest = piece;
        let mut complete = 0;
        if self.after_cr
            && let Some((first, tail)) = rest.split_first()
        {
            self.after_cr = false;
            if *first == b'\n' {
                rest = tail;
            }
        }
        if self.is_between_events() {
            rest = give_out_whole(rest, piece.len(), &mut on_event)?;
            complete = piece.len() - rest.len();
        }
        while let Some(end) = memchr2(b'\n', b'\r', rest) {
            let (line, tail) = rest.split_at(end);
            rest = match tail {
                [b'\r', b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [_, rest @ ..] => rest,
                [] => &[],
            };
            let span = complete..piece.len() - rest.len();
            let is_end = line.is_empty() && self.line.is_empty();
            if self.line.is_empty() {
                self.end_line(line, span, &mut on_event);
            } else {
                self.line.extend_from_slice(line);
                let whole = std::mem::take(&mut self.line);
                self.end_line(&whole, span, &mut on_event);
                self.line = whole;
                self.line.clear();
            }
            self.check_size()?;
            if is_end {
                rest = give_out_whole(rest, piece.len(), &mut on_event)?;
            }
            if self.is_between_events() {
                complete = piece.len() - rest.len();
            }
        }
        self.line.extend_from_slice(rest);
        self.check_size()?;
        Ok(complete)
    }

    /// The body has ended: an event that lacks only its blank line is given out.
    pub fn finish(&mut self, mut on_event: impl FnMut(Event<'_>)) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.end_line(&line, 0..0, &mut on_event);
        }
        self.end_line(&[], 0..0, &mut on_event);
    }

    fn is_between_events(&self) -> bool {
        !self.has_data && self.name.is_empty() && self.line.is_empty()
    }

    fn check_size(&self) -> Result<(), EventTooLarge> {
        if self.line.len() + self.data.len() + self.name.len() > MAX_EVENT_BYTES { Err(EventTooLarge) } else { Ok(()) }
    }

    fn end_line(&mut self, line: &[u8], span: Range<usize>, on_event: &mut impl FnMut(Event<'_>)) {
        if line.is_empty() {
            if self.has_data {
                on_event(Event { name: &self.name, data: &self.data, span });
            }
            self.name.clear();
            self.data.clear();
            self.has_data = false;
            return;
        }
        if let Some(value) = field(line, b"data") {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value);
            self.has_data = true;
        } else if let Some(value) = field(line, b"event") {
            self.name.clear();
            self.name.extend_from_slice(value);
        }
    }
}

/// Gives out the events at the start of `rest` for as long as they lie there whole, and returns what follows them. `rest` is the end of a
/// piece of so many bytes.
fn give_out_whole<'a>(mut rest: &'a [u8], piece: usize, on_event: &mut impl FnMut(Event<'_>)) -> Result<&'a [u8], EventTooLarge> {
    while let Some((event, tail)) = whole(rest) {
        if let Some((name, data)) = event {
            if name.len() + data.len() > MAX_EVENT_BYTES {
                return Err(EventTooLarge);
            }
            on_event(Event { name, data, span: piece - rest.len()..piece - tail.len() });
        }
        rest = tail;
    }
    Ok(rest)
}

/// The name and the data of an event.
type Fields<'a> = (&'a [u8], &'a [u8]);

/// The lines up to the first blank one, with the event that they are, if they hold data, and what follows. None where there is no blank
/// line, or more than one line of data.
fn whole(piece: &[u8]) -> Option<(Option<Fields<'_>>, &[u8])> {
    let (mut rest, mut name, mut data) = (piece, &[][..], None);
    loop {
        let (line, tail) = rest.split_at(memchr2(b'\n', b'\r', rest)?);
        rest = match tail {
            [b'\r', b'\n', rest @ ..] => rest,
            // Half of a line end, perhaps.
            [b'\r'] | [] => return None,
            [_, rest @ ..] => rest,
        };
        if line.is_empty() {
            return Some((data.map(|data| (name, data)), rest));
        }
        if let Some(value) = field(line, b"data") {
            if data.replace(value).is_some() {
                return None;
            }
        } else if let Some(value) = field(line, b"event") {
            name = value;
        }
    }
}

/// The value of `line` if it sets the field `name`; a comment sets none.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(name)? {
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        [] => Some(&[]),
        _ => None,
    }
}

/// One event of `data` and no name, ready to send. `data` holds no line break, as JSON written by `serde_json` never does.
#[must_use]
pub fn encode(data: &[u8]) -> Bytes {
    let mut event = BytesMut::with_capacity(data.len() + 8);
    event.put_slice(b"data: ");
    event.put_slice(data);
    event.put_slice(b"\n\n");
    event.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pieces: &[&[u8]]) -> Vec<(String, String)> {
        let mut decoder = Decoder::new();
        let mut events = Vec::new();
        let mut keep = |event: Event<'_>| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            events.push((text(event.name), text(event.data)));
        };
        for piece in pieces {
            decoder.push(piece, &mut keep).unwrap();
        }
        decoder.finish(&mut keep);
        events
    }

    fn unnamed(data: &[&str]) -> Vec<(String, String)> {
        data.iter().map(|data| (String::new(), (*data).to_owned())).collect()
    }

    #[test]
    fn reads_every_line_end_and_both_spellings_of_data() {
        assert_eq!(decode(&[b"data: a\n\ndata:b\r\n\r\ndata: c\r\rdata:  d\n\n"]), unnamed(&["a", "b", "c", " d"]));
    }

    #[test]
    fn joins_data_lines_and_skips_comments_and_unknown_fields() {
        assert_eq!(
            decode(&[b": ping\n\nevent: m\nid: 7\ndata: a\ndata\ndata: b\nretry: 1\n\n"]),
            vec![("m".to_owned(), "a\n\nb".to_owned())]
        );
    }

    #[test]
    fn gives_out_a_last_event_without_a_blank_line() {
        assert_eq!(decode(&[b"data: a\n\ndata: [DONE]"]), unnamed(&["a", "[DONE]"]));
    }

    #[test]
    fn the_cut_between_pieces_does_not_matter() {
        let body = b"event: x\r\ndata: one\r\n\r\n: c\n\ndata: two\ndata: three\r\r\ndata: \xc3\xa9\n\n";
        let whole = decode(&[body]);
        assert_eq!(whole.len(), 3);
        for cut in 0..=body.len() {
            for second in cut..=body.len() {
                assert_eq!(decode(&[&body[..cut], &body[cut..second], &body[second..]]), whole, "cut at {cut} and {second}");
            }
        }
    }

    #[test]
    fn tells_where_the_last_complete_event_ends() {
        let mut decoder = Decoder::new();
        let mut push = |piece: &[u8]| decoder.push(piece, |_| ()).unwrap();
        assert_eq!(push(b"data: a\n\ndata: b"), 9);
        assert_eq!(push(b"\n"), 0);
        assert_eq!(push(b"\n"), 1);
        assert_eq!(push(b": ping\n\n"), 8);
        assert_eq!(push(b"data: c\r\n\r"), 10);
        assert_eq!(push(b"\n"), 1);
    }

    #[test]
    fn tells_where_an_event_stands() {
        let mut decoder = Decoder::new();
        let mut spans = |piece: &[u8]| {
            let mut spans = Vec::new();
            decoder.push(piece, |event| spans.push(event.span)).unwrap();
            spans
        };
        assert_eq!(spans(b": ping\n\ndata: a\n\nevent: b\ndata: b\n\nda"), [8..17, 17..35]);
        assert_eq!(spans(b"ta: c\n\ndata: d\r\n\r\n"), [0..7, 7..18]);
    }

    #[test]
    fn refuses_an_endless_event() {
        let mut decoder = Decoder::new();
        let piece = vec![b'x'; MAX_EVENT_BYTES / 2];
        assert_eq!(decoder.push(&piece, |_| ()), Ok(0));
        assert_eq!(decoder.push(&piece, |_| ()), Ok(0));
        assert_eq!(decoder.push(&piece, |_| ()), Err(EventTooLarge));
    }

    #[test]
    fn refuses_a_whole_event_that_is_too_large() {
        let piece = [b"data: ".as_slice(), &vec![b'x'; MAX_EVENT_BYTES + 1], b"\n\n"].concat();
        assert_eq!(Decoder::new().push(&piece, |_| ()), Err(EventTooLarge));
    }

    #[test]
    fn what_is_encoded_decodes() {
        assert_eq!(decode(&[&encode(b"{\"a\":1}")]), unnamed(&["{\"a\":1}"]));
    }
}
