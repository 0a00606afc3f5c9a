//! The path and the query of a canonical request.

use std::{borrow::Cow, fmt::Write as _};

/// How the path of a request is brought into its canonical form. S3 differs from all other services.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PathRule {
    pub(super) escapes: Escapes,
    pub(super) dots: Dots,
}

/// What becomes of the escapes that the path is sent with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Escapes {
    /// They are escaped again: `%3A` becomes `%253A`.
    #[default]
    Again,
    /// They stand: what the test cases, written for requests that are not escaped yet, and S3 want.
    Stand,
}

/// What becomes of `.`, `..` and empty segments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Dots {
    /// They are resolved.
    #[default]
    Resolve,
    /// They stand.
    #[cfg_attr(not(test), expect(dead_code, reason = "no service that the gateway signs for wants it; AWS's test cases do"))]
    Stand,
}

/// Writes the canonical form of `path`.
pub(super) fn write_path(out: &mut String, path: &str, rule: PathRule) {
    let path = match rule.dots {
        Dots::Resolve => resolve_dots(path),
        Dots::Stand => Cow::Borrowed(path),
    };
    if !path.starts_with('/') {
        out.push('/');
    }
    let stands = |byte| byte == b'/' || (byte == b'%' && rule.escapes == Escapes::Stand);
    escape(out, path.as_bytes(), stands);
}

/// Writes the canonical form of `query`: pairs in order of name and value, each escaped once, however they were spelled.
pub(super) fn write_query(out: &mut String, query: &str) {
    if query.is_empty() {
        return;
    }
    let part = |text: &str| {
        let mut escaped = String::with_capacity(text.len());
        escape(&mut escaped, &unescape(text), |_| false);
        escaped
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<_> =
        pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(n, v)| (part(n), part(v))).collect();
    pairs.sort_unstable();
    for (number, (name, value)) in pairs.iter().enumerate() {
        if number > 0 {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        out.push_str(value);
    }
}

/// Writes `bytes` with all but unreserved characters (RFC 3986) and those that stand escaped.
pub(super) fn escape(out: &mut String, bytes: &[u8], stands: impl Fn(u8) -> bool) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') || stands(byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _infallible = write!(out, "%{byte:02X}");
        }
    }
}

fn unescape(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('%') {
        return Cow::Borrowed(text.as_bytes());
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&byte, tail)) = rest.split_first() {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match tail {
            [high, low, after @ ..] if byte == b'%' && digit(*high).is_some() && digit(*low).is_some() => {
                bytes.push(digit(*high).unwrap_or_default() << 4 | digit(*low).unwrap_or_default());
                rest = after;
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    Cow::Owned(bytes)
}

/// The path without `.`, `..` and empty segments.
fn resolve_dots(path: &str) -> Cow<'_, str> {
    if !path.contains("/.") && !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    let mut resolved = format!("/{}", segments.join("/"));
    if path.ends_with('/') && !segments.is_empty() {
        resolved.push('/');
    }
    Cow::Owned(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(path: &str) -> String {
        let mut out = String::new();
        write_path(&mut out, path, PathRule::default());
        out
    }

    #[test]
    fn escapes_once_more_what_is_sent() {
        assert_eq!(canonical("/model/a-v2%3A0/converse"), "/model/a-v2%253A0/converse");
        assert_eq!(canonical("/model/a-v2:0/converse"), "/model/a-v2%3A0/converse");
        assert_eq!(canonical(""), "/");
        assert_eq!(canonical("/a/.hidden/b..c/../d~"), "/a/.hidden/d~");
    }

    #[test]
    fn a_query_is_sorted_and_escaped_once() {
        let mut out = String::new();
        write_query(&mut out, "b=2&a=%2f&a=1&c&&%zz=%C3%A4");
        assert_eq!(out, "%25zz=%C3%A4&a=%2F&a=1&b=2&c=");
    }
}
