//! A recorded trace: when requests came, and how long they were.

use std::path::Path;
use std::time::Duration;

use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::Failure;

const TIMESTAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second][optional [.[subsecond]]]");

/// One request of a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Arrival {
    /// Since the first one.
    pub(crate) at: Duration,
    pub(crate) prompt_tokens: u32,
    pub(crate) output_tokens: u32,
}

/// Requests in the order in which they came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trace(Vec<Arrival>);

impl Trace {
    /// Reads lines of `timestamp,prompt tokens,output tokens`. More columns are ignored, and so is a first line that is a heading. Timestamps are
    /// seconds, or `YYYY-MM-DD HH:MM:SS.fraction`.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut rows = Vec::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match row(line) {
                Some(row) => rows.push(row),
                None if index == 0 => {}
                None => {
                    return Err(format!("line {}: {line:?} is no `timestamp,prompt tokens,output tokens`", index + 1));
                }
            }
        }
        rows.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
        let began = rows.first().map(|(at, ..)| *at).ok_or("there is no request in it")?;
        let arrival = |(at, prompt_tokens, output_tokens): (f64, u32, u32)| {
            let at = Duration::try_from_secs_f64(at - began).map_err(|error| error.to_string())?;
            Ok(Arrival { at, prompt_tokens, output_tokens })
        };
        Ok(Self(rows.into_iter().map(arrival).collect::<Result<_, String>>()?))
    }

    /// Those of its first part.
    pub(crate) fn first(&self, length: Duration) -> Vec<Arrival> {
        self.0.iter().take_while(|arrival| arrival.at <= length).copied().collect()
    }
}

/// Seconds, and the tokens of prompt and answer, at least one of each.
fn row(line: &str) -> Option<(f64, u32, u32)> {
    let mut columns = line.split(',').map(str::trim);
    let at = columns.next()?;
    let seconds = at.parse().ok().filter(|seconds: &f64| seconds.is_finite()).or_else(|| timestamp(at))?;
    let mut tokens = || Some(columns.next()?.parse::<u32>().ok()?.max(1));
    Some((seconds, tokens()?, tokens()?))
}

fn timestamp(text: &str) -> Option<f64> {
    let at = PrimitiveDateTime::parse(text, TIMESTAMP).ok()?.assume_utc();
    Some(at.unix_timestamp() as f64 + f64::from(at.nanosecond()) * 1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_seconds_and_timestamps_and_puts_them_in_order() {
        let text = "TIMESTAMP,ContextTokens,GeneratedTokens\n\
            2023-11-16 18:17:04.5000000,3180,8\n2023-11-16 18:17:03.9799600,4808,0\n";
        let trace = Trace::parse(text).unwrap();
        assert_eq!(trace.0[0], Arrival { at: Duration::ZERO, prompt_tokens: 4808, output_tokens: 1 });
        assert!((trace.0[1].at.as_secs_f64() - 0.52004).abs() < 1e-6);
        let seconds = Trace::parse("10,1,2,more\n12.5,3,4\n").unwrap();
        assert_eq!(seconds.first(Duration::from_secs(2)).len(), 1);
        assert_eq!(seconds.first(Duration::from_secs(3))[1].at, Duration::from_millis(2500));
    }

    #[test]
    fn says_which_line_is_none() {
        assert!(Trace::parse("1,2,3\n4,five,6\n").unwrap_err().starts_with("line 2: \"4,five,6\""));
        assert!(Trace::parse("a,b,c\n").unwrap_err().contains("no request"));
    }
}
