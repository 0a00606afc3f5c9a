//! A walk over a JSON object that checks all of it and builds none of it.
//!
//! A request that passes through is only looked at, so checking that it is JSON is most of what it costs. `serde_json` skips a value
//! byte by byte; here strings, which are nearly all of a request, are skipped by sixteen bytes, and the same walk notes which names occur,
//! so that nobody need search the body for them. What is taken is what RFC 8259 takes, as `serde_json` does: an escape that makes half
//! a surrogate pair is fine in what is skipped. A test holds the two against each other.

use std::ops::Range;

use wide::u8x16;

use super::names::Names;

/// The body is no JSON object. Where and why is for `serde_json` to say, which counts lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotAnObject;

/// A field of the object: where its name and its value stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: Name,
    pub(super) value: Range<usize>,
}

/// The name of a field, between its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) span: Range<usize>,
    /// Whether it is not what it seems.
    pub(super) has_escapes: bool,
}

/// Walks over one object, from its first byte to the last of the body.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    body: &'a [u8],
    at: usize,
    /// The containers around the place in a field's value. A list instead of recursion, so that deep nesting costs no stack.
    open: Vec<Container>,
    /// Whether a field was read.
    has_begun: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    Array,
    Object,
}

/// What is nested deeper makes the list grow.
const USUAL_DEPTH: usize = 16;

