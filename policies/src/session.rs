//! What requests of one conversation have in common, without what it was called.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256};

use crate::hex;
use crate::name::TenantId;

/// Keeps the digest apart from others.
const PURPOSE: &[u8] = b"tradewind session 1\0";

/// The fingerprint of a session: requests of the same tenant and of the same name have the same one, in every process and for good. The same
/// name at another tenant is another session. It hides a name only as well as that cannot be guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Session(u128);

/// Not the text of a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a session: write 32 hexadecimal digits")]
pub struct InvalidSession(String);

impl Session {
    /// That of the name which `tenant` gave it.
    pub fn of(tenant: &TenantId, name: &[u8]) -> Self {
        let mut context = Context::new(&SHA256);
        // No tenant's name holds a zero, which so keeps both parts apart.
        for part in [PURPOSE, tenant.as_str().as_bytes(), b"\0", name] {
            context.update(part);
        }
        let digest = hex::digest(context);
        Self(digest.iter().take(16).fold(0, |all, byte| all << 8 | u128::from(*byte)))
    }

    /// Its number in a draw: equally likely to be any, and independent of those in other draws.
    pub(crate) fn number_in(self, draw: Draw) -> u64 {
        let [high, low] = [self.0 >> 64, self.0].map(|half| half as u64);
        mixed(high ^ mixed(low ^ draw.0))
    }
}

/// What sessions draw numbers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Draw(u64);

impl Draw {
    /// That of a name; `purpose` keeps it apart from others of the same name.
    pub(crate) fn of(purpose: &[u8], name: &str) -> Self {
        let mut context = Context::new(&SHA256);
        for part in [purpose, name.as_bytes()] {
            context.update(part);
        }
        Self(hex::digest(context).iter().take(8).fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }
}

/// Spreads any difference over all bits: the finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
const fn mixed(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

impl fmt::Display for Session {
    /// The first half of the SHA-256, in 32 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Session {
    type Err = InvalidSession;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, InvalidSession> {
        let is_session = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bits = is_session.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        bits.map(Self).ok_or_else(|| InvalidSession(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tenant: &str, name: &str) -> Session {
        Session::of(&tenant.parse().unwrap(), name.as_bytes())
    }

    #[test]
    fn a_session_is_that_of_its_tenant_and_its_name() {
        assert_eq!(of("acme", "s"), of("acme", "s"));
        for other in [of("acme", "t"), of("bank", "s"), of("acm", "es")] {
            assert_ne!(of("acme", "s"), other);
        }
    }

    #[test]
    fn it_is_the_first_half_of_a_sha_256_and_read_as_it_is_written() {
        // printf 'tradewind session 1\0acme\0s' | sha256sum | cut -c -32
        let text = of("acme", "s").to_string();
        assert_eq!(text, "3d6374631dd3c3ee3cb35c538838101c");
        assert_eq!(text.parse(), Ok(of("acme", "s")));
        for bad in ["", "ab", &"g".repeat(32), &"0".repeat(33), &format!("+{}", "0".repeat(31))] {
            assert_eq!(bad.parse::<Session>(), Err(InvalidSession((*bad).to_owned())));
        }
    }
}
