//! The least that a stream has to deliver.
//!
//! A server that is out of memory or shares its cards with too many sends a token now and then: never idle, never done. What is judged is
//! how long the gateway waited for it, so that a client that reads slowly is not taken for a server that writes slowly.

use std::time::Duration;

use tokio::time::Instant;
use tradewind_policies::spec::TokenRate;

/// The window of the average moves on by so much.
const PART: Duration = Duration::from_secs(5);
/// So many of them are the window.
const PARTS: usize = (TokenRate::WINDOW.as_secs() / PART.as_secs()) as usize;

/// Measures one stream.
#[derive(Debug)]
pub(super) struct Throughput {
    least: TokenRate,
    /// How many tokens came in each of the last parts, in turns; `None` before there were so many parts.
    parts: [Option<u64>; PARTS],
    place: usize,
    /// In the part under way.
    tokens: u64,
    waited: Duration,
    /// Since when the stream is waited for, if it is.
    waiting: Option<Instant>,
}

impl Throughput {
    /// A stream that has just begun, and has to deliver `least`.
    pub(super) const fn new(least: TokenRate) -> Self {
        Self { least, parts: [None; PARTS], place: 0, tokens: 0, waited: Duration::ZERO, waiting: None }
    }

    /// A piece has come. Each of its events counts as a token.
    pub(super) fn received(&mut self, now: Instant, piece: &[u8]) {
        self.stop_waiting(now);
        self.tokens += data_lines(piece);
    }

    /// Nothing has come yet: whether that has been so for too long, and else when to look again.
    pub(super) fn waits(&mut self, now: Instant) -> Result<Instant, TooSlow> {
        self.stop_waiting(now);
        self.waiting = Some(now);
        while self.waited >= PART {
            self.waited -= PART;
            self.close_part();
            self.judge()?;
        }
        Ok(now + (PART - self.waited))
    }

    fn stop_waiting(&mut self, now: Instant) {
        if let Some(since) = self.waiting.take() {
            self.waited += now.saturating_duration_since(since);
        }
    }

    fn close_part(&mut self) {
        if let Some(part) = self.parts.get_mut(self.place) {
            *part = Some(self.tokens);
        }
        self.place = (self.place + 1) % PARTS;
        self.tokens = 0;
    }

    fn judge(&self) -> Result<(), TooSlow> {
        let Some(tokens) = self.parts.iter().copied().sum::<Option<u64>>() else { return Ok(()) };
        let per_second = tokens as f64 / TokenRate::WINDOW.as_secs_f64();
        if per_second < self.least.get() { Err(TooSlow { per_second, least: self.least.get() }) } else { Ok(()) }
    }
}

/// A stream that delivers less than it has to.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("The upstream sent {per_second:.2} tokens a second over {} s, fewer than the {least} that are asked of it.", TokenRate::WINDOW.as_secs())]
pub(super) struct TooSlow {
    per_second: f64,
    least: f64,
}

/// How many events with data are in a piece, which holds whole events only. Comments, which keep connections alive, are none.
fn data_lines(piece: &[u8]) -> u64 {
    piece.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"data:")).count() as u64
}