impl<'a> Scanner<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { body, at: 0, open: Vec::with_capacity(USUAL_DEPTH), has_begun: false }
    }

    /// The next field, none at the end of the body. The names within its value are added to `within`.
    pub(super) fn next_field(&mut self, within: &mut Names) -> Result<Option<Field>, NotAnObject> {
        if !self.has_begun {
            self.has_begun = true;
            self.expect(b'{')?;
            if self.peek() == Some(b'}') {
                return self.end();
            }
        } else {
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => return self.end(),
                _ => return Err(NotAnObject),
            }
        }
        let name = self.name()?;
        self.peek();
        let start = self.at;
        self.skip_value(within)?;
        Ok(Some(Field { name, value: start..self.at }))
    }

    /// Takes the last brace.
    fn end(&mut self) -> Result<Option<Field>, NotAnObject> {
        self.at += 1;
        if self.peek().is_none() { Ok(None) } else { Err(NotAnObject) }
    }

    fn skip_value(&mut self, within: &mut Names) -> Result<(), NotAnObject> {
        loop {
            match self.peek().ok_or(NotAnObject)? {
                b'"' => {
                    self.at += 1;
                    self.skip_string()?;
                }
                b'{' => {
                    self.at += 1;
                    if self.peek() != Some(b'}') {
                        self.open.push(Container::Object);
                        self.note_name(within)?;
                        continue;
                    }
                    self.at += 1;
                }
                b'[' => {
                    self.at += 1;
                    if self.peek() != Some(b']') {
                        self.open.push(Container::Array);
                        continue;
                    }
                    self.at += 1;
                }
                b't' => self.skip_word(b"true")?,
                b'f' => self.skip_word(b"false")?,
                b'n' => self.skip_word(b"null")?,
                _ => self.skip_number()?,
            }
            if !self.has_another_value(within)? {
                return Ok(());
            }
        }
    }

    /// Goes from behind one value to the start of the next, out of all containers that end between. False where the last one has ended.
    fn has_another_value(&mut self, within: &mut Names) -> Result<bool, NotAnObject> {
        while let Some(&container) = self.open.last() {
            match (self.peek(), container) {
                (Some(b','), Container::Array) => {
                    self.at += 1;
                    return Ok(true);
                }
                (Some(b','), Container::Object) => {
                    self.at += 1;
                    self.note_name(within)?;
                    return Ok(true);
                }
                (Some(b']'), Container::Array) | (Some(b'}'), Container::Object) => {
                    self.at += 1;
                    self.open.pop();
                }
                _ => return Err(NotAnObject),
            }
        }
        Ok(false)
    }

    fn note_name(&mut self, within: &mut Names) -> Result<(), NotAnObject> {
        let name = self.name()?;
        let quoted = self.body.get(name.span).unwrap_or_default();
        if name.has_escapes {
            within.add_escaped(quoted)
        } else {
            within.add(quoted)
        }
        Ok(())
    }

    /// Takes a name and its colon.
    fn name(&mut self) -> Result<Name, NotAnObject> {
        self.expect(b'"')?;
        let start = self.at;
        let has_escapes = self.skip_string()?;
        let span = start..self.at - 1;
        self.expect(b':')?;
        Ok(Name { span, has_escapes })
    }

    /// Takes the rest of a string whose first quote was taken. Whether it has escapes.
    fn skip_string(&mut self) -> Result<bool, NotAnObject> {
        let mut has_escapes = false;
        loop {
            self.at += plain_bytes(self.body.get(self.at..).unwrap_or_default());
            match self.take() {
                Some(b'"') => return Ok(has_escapes),
                Some(b'\\') => self.skip_escape()?,
                _ => return Err(NotAnObject),
            }
            has_escapes = true;
        }
    }

    fn skip_escape(&mut self) -> Result<(), NotAnObject> {
        match self.take() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(()),
            Some(b'u') => {
                let digits = self.body.get(self.at..self.at + 4).ok_or(NotAnObject)?;
                self.at += 4;
                if digits.iter().all(u8::is_ascii_hexdigit) { Ok(()) } else { Err(NotAnObject) }
            }
            _ => Err(NotAnObject),
        }
    }

    fn skip_number(&mut self) -> Result<(), NotAnObject> {
        self.take_if(|byte| byte == b'-');
        if !self.take_if(|byte| byte == b'0') {
            self.skip_digits()?;
        }
        if self.take_if(|byte| byte == b'.') {
            self.skip_digits()?;
        }
        if self.take_if(|byte| matches!(byte, b'e' | b'E')) {
            self.take_if(|byte| matches!(byte, b'+' | b'-'));
            self.skip_digits()?;
        }
        Ok(())
    }

    /// Takes one digit or more.
    fn skip_digits(&mut self) -> Result<(), NotAnObject> {
        let start = self.at;
        while self.take_if(|byte| byte.is_ascii_digit()) {}
        if self.at > start { Ok(()) } else { Err(NotAnObject) }
    }

    fn skip_word(&mut self, word: &[u8]) -> Result<(), NotAnObject> {
        let end = self.at + word.len();
        if self.body.get(self.at..end) != Some(word) {
            return Err(NotAnObject);
        }
        self.at = end;
        Ok(())
    }

    fn expect(&mut self, byte: u8) -> Result<(), NotAnObject> {
        if self.peek() != Some(byte) {
            return Err(NotAnObject);
        }
        self.at += 1;
        Ok(())
    }

    /// The next byte that is no white space, which is skipped.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.body.get(self.at)? {
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    fn take(&mut self) -> Option<u8> {
        let byte = *self.body.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn take_if(&mut self, is_wanted: impl Fn(u8) -> bool) -> bool {
        let is_there = self.body.get(self.at).is_some_and(|byte| is_wanted(*byte));
        self.at += usize::from(is_there);
        is_there
    }
}

/// A register of the smallest vectors that every processor has which the gateway is built for.
const STEP: usize = 16;

/// How many bytes stand before the next quote, backslash or control character, or the end.
fn plain_bytes(bytes: &[u8]) -> usize {
    const QUOTE: u8x16 = u8x16::new([b'"'; STEP]);
    const BACKSLASH: u8x16 = u8x16::new([b'\\'; STEP]);
    const LAST_CONTROL: u8x16 = u8x16::new([0x1f; STEP]);
    let (steps, rest) = bytes.as_chunks::<STEP>();
    for (number, step) in steps.iter().enumerate() {
        let step = u8x16::new(*step);
        let is_special = step.simd_eq(QUOTE) | step.simd_eq(BACKSLASH) | step.min(LAST_CONTROL).simd_eq(step);
        let special = is_special.to_bitmask();
        if special != 0 {
            return number * STEP + special.trailing_zeros() as usize;
        }
    }
    bytes.len() - rest.len() + rest.iter().take_while(|byte| !is_special(**byte)).count()
}

/// Whether a byte cannot stand in a string as itself.
const fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}
