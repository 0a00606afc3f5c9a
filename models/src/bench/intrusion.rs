//! What those who read answers notice of a long prompt that somebody else sends.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::BenchError;
use super::ask::{Asker, Hearing};
use super::figures::{greatest, median, milliseconds};

/// Answers that are being generated.
const STREAMS: usize = 8;

/// Tokens of their questions.
const QUESTION: usize = 24;

/// Tokens of the long prompt, where the model's context allows it.
const LONG: usize = 4096;

/// A long prompt among answers that are being generated.
#[derive(Debug, Clone, Serialize)]
pub struct Intrusion {
    /// How many answers.
    pub streams: usize,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Milliseconds until it was read.
    pub first_ms: f64,
    /// Between two tokens of an answer, without the prompt: before it came, and after it was read. Answers grow meanwhile, and with them
    /// what a step takes.
    pub without: Gaps,
    /// The same while the prompt was read.
    pub during: Gaps,
}

impl Intrusion {
    /// How many times the median gap the longest one was, while the prompt was read: whether answers go on evenly.
    pub fn unevenness(&self) -> f64 {
        self.during.longest_ms / self.during.median_ms
    }
}

/// Times between two tokens of the same answer.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Gaps {
    /// How many there were.
    pub count: usize,
    /// Milliseconds.
    pub median_ms: f64,
    /// Milliseconds.
    pub longest_ms: f64,
}

impl Gaps {
    /// Of those that lie within one of these times.
    fn of(answers: &[Vec<Instant>], times: &[(Instant, Instant)]) -> Result<Self, BenchError> {
        let pairs = answers.iter().flat_map(|tokens| tokens.iter().zip(tokens.iter().skip(1)));
        let within = pairs.filter(|(before, after)| times.iter().any(|(from, to)| *before >= from && *after <= to));
        let gaps: Vec<f64> = within.map(|(before, after)| milliseconds(*after - *before)).collect();
        let (count, longest) = (gaps.len(), greatest(&gaps));
        let (Some(median_ms), Some(longest_ms)) = (median(gaps), longest) else { return Err(BenchError::Nothing("gap")) };
        Ok(Self { count, median_ms, longest_ms })
    }
}

pub(super) async fn measure(asker: &Asker, span: Duration) -> Result<Intrusion, BenchError> {
    let context = asker.engine.context_length();
    let (leave, left) = watch::channel(());
    let streams: Vec<Hearing> = (0..STREAMS).map(|number| stream(asker, number, context, left.clone())).collect();
    // All have begun when one that came after them has been answered.
    asker.ask(asker.question(QUESTION, "the last", 1)).await?;
    let begun = Instant::now();
    sleep_until(begun + span / 2).await;
    let came = Instant::now();
    let heard = asker.ask(asker.question(LONG.min(context / 2), "a long prompt", 1)).await?;
    let read = Instant::now();
    let end = read + span / 2;
    sleep_until(end).await;
    drop(leave);
    let mut answers = Vec::new();
    for stream in streams {
        answers.push(stream.await??.tokens);
    }
    Ok(Intrusion {
        streams: STREAMS,
        prompt_tokens: heard.prompt_tokens,
        first_ms: milliseconds(heard.first_token()?),
        without: Gaps::of(&answers, &[(begun, came), (read, end)])?,
        during: Gaps::of(&answers, &[(came, read)])?,
    })
}

/// An answer that goes on until the other end of `left` is gone, or the model's context is full.
fn stream(asker: &Asker, number: usize, context: usize, mut left: watch::Receiver<()>) -> Hearing {
    let leave = async move {
        // Nothing is ever sent: it ends with an error when the sender is gone, and that is what is waited for.
        let _gone = left.changed().await;
    };
    asker.spawn(asker.question(QUESTION, &format!("stream {number}"), context), leave)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_those_of_one_answer_within_the_time() {
        let start = Instant::now();
        let at = |milliseconds: &[u64]| -> Vec<Instant> {
            milliseconds.iter().map(|milliseconds| start + Duration::from_millis(*milliseconds)).collect()
        };
        let answers = [at(&[0, 10, 20, 50, 900]), at(&[5, 15, 40])];
        let until = |milliseconds| start + Duration::from_millis(milliseconds);
        let gaps = Gaps::of(&answers, &[(start, until(100))]).unwrap();
        assert_eq!((gaps.count, gaps.median_ms.round(), gaps.longest_ms.round()), (5, 10.0, 30.0));
        let apart = Gaps::of(&answers, &[(start, until(15)), (until(20), until(900))]).unwrap();
        assert_eq!((apart.count, apart.longest_ms.round()), (4, 850.0));
        assert!(Gaps::of(&answers, &[(start, start)]).is_err());
    }
}
