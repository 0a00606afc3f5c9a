//! Streaming detokenisation that never splits a character.
//!
//! A token is a run of bytes, not of characters: an emoji is four bytes and may be four tokens. The decoder
//! collects bytes and lets go of them only as whole characters. Decoding all tokens again at each step would need no
//! table of bytes, but costs quadratic time and cannot tell a character that is not finished from one that is wrong.

use std::collections::HashMap;
use std::sync::Arc;

use tokenizers::{DecoderWrapper, Tokenizer};

use super::gguf::SPACE;

/// How the tokens of a vocabulary spell bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Each character is a byte.
    Bytes,
    /// Characters are themselves, but `▁` is a space, and `<0x..>` a byte.
    Pieces,
}

impl Alphabet {
    /// The one that a decoder undoes; none if the texts of tokens do not add up to the text.
    pub(super) fn of(decoder: &DecoderWrapper) -> Option<Self> {
        match decoder {
            DecoderWrapper::ByteLevel(_) => Some(Self::Bytes),
            DecoderWrapper::ByteFallback(_) => Some(Self::Pieces),
            DecoderWrapper::Sequence(steps) => steps.get_decoders().iter().find_map(Self::of),
            _ => None,
        }
    }

    fn bytes(self, token: &str, of_characters: &HashMap<char, u8>) -> Box<[u8]> {
        match self {
            Self::Bytes => token.chars().filter_map(|shown| of_characters.get(&shown).copied()).collect(),
            Self::Pieces => match byte(token) {
                Some(byte) => [byte].into(),
                None => token.replace(SPACE, " ").into_bytes().into(),
            },
        }
    }
}

/// The byte of `<0x..>`.
fn byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    if digits.len() == 2 { u8::from_str_radix(digits, 16).ok() } else { None }
}

/// The bytes of every token; none for structure that is not shown.
#[derive(Debug)]
pub(super) struct TokenBytes(Vec<Box<[u8]>>);

impl TokenBytes {
    pub(super) fn of(tokenizer: &Tokenizer, alphabet: Alphabet) -> Self {
        let of_characters = byte_alphabet();
        let added = tokenizer.get_added_tokens_decoder();
        let ids = 0..u32::try_from(tokenizer.get_vocab_size(true)).unwrap_or(u32::MAX);
        let bytes = ids.map(|id| match added.get(&id) {
            Some(token) if token.special => Box::default(),
            Some(token) => token.content.as_bytes().into(),
            None => alphabet.bytes(&tokenizer.id_to_token(id).unwrap_or_default(), &of_characters),
        });
        Self(bytes.collect())
    }

    pub(super) fn get(&self, token: u32) -> &[u8] {
        usize::try_from(token).ok().and_then(|index| self.0.get(index)).map_or(&[], |bytes| bytes)
    }
}

/// The byte behind each character of a byte-level vocabulary. Printable bytes stand for themselves; the other 68, in
/// order, are written as the characters from U+0100 on, so that no token has a space or a control character in it.
fn byte_alphabet() -> HashMap<char, u8> {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let shifted = (0..=u8::MAX).filter(|byte| !printable(*byte)).zip('\u{100}'..).map(|(byte, shown)| (shown, byte));
    (0..=u8::MAX).filter(|byte| printable(*byte)).map(|byte| (char::from(byte), byte)).chain(shifted).collect()
}

/// Turns the tokens of one answer into text, as they come.
#[derive(Debug)]
pub struct StreamDecoder {
    bytes: Arc<TokenBytes>,
    pending: Vec<u8>,
}

impl StreamDecoder {
    pub(super) fn new(bytes: Arc<TokenBytes>) -> Self {
        Self { bytes, pending: Vec::new() }
    }

    /// The characters that this token completes, possibly none. Bytes that can never become a character are replaced
    /// by U+FFFD.
    pub fn push(&mut self, token: u32) -> String {
        self.pending.extend_from_slice(self.bytes.get(token));
        let mut text = String::new();
        let mut taken = 0;
        for chunk in self.pending.utf8_chunks() {
            text.push_str(chunk.valid());
            taken += chunk.valid().len();
            let rest = self.pending.get(taken..).unwrap_or_default();
            if chunk.invalid().is_empty() || is_unfinished(rest) {
                break;
            }
            text.push(char::REPLACEMENT_CHARACTER);
            taken += chunk.invalid().len();
        }
        self.pending.drain(..taken);
        text
    }

    /// Whether no character is begun that is not finished.
    pub fn is_between_characters(&self) -> bool {
        self.pending.is_empty()
    }

    /// What is left when no more tokens come: U+FFFD if the answer ended inside a character, else nothing.
    pub fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.pending)).into_owned()
    }
}

/// Whether these bytes are the start of a character and nothing else.
fn is_unfinished(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One token per byte, ids equal to bytes; 256 is structure.
    fn decoder() -> StreamDecoder {
        let mut bytes: Vec<Box<[u8]>> = (0..=u8::MAX).map(|byte| [byte].into()).collect();
        bytes.push(Box::default());
        StreamDecoder::new(Arc::new(TokenBytes(bytes)))
    }

    fn push_all(decoder: &mut StreamDecoder, bytes: &[u8]) -> Vec<String> {
        bytes.iter().map(|byte| decoder.push(u32::from(*byte))).collect()
    }

    #[test]
    fn a_character_appears_whole_with_its_last_byte() {
        let mut decoder = decoder();
        assert_eq!(push_all(&mut decoder, "aé🌱".as_bytes()), ["a", "", "é", "", "", "", "🌱"]);
        assert_eq!(decoder.finish(), "");
    }

    #[test]
    fn structure_is_not_shown_and_unknown_ids_are_nothing() {
        let mut decoder = decoder();
        assert_eq!(decoder.push(256), "");
        assert_eq!(decoder.push(9999), "");
    }

    #[test]
    fn wrong_bytes_are_replaced_at_once_and_do_not_hold_back_what_follows() {
        let mut decoder = decoder();
        assert_eq!(push_all(&mut decoder, &[0xff, b'a', 0xe2, 0x82, b'b']), ["\u{fffd}", "a", "", "", "\u{fffd}b"]);
    }

    #[test]
    fn an_answer_cut_inside_a_character_ends_with_a_replacement() {
        let mut decoder = decoder();
        push_all(&mut decoder, &[b'a', 0xf0, 0x9f]);
        assert_eq!(decoder.finish(), "\u{fffd}");
    }

    #[test]
    fn however_bytes_are_spread_over_tokens_the_text_is_the_same() {
        let text = "Größe 東京 👩‍👩‍👧‍👦\n";
        let mut decoder = decoder();
        assert_eq!(push_all(&mut decoder, text.as_bytes()).concat() + &decoder.finish(), text);
    }

    #[test]
    fn pieces_spell_spaces_and_bytes() {
        let bytes = |token: &str| Alphabet::Pieces.bytes(token, &HashMap::new());
        assert_eq!(*bytes("▁▁hé"), *"  hé".as_bytes());
        assert_eq!(*bytes("<0xE2>"), [0xe2]);
        assert_eq!(*bytes("<0xE>"), *b"<0xE>");
    }

    #[test]
    fn the_alphabet_covers_every_byte_once() {
        let alphabet = byte_alphabet();
        assert_eq!(alphabet.len(), 256);
        assert_eq!(alphabet[&'Ġ'], b' ');
        assert_eq!(alphabet[&'Ċ'], b'\n');
    }
}
