//! What a plan is recognised by when somebody wants to carry it out.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256};

use crate::hex::{self, InvalidHash};
use crate::source::PolicyHash;

/// Keeps the digest apart from others over two policies.
const PURPOSE: &[u8] = b"tradewind plan 1\0";

/// A fingerprint of one step: from the policy in force to a new one. Whoever carries out a plan shows its hash, and is refused if by then
/// another policy is in force or the new one was changed, for then what the plan said of the step does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PlanHash([u8; 32]);

impl PlanHash {
    /// The step from `current`, the policy in force, to `new`.
    pub fn of(current: PolicyHash, new: PolicyHash) -> Self {
        let mut context = Context::new(&SHA256);
        for part in [PURPOSE, current.as_bytes(), new.as_bytes()] {
            context.update(part);
        }
        Self(hex::digest(context))
    }
}

impl fmt::Display for PlanHash {
    /// SHA-256 in 64 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, &self.0)
    }
}

impl fmt::Debug for PlanHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PlanHash {
    type Err = InvalidHash;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        hex::read(text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> PolicyHash {
        PolicyHash::of([text])
    }

    #[test]
    fn a_plan_is_one_step_in_one_direction() {
        let plan = PlanHash::of(policy("a"), policy("b"));
        assert_eq!(plan, PlanHash::of(policy("a"), policy("b")));
        for other in [("b", "a"), ("a", "c"), ("c", "b")] {
            assert_ne!(plan, PlanHash::of(policy(other.0), policy(other.1)), "{other:?}");
        }
    }

    #[test]
    fn the_hash_is_sha_256_over_the_purpose_and_both_hashes() {
        // printf of the purpose, then the SHA-256 of each policy as bytes, piped into sha256sum
        let plan = PlanHash::of(policy("a"), policy("b")).to_string();
        assert_eq!(plan, "8ea4815200f718d77a620b50404de652808405305c7e4ee0aac68442a3110644");
        assert_eq!(plan.parse::<PlanHash>().unwrap().to_string(), plan);
    }
}
