//! Binding, with errors that say what to do.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;
use tokio::net::{TcpListener, lookup_host};

use crate::config::ListenAddress;

/// One listening socket for each address that the typed one stands for.
#[derive(Debug)]
pub struct Listeners {
    sockets: Vec<TcpListener>,
}

/// An address cannot be listened on.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {}; choose another with {flag}", reason(.source))]
pub struct BindError {
    address: String,
    flag: &'static str,
    source: io::Error,
}

impl Listeners {
    /// Listens on `address`; `flag` is the option that would change it, for the error message.
    ///
    /// `localhost` is both loopback addresses where the machine has IPv6, because clients differ in which they try
    /// first; any other name is all the addresses it resolves to.
    ///
    /// # Errors
    /// When the name does not resolve, or one of its addresses is in use or not permitted.
    pub async fn bind(address: &ListenAddress, flag: &'static str) -> Result<Self, BindError> {
        if address.host().eq_ignore_ascii_case("localhost") {
            return Self::bind_loopback(address.port(), flag).await;
        }
        let failed = |source| BindError { address: address.to_string(), flag, source };
        let resolved = lookup_host((address.host(), address.port())).await.map_err(failed)?;
        let mut sockets = Vec::new();
        for address in resolved {
            sockets.push(bind(address, flag).await?);
        }
        if sockets.is_empty() {
            return Err(failed(io::Error::new(io::ErrorKind::NotFound, "the name has no address")));
        }
        Ok(Self { sockets })
    }

    async fn bind_loopback(port: u16, flag: &'static str) -> Result<Self, BindError> {
        let v4 = bind((Ipv4Addr::LOCALHOST, port).into(), flag).await?;
        // The second socket follows the first, so that port 0 is one port.
        let port = v4.local_addr().map_or(port, |address| address.port());
        let mut sockets = vec![v4];
        match bind((Ipv6Addr::LOCALHOST, port).into(), flag).await {
            Ok(v6) => sockets.push(v6),
            Err(error) if error.source.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(error) => tracing::info!(%error, "serving localhost by IPv4 only"),
        }
        Ok(Self { sockets })
    }

    /// Where they listen, with the real port where 0 was asked for.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.sockets.iter().map(TcpListener::local_addr).collect()
    }

    pub(super) fn into_sockets(self) -> Vec<TcpListener> {
        self.sockets
    }
}

async fn bind(address: SocketAddr, flag: &'static str) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { address: address.to_string(), flag, source })
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "address already in use".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "permission denied (ports below 1024 need root or the capability CAP_NET_BIND_SERVICE)".to_owned()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn localhost_is_every_loopback_address_on_one_port() {
        let listeners = Listeners::bind(&"localhost:0".parse().unwrap(), "--listen").await.unwrap();
        let addresses = listeners.addresses().unwrap();
        assert!(addresses.iter().all(|address| address.ip().is_loopback()));
        assert!(addresses.iter().any(SocketAddr::is_ipv4));
        assert!(addresses.iter().all(|address| address.port() == addresses[0].port()));
    }

    #[tokio::test]
    async fn a_port_in_use_names_the_address_and_the_flag() {
        let first = Listeners::bind(&"127.0.0.1:0".parse().unwrap(), "--listen").await.unwrap();
        let taken = first.addresses().unwrap()[0];
        let error = Listeners::bind(&taken.to_string().parse().unwrap(), "--listen").await.unwrap_err();
        assert_eq!(error.to_string(), format!("cannot listen on {taken}: address already in use; choose another with --listen"));
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_refused_in_words() {
        let error = Listeners::bind(&"192.0.2.1:8443".parse().unwrap(), "--admin").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot listen on 192.0.2.1:8443: this machine does not have that address; choose another with --admin"
        );
    }
}
