//! A name as one segment of a path.

use super::path::escape;

/// `name` as one segment of a path: all but unreserved characters escaped, so that a model's name can neither leave its place (`/`, `..`)
/// nor add a query.
pub(crate) fn path_segment(name: &str) -> String {
    let mut segment = String::with_capacity(name.len() + 8);
    // A segment of dots alone is resolved by whoever normalises the path, unless it is escaped.
    if name.bytes().all(|byte| byte == b'.') {
        return "%2E".repeat(name.len());
    }
    escape(&mut segment, name.as_bytes(), |_| false);
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_segment() {
        assert_eq!(path_segment("anthropic.claude-v2:0"), "anthropic.claude-v2%3A0");
        assert_eq!(
            path_segment("arn:aws:bedrock:r:1:inference-profile/x"),
            "arn%3Aaws%3Abedrock%3Ar%3A1%3Ainference-profile%2Fx"
        );
        assert_eq!(path_segment("../../admin?x#y%2f"), "..%2F..%2Fadmin%3Fx%23y%252f");
        assert_eq!(path_segment(".."), "%2E%2E");
    }
}
