//! The kinds of value a setting can have: each reads one TOML value, or says what it expected.

use std::fmt::Display;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use toml::de::DeValue;

use super::ByteSize;

/// "expected …, found …".
pub(super) fn expected(wanted: &str, found: &DeValue<'_>) -> String {
    let found = match found {
        DeValue::String(text) => format!("the text {text:?}"),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    };
    format!("expected {wanted}, found {found}")
}

/// A text that is not empty.
pub(super) fn text(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) if !text.is_empty() => Ok(text.clone().into_owned()),
        other => Err(expected("a text in quotes that is not empty", other)),
    }
}

/// A text that `T` understands.
pub(super) fn parsed<T: FromStr<Err: Display>>(value: &DeValue<'_>) -> Result<T, String> {
    text(value)?.parse().map_err(|error: T::Err| error.to_string())
}

/// `true` or `false`.
pub(super) fn flag(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| expected("true or false", value))
}

/// A whole number in `accepted`.
pub(super) fn count(accepted: RangeInclusive<usize>) -> impl FnOnce(&DeValue<'_>) -> Result<NonZeroUsize, String> {
    move |value| {
        value
            .as_integer()
            .and_then(|number| usize::from_str_radix(number.as_str(), number.radix()).ok())
            .filter(|number| accepted.contains(number))
            .and_then(NonZeroUsize::new)
            .ok_or_else(|| {
                let wanted = format!("a whole number from {} to {}", accepted.start(), accepted.end());
                expected(&wanted, value)
            })
    }
}

/// A size in `accepted`.
pub(super) fn size(accepted: RangeInclusive<ByteSize>) -> impl FnOnce(&DeValue<'_>) -> Result<ByteSize, String> {
    move |value| {
        let size: ByteSize = match value {
            DeValue::Integer(number) => number.as_str().parse().map_err(|error: super::InvalidByteSize| error.to_string())?,
            other => parsed(other)?,
        };
        if accepted.contains(&size) {
            Ok(size)
        } else {
            Err(format!("expected a size from {} to {}, found {size}", accepted.start(), accepted.end()))
        }
    }
}

/// A duration in `accepted`, such as `10s` or `1m 30s`.
pub(super) fn duration(accepted: RangeInclusive<Duration>) -> impl FnOnce(&DeValue<'_>) -> Result<Duration, String> {
    move |value| {
        let wanted = || {
            let (from, to) = (humantime::format_duration(*accepted.start()), humantime::format_duration(*accepted.end()));
            expected(&format!("a duration from {from} to {to} in quotes, for example \"30s\""), value)
        };
        let duration = humantime::parse_duration(&text(value).map_err(|_| wanted())?).map_err(|_| wanted())?;
        if accepted.contains(&duration) { Ok(duration) } else { Err(wanted()) }
    }
}

/// A list of texts, at least one.
pub(super) fn texts(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let wanted = || expected("a list of texts, for example [\"tradewind\"]", value);
    let elements = value.as_array().filter(|elements| !elements.is_empty()).ok_or_else(wanted)?;
    elements.iter().map(|element| text(element.get_ref())).collect()
}
