//! The one spelling of a request that both sides of a signature hash.

use http::HeaderMap;

use super::path::{PathRule, write_path, write_query};

/// What is signed of a request.
#[derive(Debug)]
pub(super) struct Canonical<'a> {
    pub(super) method: &'a str,
    /// As it is sent.
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    /// Names in lower case, in order of the names; those of one name stay as they came.
    pub(super) headers: Vec<(&'a str, &'a [u8])>,
    /// The SHA-256 of the body, in hexadecimal.
    pub(super) body_hash: &'a str,
    pub(super) rule: PathRule,
}

impl Canonical<'_> {
    /// The whole, line by line.
    pub(super) fn text(&self) -> String {
        let mut out = String::with_capacity(512);
        out.push_str(self.method);
        out.push('\n');
        write_path(&mut out, self.path, self.rule);
        out.push('\n');
        write_query(&mut out, self.query);
        out.push('\n');
        let mut last = "";
        for (name, value) in &self.headers {
            if *name == last {
                // The line of the header before is continued.
                out.pop();
                out.push(',');
            } else {
                out.push_str(name);
                out.push(':');
                last = name;
            }
            push_trimmed(&mut out, value);
            out.push('\n');
        }
        out.push('\n');
        out.push_str(&self.signed_headers());
        out.push('\n');
        out.push_str(self.body_hash);
        out
    }

    /// The names of the headers, separated by semicolons.
    pub(super) fn signed_headers(&self) -> String {
        let mut out = String::with_capacity(64);
        let mut last = "";
        for (name, _) in self.headers.iter().filter(|(name, _)| !name.is_empty()) {
            if *name != last {
                if !last.is_empty() {
                    out.push(';');
                }
                out.push_str(name);
                last = name;
            }
        }
        out
    }
}

/// The headers of `map` that are signed, in order. What a proxy or the HTTP stack adds, changes or removes on the way is left out.
pub(super) fn signed(map: &HeaderMap) -> Vec<(&str, &[u8])> {
    let headers = map.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let mut headers: Vec<_> = headers.filter(|(name, _)| is_signed(name)).collect();
    headers.sort_by_key(|(name, _)| *name);
    headers
}

fn is_signed(name: &str) -> bool {
    !matches!(
        name,
        "accept"
            | "accept-encoding"
            | "authorization"
            | "baggage"
            | "connection"
            | "expect"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "traceparent"
            | "tracestate"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "user-agent"
            | "x-amzn-trace-id"
    )
}

/// Without white space at the ends, and with single spaces between words. What is not UTF-8 (RFC 9110 allows Latin-1) goes byte by byte.
fn push_trimmed(out: &mut String, value: &[u8]) {
    let text = String::from_utf8_lossy(value);
    for (number, word) in text.split_ascii_whitespace().enumerate() {
        if number > 0 {
            out.push(' ');
        }
        out.push_str(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_on_the_way_is_not_signed() {
        let names = ["host", "user-agent", "x-amz-date", "traceparent", "content-type", "connection", "x-amzn-trace-id"];
        let map: HeaderMap = names.iter().map(|name| (name.parse().unwrap(), "v".parse().unwrap())).collect();
        let signed: Vec<_> = signed(&map).into_iter().map(|(name, _)| name).collect();
        assert_eq!(signed, ["content-type", "host", "x-amz-date"]);
    }
}
