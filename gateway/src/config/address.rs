//! Where a listener listens, as an operator types it: `localhost:8443`, `0.0.0.0:443`, `[::]:8443`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A host name or IP address with a port. Names are resolved when the listener is bound, not before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    host: String,
    port: u16,
}

/// Not of the form `host:port`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{typed:?} is not an address; write host:port, for example localhost:8443 or [::]:8443")]
pub struct InvalidAddress {
    typed: String,
}

impl ListenAddress {
    /// Where applications connect unless configured otherwise: loopback, so that a first start exposes nothing.
    pub(super) fn default_public() -> Self {
        Self { host: "localhost".to_owned(), port: 8443 }
    }

    /// Where operators find metrics and health unless configured otherwise.
    pub(super) fn default_admin() -> Self {
        Self { host: "127.0.0.1".to_owned(), port: 9901 }
    }

    /// The name or IP address, without the brackets of an IPv6 literal.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 0 lets the system choose one.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for ListenAddress {
    type Err = InvalidAddress;

    fn from_str(typed: &str) -> Result<Self, InvalidAddress> {
        let invalid = || InvalidAddress { typed: typed.to_owned() };
        let (host, port) = typed.rsplit_once(':').ok_or_else(invalid)?;
        let port = port.parse().map_err(|_| invalid())?;
        let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(v6) => v6.parse::<std::net::Ipv6Addr>().map_err(|_| invalid())?.to_string(),
            // A colon outside brackets is an IPv6 address whose last group would be taken for the port.
            None if host.contains(':') => return Err(invalid()),
            None => host.to_owned(),
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == '/' || c == '@') {
            return Err(invalid());
        }
        Ok(Self { host, port })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_names_and_both_kinds_of_ip_address() {
        for typed in ["localhost:8443", "0.0.0.0:443", "[::1]:0", "gateway.internal:8443"] {
            assert_eq!(typed.parse::<ListenAddress>().unwrap().to_string(), typed);
        }
    }

    #[test]
    fn refuses_what_is_not_host_and_port_and_shows_it() {
        for typed in ["", "8443", ":8443", "::1:8443", "[::1]", "localhost:", "localhost:70000", "https://a:1"] {
            let error = typed.parse::<ListenAddress>().unwrap_err().to_string();
            assert!(error.contains(&format!("{typed:?}")), "{error}");
            assert!(error.contains("localhost:8443"), "{error}");
        }
    }
}
