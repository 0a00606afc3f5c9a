//! Recorded traffic: lines of `timestamp,prompt tokens,output tokens`, as Azure publishes them.

use super::scenario::Traced;

/// What is wrong with a trace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TraceError {
    #[error("line {line}: {what}; accepted: `timestamp,prompt tokens,output tokens` with more columns ignored")]
    Line { line: usize, what: &'static str },
    #[error("no request; accepted: lines of `timestamp,prompt tokens,output tokens`, the first of which may be a heading")]
    Empty,
}

/// The requests of a trace in the order of time, the first at 0.
pub(super) fn parse(text: &str) -> Result<Vec<Traced>, TraceError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let is_heading = |line: &str| line.split(',').nth(1).is_some_and(|field| field.trim().parse::<f64>().is_err());
    let requests = lines
        .filter(|(number, line)| *number > 0 || !is_heading(line))
        .map(|(number, line)| request(line).map_err(|what| TraceError::Line { line: number + 1, what }));
    let mut requests = requests.collect::<Result<Vec<_>, _>>()?;
    requests.sort_by(|a, b| a.at.total_cmp(&b.at));
    let first = requests.first().ok_or(TraceError::Empty)?.at;
    requests.iter_mut().for_each(|request| request.at -= first);
    Ok(requests)
}

/// The requests from `skip` on, that many times as fast.
pub(super) fn excerpt(requests: Vec<Traced>, skip: f64, speed_up: f64) -> Vec<Traced> {
    let kept = requests.into_iter().filter(|request| request.at >= skip);
    kept.map(|request| Traced { at: (request.at - skip) / speed_up, ..request }).collect()
}

fn request(line: &str) -> Result<Traced, &'static str> {
    let mut fields = line.split(',').map(str::trim);
    let at = fields.next().and_then(timestamp).ok_or("the first column is neither a number of seconds nor a date with a time")?;
    let prompt = fields.next().and_then(tokens).ok_or("the second column is not a number of tokens")?;
    let output = fields.next().and_then(tokens).ok_or("the third column is not a number of tokens")?;
    // An answer without a token has no first token to wait for.
    Ok(Traced { at, prompt, output: output.max(1) })
}

fn tokens(field: &str) -> Option<u32> {
    field.parse().ok()
}

/// Seconds, as such or as `YYYY-MM-DD HH:MM:SS.fraction`, in a time zone that is the same in all lines.
fn timestamp(field: &str) -> Option<f64> {
    if let Ok(seconds) = field.parse::<f64>() {
        return seconds.is_finite().then_some(seconds);
    }
    let (date, time) = field.split_once([' ', 'T'])?;
    let time = time.trim_end_matches("+00:00").trim_end_matches('Z');
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let days = days_since_1970(date.next()??, date.next()??, date.next()??);
    let mut time = time.splitn(3, ':').map(|part| part.parse::<f64>().ok());
    Some(days as f64 * 86400.0 + time.next()?? * 3600.0 + time.next()?? * 60.0 + time.next()??)
}

/// Days from 1970-01-01 in the Gregorian calendar, by counting from March, so that a leap day comes last in its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_azures_lines_and_counts_from_the_first_request() {
        let text = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 23:59:59.5000000,4808,10\n2023-11-17 00:00:01.0,3180,0\n";
        let requests = parse(text).unwrap();
        assert_eq!(requests, [Traced { at: 0.0, prompt: 4808, output: 10 }, Traced { at: 1.5, prompt: 3180, output: 1 }]);
    }

    #[test]
    fn reads_plain_seconds_without_a_heading_in_any_order() {
        let requests = parse("12,2,3\n10,1,2,ignored\n").unwrap();
        assert_eq!(requests.iter().map(|request| (request.at, request.prompt)).collect::<Vec<_>>(), [(0.0, 1), (2.0, 2)]);
    }

    #[test]
    fn says_which_line_is_wrong_and_why() {
        let error = parse("1,2,3\n2,many,3\n").unwrap_err().to_string();
        assert!(error.starts_with("line 2: the second column is not a number of tokens"), "{error}");
        assert_eq!(parse("a,b,c\n"), Err(TraceError::Empty));
    }

    #[test]
    fn days_are_counted_over_leap_years() {
        assert_eq!(days_since_1970(1970, 1, 1), 0);
        assert_eq!(days_since_1970(2000, 3, 1) - days_since_1970(2000, 2, 28), 2);
        assert_eq!(days_since_1970(2023, 11, 16), 19_677);
    }

    #[test]
    fn an_excerpt_starts_later_and_runs_faster() {
        let requests = parse("0,1,1\n10,2,2\n30,3,3\n").unwrap();
        let at: Vec<_> = excerpt(requests, 10.0, 4.0).into_iter().map(|request| request.at).collect();
        assert_eq!(at, [0.0, 5.0]);
    }
}
