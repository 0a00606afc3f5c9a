//! Where a region's services live.

/// What the names of a region's hosts end with.
#[must_use]
pub fn dns_suffix(region: &str) -> &'static str {
    match partition(region) {
        "aws-cn" => "amazonaws.com.cn",
        "aws-eusc" => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}

/// The partition of a region, as ARNs name it.
#[must_use]
pub fn partition(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("eusc") => "aws-eusc",
        Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_have_their_own_names() {
        assert_eq!((partition("us-east-1"), dns_suffix("us-east-1")), ("aws", "amazonaws.com"));
        assert_eq!((partition("us-gov-west-1"), dns_suffix("us-gov-west-1")), ("aws-us-gov", "amazonaws.com"));
        assert_eq!((partition("cn-north-1"), dns_suffix("cn-north-1")), ("aws-cn", "amazonaws.com.cn"));
        assert_eq!((partition("eusc-de-east-1"), dns_suffix("eusc-de-east-1")), ("aws-eusc", "amazonaws.eu"));
    }
}
