//! How long an upstream asks to be left alone, in all the spellings in use.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header::RETRY_AFTER};

/// Nobody waits longer than this, whatever a header says.
const LONGEST: Duration = Duration::from_secs(300);

/// Reads, in the order of the vendors' SDKs: `retry-after-ms`, `x-ms-retry-after-ms`, `retry-after` in seconds (a fraction is
/// accepted), `retry-after` as an HTTP date, judged by `now`. Capped at five minutes; nonsense is as good as no header.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let milliseconds = |name| text(name).and_then(|value| seconds(value, 1e-3));
    milliseconds("retry-after-ms").or_else(|| milliseconds("x-ms-retry-after-ms")).or_else(|| {
        let value = text(RETRY_AFTER.as_str())?;
        seconds(value, 1.0).or_else(|| {
            let until = httpdate::parse_http_date(value).ok()?;
            Some(until.duration_since(now).unwrap_or_default().min(LONGEST))
        })
    })
}

fn seconds(value: &str, unit: f64) -> Option<Duration> {
    let seconds = value.parse::<f64>().ok()? * unit;
    (seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(LONGEST.as_secs_f64())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &'static str, value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        retry_after(&headers, httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap())
    }

    #[test]
    fn reads_every_spelling() {
        assert_eq!(read("retry-after-ms", "1500"), Some(Duration::from_millis(1500)));
        assert_eq!(read("x-ms-retry-after-ms", "20"), Some(Duration::from_millis(20)));
        assert_eq!(read("retry-after", "2"), Some(Duration::from_secs(2)));
        assert_eq!(read("retry-after", "0.25"), Some(Duration::from_millis(250)));
        assert_eq!(read("retry-after", "Sun, 06 Nov 1994 08:49:50 GMT"), Some(Duration::from_secs(13)));
    }

    #[test]
    fn a_date_in_the_past_means_now() {
        assert_eq!(read("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn absurd_values_are_capped_or_ignored() {
        assert_eq!(read("retry-after", "99999999"), Some(LONGEST));
        assert_eq!(read("retry-after", "1e300"), Some(LONGEST));
        assert_eq!(read("retry-after", "-1"), None);
        assert_eq!(read("retry-after", "NaN"), None);
        assert_eq!(read("retry-after", "soon"), None);
    }
}
