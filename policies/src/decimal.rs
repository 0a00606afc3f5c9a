//! Decimal numbers read exactly: money and shares are not rounded to what a float can hold.

/// The decimal `text` times ten to the power of `places`. `None` if it is not one (signs other than `+` and exponents are not taken), has
/// more than `places` digits after the point, or is too large.
pub(crate) fn scaled(text: &str, places: usize) -> Option<u64> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = part.trim_end_matches('0');
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > places || !digits(whole) || !digits(part) {
        return None;
    }
    format!("{whole}{part:0<places$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_read_to_its_last_digit_or_not_at_all() {
        for (text, places, value) in [
            ("1.25", 9, Some(1_250_000_000)),
            ("+0.1", 9, Some(100_000_000)),
            ("10", 2, Some(1000)),
            ("2.500", 1, Some(25)),
            ("2.55", 1, None),
            ("18446744073709551616", 0, None),
            ("-1", 2, None),
            ("1e3", 2, None),
            ("inf", 2, None),
            (".5", 2, None),
            ("", 2, None),
        ] {
            assert_eq!(scaled(text, places), value, "{text}");
        }
    }
}
