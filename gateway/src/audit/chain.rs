//! The chain: how a line is sealed to the one before it, and how a sealed line is opened again.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use serde::Serialize;

use super::record::{Entry, Event, Timestamp};

/// Digits of a SHA-256 in hex.
const HEX: usize = 64;
/// What stands between a line's content and its own hash.
const HASH_KEY: &[u8] = br#","hash":""#;
const PREV_KEY: &[u8] = br#","prev":""#;
const SEQ_KEY: &[u8] = br#"{"seq":"#;
const END: &[u8] = br#""}"#;

/// A SHA-256, shown in lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    /// What the first line of a log follows.
    pub(super) const GENESIS: Self = Self([0; 32]);

    /// SHA-256 of the parts in turn.
    pub(super) fn of(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(part);
        }
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(context.finish().as_ref()) {
            *to = *from;
        }
        Self(bytes)
    }

    /// Reads 64 lower-case hex digits.
    pub(super) fn from_hex(text: &[u8]) -> Option<Self> {
        let nibble = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let (pairs, rest) = text.as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The place of a line: its number and its hash, which is all that the next line needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) seq: u64,
    pub(super) hash: Digest,
}

impl Link {
    /// The place before the first line.
    pub(super) const GENESIS: Self = Self { seq: 0, hash: Digest::GENESIS };
}

#[derive(Serialize)]
struct Content<'a> {
    seq: u64,
    ts: Timestamp,
    #[serde(flatten)]
    event: &'a Event,
    prev: Digest,
}

/// Appends the entry's line, newline included, to `out` and returns its place.
///
/// # Errors
/// Only where the entry cannot be JSON, which no [`Event`] is.
pub(super) fn seal(out: &mut Vec<u8>, entry: &Entry, after: Link) -> Result<Link, serde_json::Error> {
    let content = serde_json::to_vec(&Content { seq: after.seq + 1, ts: entry.at, event: &entry.event, prev: after.hash })?;
    let hash = Digest::of(&[&after.hash.0, &content]);
    out.extend_from_slice(content.strip_suffix(b"}").unwrap_or(&content));
    out.extend_from_slice(HASH_KEY);
    out.extend_from_slice(hash.to_string().as_bytes());
    out.extend_from_slice(END);
    out.push(b'\n');
    Ok(Link { seq: after.seq + 1, hash })
}

/// A line that hashes to what it says: its own place, and the hash that it claims to follow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    pub(super) link: Link,
    pub(super) prev: Digest,
}

/// Checks a line (without its newline) against its own hash; `None` where it does not have a line's shape, or was edited.
pub(super) fn open(line: &[u8]) -> Option<Opened> {
    let (rest, hash) = split_hex(line.strip_suffix(END)?)?;
    let content = rest.strip_suffix(HASH_KEY)?;
    let (rest, prev) = split_hex(content.strip_suffix(b"\"")?)?;
    rest.strip_suffix(PREV_KEY)?;
    let seq = content.strip_prefix(SEQ_KEY)?;
    let digits = seq.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let seq = std::str::from_utf8(seq.get(..digits)?).ok()?.parse().ok()?;
    let actual = Digest::of(&[&prev.0, content, b"}"]);
    (actual == hash).then_some(Opened { link: Link { seq, hash }, prev })
}

fn split_hex(text: &[u8]) -> Option<(&[u8], Digest)> {
    let (rest, hex) = text.split_at_checked(text.len().checked_sub(HEX)?)?;
    Some((rest, Digest::from_hex(hex)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Vec<u8> {
        let mut out = Vec::new();
        let event = Event::Resumed { refused: 3, error: Some("no space left".into()) };
        let link = seal(&mut out, &Entry::now(event), Link::GENESIS).unwrap();
        assert_eq!(link.seq, 1);
        out
    }

    #[test]
    fn a_sealed_line_is_json_and_opens_to_its_place() {
        let line = line();
        let json: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(json["seq"], 1);
        assert_eq!(json["event"], "resumed");
        assert_eq!(json["prev"], "0".repeat(64));
        let opened = open(line.strip_suffix(b"\n").unwrap()).unwrap();
        assert_eq!(opened.link.hash.to_string(), json["hash"].as_str().unwrap());
        assert_eq!(opened.prev, Digest::GENESIS);
    }

    #[test]
    fn any_changed_byte_closes_the_line() {
        let line = line();
        let line = line.strip_suffix(b"\n").unwrap();
        for at in 0..line.len() {
            for flip in [1, 0x20, 0x80] {
                let mut changed = line.to_vec();
                changed[at] ^= flip;
                assert!(open(&changed).is_none(), "byte {at} xor {flip:#x}");
            }
        }
    }
}
